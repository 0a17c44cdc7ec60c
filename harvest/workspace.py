"""Where things lie in a workspace, and how files and folders are published there."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "INDEX_NAMES",
    "LAYOUT_TABLE",
    "SHEET_INDEX",
    "Workspace",
    "digest_of_file",
    "is_there",
    "published",
    "published_folder",
    "sheet_pages",
    "sync_entry",
    "write_published",
]

INDEX_NAMES = "images.parquet"  # in an index's folder: which images its vectors are of
LAYOUT_TABLE = "layout.parquet"  # in a layout's folder: which images it shows, and where
SHEET_INDEX = "sheet-images.json"  # in a layout's folder: which images its contact sheets show
_SYNCING = 8


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of one dataset. Nothing is created until something is written."""

    root: Path

    @property
    def ledger(self) -> Path:
        """The DuckDB file."""
        return self.root / "ledger.duckdb"

    @property
    def journal(self) -> Path:
        """One folder a run, with its segments."""
        return self.root / "journal"

    @property
    def evidence(self) -> Path:
        """Raw answers, one folder of WARC files or one WACZ a run."""
        return self.root / "evidence"

    @property
    def originals(self) -> Path:
        """Bytes as served, by digest."""
        return self.root / "originals"

    @property
    def derived(self) -> Path:
        """Sized copies, one folder a size."""
        return self.root / "derived"

    @property
    def layouts(self) -> Path:
        """Mosaics, sheets and viewers, one folder a name."""
        return self.root / "layouts"

    @property
    def exports(self) -> Path:
        """Finished datasets, one folder a name."""
        return self.root / "exports"

    @property
    def indexes(self) -> Path:
        """Indexes of vectors, one folder a model; made again when they are gone."""
        return self.root / "indexes"

    @property
    def reports(self) -> Path:
        """Audits, as pages and as JSON."""
        return self.root / "reports"


def sheet_pages(folder: Path) -> list[Path]:
    """The pages of contact sheets in a layout's folder, in whatever format."""
    return sorted(path for path in folder.glob("sheet-*") if path.suffix in {".jpg", ".png", ".pdf"})


@contextmanager
def published(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path` to write to; fsync and rename it into place when the block ends well.

    A reader sees the old file or the whole new one. The temporary file is removed when the block raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix + ".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_published(path: Path, content: str | bytes) -> None:
    """Write `content` to `path` so that no reader ever sees half of it."""
    with published(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def published_folder(target: Path) -> Iterator[Path]:
    """Yield an empty sibling folder to fill; when the block ends well it takes the place of `target`.

    A kill at any moment leaves the old folder, the new one, or the old one under `.NAME~*.old`. Only one at a time may
    do this to a target.
    """
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}~", suffix=".part"))
    temporary.chmod(0o755)
    try:
        yield temporary
        _sync(temporary)
        retired = temporary.with_suffix(".old")
        if target.exists():
            target.rename(retired)
        temporary.rename(target)
        sync_entry(target.parent)
        shutil.rmtree(retired, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def digest_of_file(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_there(path: Path, size: int) -> bool:
    """Whether a file of so many bytes lies at `path`: what a stage looks at before it makes it again."""
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def sync_entry(path: Path) -> None:
    """A file, or a folder's list of names, is on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync(folder: Path) -> None:
    """Everything under `folder` is on the disk when this returns.

    Several are asked for at once, so that the disk writes them together: a thirtieth of the time of one by one.
    """
    found = [Path(parent, name) for parent, _, names in os.walk(folder) for name in (*names, ".")]
    with ThreadPoolExecutor(_SYNCING) as pool:
        list(pool.map(sync_entry, found))
