"""An export that is killed, or that fills the disk, leaves the one that was there, or none; never half a one."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harvest.config.recipe import load_recipe
from harvest.errors import UsageError
from harvest.export.publish import locked
from tests.export.conftest import DIGESTS, SIZE_DIGESTS, Dataset, make_empty, photograph

ROOT = Path(__file__).parents[2]
# Every file of an export is told as it is written, and so is every paper: whoever reads the lines knows the moment.
EXPORT = f"""
import sys
from pathlib import Path
import harvest.export.runner as runner
from harvest.config.recipe import load_recipe
from harvest.progress import SilentProgress
from harvest.workspace import Workspace

class Told(SilentProgress):
    def start(self, label, total=None):
        return Task(super().start(label))

class Task:
    def __init__(self, task):
        self.task = task
    def __enter__(self):
        return self
    def __exit__(self, *_):
        say("filled")
    def advance(self, steps=1, note=""):
        say("file")

def say(word):
    print(word, flush=True)
    sys.stdin.readline()

def told(name):
    plain = getattr(runner, name)
    def noted(*args, **more):
        say(name)
        return plain(*args, **more)
    setattr(runner, name, noted)

for name in ("write_manifest", "write_croissant", "write_export"):
    told(name)
runner.run_exports(Workspace(Path(sys.argv[1])), load_recipe(Path(sys.argv[2])), {DIGESTS!r},
                   size_digests={SIZE_DIGESTS!r}, progress=Told(), to=sys.argv[3])
"""


def recipe(folder: Path, form: str, size: str, *, to: Path | None = None) -> Path:
    """A recipe with one export, called `set` whatever its size is: another size is another generation of it."""
    file = folder / f"shells-{form}-{size}.yaml"
    store = f", to: {to}" if to else ""
    export = f"{{format: {form}, size: {size}, name: set{store}}}"
    file.write_text(f"name: shells\nsizes: [{{px: 64}}]\nexport: [{export}]\n")
    return file


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def shells(tmp_path: Path) -> Dataset:
    """Three shells, kept and sized, not exported yet."""
    made = make_empty(tmp_path)
    for seed in range(3):
        made.meet(seed)
    made.crawl()
    made.keep()
    return made


def killed_at(dataset: Dataset, file: Path, form: str, moment: tuple[str, int]) -> None:
    """Export in a process of its own, and SIGKILL it at the n-th time that it says the word."""
    command = [sys.executable, "-c", EXPORT, str(dataset.workspace.root), str(file), form]
    left = moment[1]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin
        assert process.stdout
        for line in process.stdout:
            left -= line.decode().strip() == moment[0]
            if left == 0:
                process.kill()
                break
            process.stdin.write(b"on\n")
            process.stdin.flush()
    assert process.returncode == -signal.SIGKILL


MOMENTS = [("file", 1), ("file", 3), ("filled", 1), ("write_manifest", 1), ("write_croissant", 1), ("write_export", 1)]


@pytest.mark.parametrize(("form", "moments"), [("imagefolder", MOMENTS[1:2]), ("webdataset", MOMENTS)])
def test_a_killed_export_leaves_the_old_one_or_the_new_one_whole(
    shells: Dataset, tmp_path: Path, form: str, moments: list[tuple[str, int]]
) -> None:
    old, new = recipe(tmp_path, form, "64"), recipe(tmp_path, form, "null")
    exports = shells.workspace.exports
    shells.export(load_recipe(new))
    wanted = tree(exports / "set")
    shells.export(load_recipe(old))
    before = tree(exports / "set")
    assert before != wanted

    for moment in moments:
        killed_at(shells, new, form, moment)
        with locked(exports):
            found = tree(exports / "set")
        assert found == (wanted if moment[0] == "write_export" else before), moment
        assert [path.name for path in exports.iterdir() if path.name.startswith(".")] == []
        shells.export(load_recipe(old))

    shells.export(load_recipe(new))
    assert tree(exports / "set") == wanted


def test_a_killed_first_export_leaves_none(shells: Dataset, tmp_path: Path) -> None:
    killed_at(shells, recipe(tmp_path, "webdataset", "64"), "webdataset", ("write_croissant", 1))

    with locked(shells.workspace.exports):
        assert list(shells.workspace.exports.iterdir()) == []


@pytest.fixture
def small_disk(shells: Dataset) -> Iterator[Path]:
    """The folder of exports as a disk of its own, of 256 KiB; who may not mount one has files of 24 KiB at most."""
    exports = shells.workspace.exports
    exports.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(exports)]
    mounted = os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield exports
    if mounted:
        subprocess.run(["umount", "--lazy", str(exports)], check=True)
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("form", ["folder", "parquet", "webdataset"])
def test_a_full_disk_leaves_the_old_export(shells: Dataset, small_disk: Path, tmp_path: Path, form: str) -> None:
    old, new = recipe(tmp_path, form, "64"), recipe(tmp_path, form, "null")
    shells.export(load_recipe(old))
    before = tree(small_disk / "set")
    shells.meet(99, body=photograph(99, side=96) + os.urandom(300_000))
    shells.crawl()
    shells.keep()
    if not os.path.ismount(small_disk):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (24_000, resource.RLIM_INFINITY))

    with pytest.raises(UsageError, match="there is no room on the disk for this export") as caught:
        shells.export(load_recipe(new))

    assert str(small_disk / "set") in str(caught.value)
    assert tree(small_disk / "set") == before
    assert [path.name for path in small_disk.iterdir()] == ["set"]


def test_a_killed_publication_leaves_what_the_index_names(shells: Dataset, tmp_path: Path) -> None:
    store = tmp_path / "store"
    old, new = recipe(tmp_path, "webdataset", "64", to=store), recipe(tmp_path, "webdataset", "null", to=store)
    shells.export(load_recipe(old))
    before = tree(store)

    publish_and_kill(shells, new)

    after = tree(store)
    assert {path: body for path, body in after.items() if path in before} == before
    assert len(after) > len(before)
    (report,) = shells.export(load_recipe(new))
    assert report.published is not None
    assert {path.split("/")[0] for path in tree(store)} == {"index.json", Path(report.published).name}
    assert tree(Path(report.published)) == tree(report.folder)


def publish_and_kill(dataset: Dataset, file: Path) -> None:
    """Export, and SIGKILL the process when a few files of the new generation have come to the store."""
    script = EXPORT.replace('("write_manifest", "write_croissant", "write_export")', "()").replace(
        'say("file")', "say(str(len(list(Path(sys.argv[4]).rglob('*')))))"
    )
    store = file.parent / "store"
    count = len(list(store.rglob("*")))
    command = [sys.executable, "-c", script, str(dataset.workspace.root), str(file), "webdataset", str(store)]
    deadline = time.monotonic() + 120
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin
        assert process.stdout
        for line in process.stdout:
            word = line.decode().strip()
            if (word.isdigit() and int(word) > count + 3) or time.monotonic() > deadline:
                process.kill()
                break
            process.stdin.write(b"on\n")
            process.stdin.flush()
    assert process.returncode == -signal.SIGKILL
