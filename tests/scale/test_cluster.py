"""A real Ray on this machine, with two workers of which one is killed in the middle."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harvest.errors import UsageError
from harvest.ledger import open_ledger, query, vectors
from harvest.places import place_at
from harvest.progress import SilentProgress
from harvest.scale.cluster import Crew, crew_of
from harvest.scale.ingest import take_result
from harvest.scale.results import parts_in
from harvest.stages.dedupe import run_dedupe
from harvest.stages.embed import models_of, run_embed
from harvest.stages.filter import run_filter
from harvest.stages.normalize import run_normalize
from harvest.stages.vectors import model_id
from harvest.workspace import Workspace
from tests.patience import PATIENCE, wait_until
from tests.scale.conftest import Place
from tests.stages.conftest import Herbarium

pytest.importorskip("ray", reason="the extra [ray] is not installed")

SAME = (
    "SELECT sha256, method, version, value, quality FROM fingerprints ORDER BY ALL",
    "SELECT * FROM derived ORDER BY ALL",
    "SELECT sha256, recipe_digest, verdict, reason FROM decisions WHERE stage = 'embed' ORDER BY ALL",
)


class Run:
    """`harvest scale` in a session of its own, which nothing of it outlives."""

    def __init__(self, made: Place, scratch: Path, *options: str) -> None:
        command = [sys.executable, "-m", "harvest", "scale", made.recipe.file, "-w", made.workspace.root]
        self.process = subprocess.Popen(
            [*map(str, command), "--to", made.result, "--json", *options],
            env={**os.environ, "TMPDIR": str(scratch)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def members(self) -> dict[int, tuple[int, str]]:
        """The processes of its session by number: whose child each is, and what it calls itself."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                state, parent, _, session, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(session) == self.process.pid and state != "Z":
                    title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found[int(folder.name)] = int(parent), title
        return found

    def end(self) -> None:
        for pid in self.members():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder for temporary files with a short name: Ray's sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="h"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def fresh(made_once: Place, tmp_path: Path, picture: Callable[..., Image.Image]) -> Place:
    """Sixteen images that nobody has looked at yet."""
    herbarium = Herbarium(Workspace(tmp_path / "workspace"))
    for seed in range(16):
        herbarium.meet(picture(seed, 200 + seed, 150))
    herbarium.crawl()
    return Place(herbarium.workspace, made_once.recipe, str(tmp_path / "result"))


@contextlib.contextmanager
def held(original: Path, run: Run) -> Iterator[int]:
    """Let whoever reads an original wait for its bytes until the block ends; the process that does."""
    writer = -1

    def is_read() -> bool:
        nonlocal writer
        with contextlib.suppress(OSError):  # nobody reads yet
            writer = os.open(original, os.O_WRONLY | os.O_NONBLOCK)
        return writer >= 0

    wait_until(is_read, run.process)
    try:
        yield next(pid for pid in run.members() if str(original) in opened_by(pid))
    finally:
        os.close(writer)


def opened_by(pid: int) -> set[str]:
    with contextlib.suppress(OSError):
        return {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    return set()


@pytest.mark.long
def test_with_a_worker_killed_in_the_middle_the_rows_are_those_of_a_local_run(fresh, tmp_path, scratch):
    twin = Workspace(Path(shutil.copytree(fresh.workspace.root, tmp_path / "twin")))
    path = query(fresh.workspace, "SELECT path FROM images ORDER BY sha256 OFFSET 7 LIMIT 1")[1][0][0]
    original, kept = fresh.workspace.root / path, tmp_path / "kept"
    original.rename(kept)
    os.mkfifo(original)

    run = Run(fresh, scratch, "--workers", "2", "--block", "4")
    try:
        with held(original, run) as reader:
            wait_until(lambda: parts_in(place_at(fresh.result)), run.process)  # the other one goes on
            parent, _ = run.members()[reader]
            _, title = run.members()[parent]
            os.kill(parent, signal.SIGKILL)
            kept.replace(original)
        out, err = run.process.communicate(timeout=PATIENCE)
        wait_until(lambda: not run.members())
    finally:
        run.end()

    assert title.startswith("ray::")
    assert run.process.returncode == 0, err
    assert json.loads(out)["rows"]["embeddings"] == 2 * 16
    assert list(scratch.iterdir()) == []
    take_result(fresh.workspace, fresh.result, progress=SilentProgress())
    for stage in (run_dedupe, run_embed, run_filter, run_normalize):
        stage(twin, fresh.recipe, progress=SilentProgress())
    for name in models_of(fresh.recipe):
        (here, ours), (there, theirs) = (of_model(each, name) for each in (fresh.workspace, twin))
        assert here == there
        assert len(here) == 16
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    for statement in SAME:
        assert query(fresh.workspace, statement) == query(twin, statement)


def of_model(workspace: Workspace, name: str) -> tuple[list[str], object]:
    with open_ledger(workspace) as con:
        return vectors(con, model_id(workspace, name))


@pytest.mark.parametrize(
    ("there", "asked", "crew"),
    [
        ({"CPU": 8.0}, {}, Crew(lookers=7, embedders=1, on_gpus=False)),
        ({"CPU": 8.0, "GPU": 2.0}, {}, Crew(lookers=8, embedders=2, on_gpus=True)),
        ({"CPU": 8.0, "GPU": 2.0}, {"gpus": 1, "workers": 4}, Crew(lookers=4, embedders=1, on_gpus=True)),
        ({"CPU": 8.0, "GPU": 2.0}, {"gpus": 0}, Crew(lookers=7, embedders=1, on_gpus=False)),
        ({"CPU": 8.0, "GPU": 2.0}, {"has_models": False}, Crew(lookers=8, embedders=1, on_gpus=False)),
    ],
)
def test_all_of_a_cluster_is_used_unless_less_is_asked_for(there, asked, crew):
    assert crew_of(there, **{"workers": None, "gpus": None, "has_models": True} | asked) == crew


@pytest.mark.parametrize(
    ("there", "asked", "words"),
    [
        ({"CPU": 4.0}, {"gpus": 1}, "--gpus 1: this cluster has 0"),
        ({"CPU": 4.0}, {"workers": 4}, "--workers 4: this cluster has 4 processors, and the models need one of them"),
        ({"CPU": 4.0, "GPU": 1.0}, {"workers": 5}, "--workers 5: this cluster has 4 processors"),
    ],
)
def test_more_than_a_cluster_has_is_refused_at_once(there, asked, words):
    with pytest.raises(UsageError) as refused:
        crew_of(there, **{"workers": None, "gpus": None, "has_models": True} | asked)

    assert str(refused.value) == words


@pytest.mark.slow
def test_what_keeps_a_worker_from_working_is_said_in_one_line_and_nothing_is_left_behind(fresh, tmp_path, scratch):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    run = Run(Place(fresh.workspace, fresh.recipe, str(tmp_path / "file" / "result")), scratch, "--workers", "1")
    try:
        out, err = run.process.communicate(timeout=PATIENCE)
        wait_until(lambda: not run.members())
    finally:
        run.end()

    assert (run.process.returncode, out) == (3, "")
    assert err.splitlines()[-1].endswith("every machine has to reach the same place")
    assert "Traceback" not in err
    assert list(scratch.iterdir()) == []
