from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harvest.errors import LedgerBusy
from harvest.export.publish import locked, published_folder


def put(exports: Path, text: str) -> None:
    with locked(exports), published_folder(exports / "set") as folder:
        (folder / "a.txt").write_text(text)


def seen(exports: Path) -> dict[str, str]:
    return {p.relative_to(exports).as_posix(): p.read_text() for p in exports.rglob("*") if p.is_file()}


def test_new_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    put(tmp_path, "old")
    (tmp_path / "set" / "left-over.txt").write_text("old")

    put(tmp_path, "new")

    assert seen(tmp_path) == {"set/a.txt": "new"}


def test_failure_leaves_the_old_folder(tmp_path: Path) -> None:
    put(tmp_path, "old")

    with pytest.raises(FileNotFoundError), locked(tmp_path), published_folder(tmp_path / "set") as folder:
        (folder / "no such folder" / "a.txt").write_text("half")

    assert seen(tmp_path) == {"set/a.txt": "old"}


KILLED = """
import os, signal, sys
from pathlib import Path
import harvest.export.publish as publish
exports, moment = Path(sys.argv[1]), int(sys.argv[2])
renames = 0
plain = Path.rename
def rename(self, target):
    global renames
    if renames == moment:
        os.kill(os.getpid(), signal.SIGKILL)
    renames += 1
    return plain(self, target)
Path.rename = rename
with publish.locked(exports), publish.published_folder(exports / "set") as folder:
    (folder / "a.txt").write_text("new")
"""


@pytest.mark.parametrize("moment", [0, 1])
def test_kill_between_any_two_renames_leaves_the_old_folder(tmp_path: Path, moment: int) -> None:
    put(tmp_path, "old")

    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(moment)], cwd=Path.cwd(), check=False)
    assert done.returncode == -signal.SIGKILL
    with locked(tmp_path):
        pass

    assert seen(tmp_path) == {"set/a.txt": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_two_exports_at_once_are_refused(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(LedgerBusy, match="another process is writing exports"), locked(tmp_path):
        pass
