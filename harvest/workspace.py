"""Where things lie in a workspace, and how a file is published there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SHEET_INDEX", "Workspace", "published", "write_published"]

SHEET_INDEX = "sheet-images.json"  # in a layout's folder: which images its contact sheets show


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
    def reports(self) -> Path:
        """Audits, as pages and as JSON."""
        return self.root / "reports"


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
