from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from harvest import embedders
from harvest.errors import LedgerError
from harvest.images.decode import decode_rgb
from harvest.ledger import count_vectors, decided, images, latest_stage, open_ledger, vectors
from harvest.progress import SilentProgress
from harvest.stages.vectors import embed_all, embed_images, undecodable_digest
from tests.patience import wait_until

MODELS = ("pixels", "colours", "harvest-demo")

# Embeds one batch and waits to be killed.
PROGRAM = """
import itertools, sys, time
from pathlib import Path
from harvest.progress import SilentProgress
from harvest.stages import vectors
from harvest.workspace import Workspace

def slow(*arguments, **settings):
    yield from itertools.islice(embedded(*arguments, **settings), 1)
    time.sleep(3600)

embedded, vectors.embed, vectors._SECONDS = vectors.embed, slow, 0.0
vectors.embed_all(Workspace(Path(sys.argv[1])), ["pixels"], progress=SilentProgress())
"""


def embed(workspace, *names):
    return embed_all(workspace, names, progress=SilentProgress())


def test_models_that_lack_an_image_share_one_look_at_it(herbarium, picture):
    for seed in range(5):
        herbarium.meet(picture(seed))
    herbarium.crawl()
    embed(herbarium.workspace, "pixels")
    herbarium.meet(picture(5))
    herbarium.crawl()

    reports = embed(herbarium.workspace, *MODELS)

    assert {name: (report.done, report.skipped) for name, report in reports.items()} == {
        "pixels": (1, 5),
        "colours": (6, 0),
        "harvest-demo": (6, 0),
    }
    with open_ledger(herbarium.workspace) as con:
        assert [count_vectors(con, embedders.model_id_of(name)) for name in MODELS] == [6, 6, 6]
        assert latest_stage(con, "embed", "colours").detail["model"] == embedders.model_id_of("colours")
    assert [report.done for report in embed(herbarium.workspace, *MODELS).values()] == [0, 0, 0]


def test_a_vector_does_not_hang_on_the_other_models_that_were_asked(herbarium, picture):
    for seed in range(3):
        herbarium.meet(picture(seed, 1400, 1000))
    herbarium.crawl()

    embed(herbarium.workspace, *MODELS)

    with open_ledger(herbarium.workspace) as con:
        here = [herbarium.workspace.root / image.path for image in images(con)]
        found = {name: vectors(con, embedders.model_id_of(name))[1] for name in MODELS}
    for name in MODELS:
        embedder = embedders.load(name)
        framed = np.stack([embedder.framing(decode_rgb(path, longest=embedder.framing.least)) for path in here])
        assert (found[name] * embedder.images(framed)).sum(axis=1).min() >= 0.999


def test_an_image_that_does_not_decode_is_a_row_for_each_model(herbarium, picture):
    herbarium.meet(picture(1))
    herbarium.meet(picture(2))
    herbarium.crawl()
    with open_ledger(herbarium.workspace) as con:
        broken = images(con)[0]
    original = herbarium.workspace.root / broken.path
    original.write_bytes(original.read_bytes()[:1500])

    reports = embed(herbarium.workspace, "pixels", "colours")

    assert [(report.done, report.dropped) for report in reports.values()] == [(2, 1), (2, 1)]
    with open_ledger(herbarium.workspace) as con:
        for name in ("pixels", "colours"):
            assert decided(con, "embed", undecodable_digest(embedders.model_id_of(name))) == {broken.sha256}
    assert [report.done for report in embed(herbarium.workspace, "pixels", "colours").values()] == [0, 0]


def test_an_original_that_is_gone_is_no_picture_that_does_not_decode(herbarium, picture):
    herbarium.meet(picture(1))
    herbarium.crawl()
    with open_ledger(herbarium.workspace) as con:
        (image,) = images(con)
    (herbarium.workspace.root / image.path).unlink()

    with pytest.raises(LedgerError, match=r"cannot be read .* `harvest verify` lists all such files"):
        embed_images(herbarium.workspace, "pixels", progress=SilentProgress())


def test_a_killed_run_goes_on_behind_what_it_had_written(herbarium, picture, tmp_path):
    for seed in range(70):
        herbarium.meet(picture(seed, 90, 70))
    herbarium.crawl()
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)

    identity = embedders.model_id_of("pixels")
    with subprocess.Popen([sys.executable, str(program), str(herbarium.workspace.root)]) as process:
        wait_until(lambda: written(herbarium.workspace, identity) == 64)
        process.kill()

    report = embed(herbarium.workspace, "pixels")["pixels"]
    assert (report.done, report.skipped) == (6, 64)


def test_a_recipe_without_models_embeds_nothing(herbarium, picture):
    herbarium.meet(picture(1))
    herbarium.crawl()

    assert embed(herbarium.workspace) == {}


def written(workspace, identity):
    with open_ledger(workspace) as con:
        return count_vectors(con, identity)
