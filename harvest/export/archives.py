"""Zip archives that come out the same every time."""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["StoredZip"]

_THEN = (1980, 1, 1, 0, 0, 0)  # the earliest moment that a zip can tell
_UNIX = 3
_PLAIN_FILE = 0o100644 << 16


class StoredZip:
    """A zip whose members are stored as they are: pictures are compressed already, and loaders read them in place."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)

    def add(self, name: str, body: bytes) -> None:
        """Put a member at the end; `name` has forward slashes."""
        member = zipfile.ZipInfo(name, _THEN)
        member.create_system, member.external_attr = _UNIX, _PLAIN_FILE
        self._zip.writestr(member, body)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()
