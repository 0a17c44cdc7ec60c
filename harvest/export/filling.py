"""What is written into an export's folder, and what is there of it."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harvest.errors import UsageError
from harvest.export.base import Entry, ExportedFile
from harvest.export.members import extract
from harvest.export.publish import digest_of_file
from harvest.export.registry import ExportJob
from harvest.ledger.rows import MEMBER, StageRun
from harvest.progress import Progress
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["fill", "gathered_here", "is_whole", "others", "while_there_is_room"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def while_there_is_room(folder: Path) -> Iterator[None]:
    """Raises UsageError where the disk is full: what was written is gone by then, and what was there still is."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise UsageError(
            f"{folder}: there is no room on the disk for this export ({error.strerror}); what was there is as it was. "
            "Make room, and run the same command again"
        ) from None


def fill(folder: Path, job: ExportJob, entries: Sequence[Entry], progress: Progress) -> Sequence[ExportedFile]:
    """Let the job's format write into the empty `folder`; what it wrote."""
    made = []
    with progress.start(f"export {job.settings.folder}", len(entries)) as task:
        for file in job.format.write(folder, entries, job.settings):
            made.append(file)
            task.advance()
    return made


@contextmanager
def gathered_here(workspace: Workspace, export: str, entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """The entries with their files on this machine: out of the store of originals, and out of archives, wherever they
    are.
    """
    store, root = Store(workspace.root), workspace.root
    scratch = Path(tempfile.mkdtemp(dir=workspace.exports, prefix=f".{export}~", suffix=".part"))
    archives: dict[Path, dict[str, Path]] = {}
    found: list[Entry] = []
    try:
        for entry in entries:
            archive, member, name = str(entry.source).rpartition(MEMBER)
            if member:
                target = scratch / f"{entry.stem}{entry.source.suffix}"
                archives.setdefault(Path(archive), {})[name] = target
            else:
                target = store.local(entry.source.relative_to(root).as_posix())
            found.append(replace(entry, source=target))
        for archive_file, targets in archives.items():
            extract(archive_file, targets)
        yield found
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def others(folder: Path, made: Sequence[ExportedFile]) -> dict[str, str]:
    """Digests of what has no row of its own: the paper trail and the format's index files."""
    rows = {file.path for file in made}
    return {path: digest for path, digest in _digests(folder).items() if path not in rows}


def _digests(folder: Path) -> dict[str, str]:
    """Hex sha256 of every file of an export, by its path in the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): digest_of_file(path) for path in files}


def is_whole(folder: Path, last: StageRun, images: Mapping[str, str]) -> bool:
    """Whether the folder holds the files of the last export and no others."""
    return folder.is_dir() and _digests(folder) == {**images, **last.detail.get("digests", {})}
