"""Original bytes, kept exactly as they were served and named by what they are."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from harvest.workspace import published

__all__ = ["Store", "original_path", "rehash"]

_CHUNK = 1024 * 1024


def original_path(sha256: str, extension: str) -> str:
    """Where bytes lie, relative to the workspace.

    >>> original_path("ab" + "0" * 62, "jpg")[:17]
    'originals/ab/ab00'
    """
    return f"originals/{sha256[:2]}/{sha256}.{extension}"


def rehash(path: Path) -> str:
    """Hex sha256 of a file, read in pieces. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


class Store:
    """The folder `originals` of the workspace at `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, body: bytes, sha256: str, extension: str) -> str:
        """Keep `body`, whose digest the caller has taken, and return its path relative to the workspace.

        The file and its name in the folder are on the disk when this returns. Nothing is written when the bytes are
        here already. A file of another length under this name is damage from outside, and is replaced.
        """
        relative = original_path(sha256, extension)
        path = self.root / relative
        if path.is_file() and path.stat().st_size == len(body):
            return relative
        with published(path) as temporary:
            temporary.write_bytes(body)
        _sync_folder(path.parent)
        return relative

    def has(self, sha256: str, extension: str) -> bool:
        """Whether bytes of this digest are kept."""
        return self.path(sha256, extension).is_file()

    def path(self, sha256: str, extension: str) -> Path:
        """Where bytes of this digest lie, or would lie."""
        return self.root / original_path(sha256, extension)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
