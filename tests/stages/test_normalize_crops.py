"""Crops at what only the ledger, a model or a sidecar knows, and what is noted of them."""

from __future__ import annotations

import io
from importlib.resources import files

import numpy as np
import pytest
from PIL import Image

from harvest import scorers
from harvest.errors import ComponentMissing, UsageError
from harvest.images import faces
from harvest.ledger import derived, latest_stage, open_ledger
from harvest.progress import SilentProgress
from harvest.stages.dedupe import run_dedupe
from harvest.stages.normalize import run_normalize, size_digests
from tests.stages.specimens import drawn

HALVES = ((200, 0, 0), (0, 0, 200))


def halves() -> Image.Image:
    """Twice as wide as high: red on the left, blue on the right."""
    image = Image.new("RGB", (200, 100), HALVES[0])
    image.paste(HALVES[1], (100, 0, 200, 100))
    return image


@pytest.fixture
def normalized(herbarium, recipe):
    def run(size: str):
        made = recipe(f"sizes: [{{px: 32, format: png, {size}}}]\nlayout: null\ndedupe: {{near: null}}")
        run_dedupe(herbarium.workspace, made, progress=SilentProgress())
        report = run_normalize(herbarium.workspace, made, progress=SilentProgress())
        with open_ledger(herbarium.workspace) as con:
            return report, derived(con, 32, size_digests(made)[32])

    return run


def colour(herbarium, row) -> tuple[int, ...]:
    with Image.open(herbarium.workspace.root / row.path) as image:
        return tuple(int(level) for level in np.asarray(image).mean(axis=(0, 1)).round())


def test_a_focus_that_a_sidecar_names_is_kept_and_a_changed_one_cut_anew(herbarium, normalized):
    body = io.BytesIO()
    halves().save(body, "PNG")
    sha256 = herbarium.meet(body.getvalue(), raw={"focus": [0.9, 0.5]})
    herbarium.crawl()

    _, rows = normalized("at: focus")

    row = rows[sha256]
    assert (row.place, row.width, row.height) == (1.0, 32, 32)
    assert row.path.startswith("derived/32-focus/")
    assert colour(herbarium, row) == HALVES[1]

    herbarium.meet(body.getvalue(), raw={"focus": [0.1, 0.5]})
    herbarium.crawl()
    report, rows = normalized("at: focus")
    assert (report.done, rows[sha256].place, colour(herbarium, rows[sha256])) == (1, 0.0, HALVES[0])
    report, _ = normalized("at: focus")
    assert report.done == 0


def test_without_a_focus_the_crop_is_where_the_picture_is_salient(herbarium, normalized):
    image = Image.new("RGB", (300, 100), (90, 90, 90))
    image.paste((250, 240, 20), (255, 35, 285, 65))
    sha256 = herbarium.meet(image)
    herbarium.crawl()

    _, rows = normalized("at: focus")

    assert rows[sha256].place > 0.8


def test_faces_are_kept(herbarium, normalized):
    portrait = Image.open(io.BytesIO((files("skimage") / "data" / "astronaut.png").read_bytes())).convert("RGB")
    wide = Image.new("RGB", (1400, 512), (120, 120, 120))
    wide.paste(portrait, (888, 0))
    sha256, other = herbarium.meet(wide), herbarium.meet(halves())
    herbarium.crawl()

    _, rows = normalized("at: faces")

    # Her face is 224 pixels from her portrait's left; the square is 512 wide.
    assert rows[sha256].place == pytest.approx((888 + 224 - 256) / (1400 - 512), abs=0.05)
    assert rows[other].place == pytest.approx(0.5, abs=0.5)
    with open_ledger(herbarium.workspace) as con:
        assert con.execute("SELECT sum(faces) FROM faces").fetchall() == [(1,)]


def test_without_a_detector_the_stage_says_what_to_install(herbarium, normalized, monkeypatch):
    herbarium.meet(halves())
    herbarium.crawl()
    monkeypatch.setattr(faces, "find_spec", lambda name: None)
    faces.detector_name.cache_clear()
    scorers.load.cache_clear()
    try:
        with pytest.raises(ComponentMissing, match=r"herbarium-harvester\[faces\]"):
            normalized("at: faces")
    finally:
        monkeypatch.undo()
        faces.detector_name.cache_clear()


def test_the_crop_most_like_the_whole_picture_is_chosen_by_a_models_vectors(herbarium, normalized):
    image = Image.new("RGB", (300, 100), (30, 160, 40))
    image.paste((240, 240, 240), (0, 0, 90, 100))
    sha256 = herbarium.meet(image)
    herbarium.crawl()

    _, rows = normalized("at: embedding, model: colours")

    # Of five squares the second is a sixth white, the whole picture three tenths, the first nine tenths.
    assert rows[sha256].place == 0.25


def test_words_choose_the_crop_and_a_model_without_words_says_so(herbarium, normalized):
    image = Image.new("RGB", (288, 96))
    for at, kind in enumerate(("fern", "moth", "key")):
        image.paste(Image.open(io.BytesIO(drawn(kind, 1))).convert("RGB"), (96 * at, 0))
    sha256 = herbarium.meet(image)
    herbarium.crawl()

    for words, place in (("a fern", 0.0), ("a moth", 0.5), ("a key", 1.0)):
        _, rows = normalized(f"at: embedding, model: harvest-demo, text: {words}")
        assert rows[sha256].place == place, words
    with pytest.raises(UsageError, match="colours does not know words"):
        normalized("at: embedding, model: colours, text: a fish")


def test_what_no_longer_decodes_stands_in_the_ledger_with_its_reason(herbarium, recipe, normalized, picture):
    sha256 = herbarium.meet(picture(1))
    herbarium.crawl()
    with open_ledger(herbarium.workspace) as con:
        ((path,),) = con.execute("SELECT path FROM images").fetchall()
    (herbarium.workspace.root / path).write_bytes(b"eaten by moths")

    report, rows = normalized("mode: crop")

    assert (rows, report.detail["broken"]) == ({}, 1)
    with open_ledger(herbarium.workspace) as con:
        last = latest_stage(con, "normalize", "shells")
    assert last is not None
    assert list(last.detail["faults"]) == [sha256]
    assert "no known image format" in last.detail["faults"][sha256]
