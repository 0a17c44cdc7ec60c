"""A folder appears whole or not at all, also when the program is killed or the disk is full."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harvest.errors import CheckFailed, LedgerBusy
from harvest.workspace import digest_of_file, published_folder, sync_entry

__all__ = [
    "copy_checked",
    "digest_of_file",
    "locked",
    "published_folder",
    "read_bytes",
    "read_checked",
    "remove_folder",
]


@contextmanager
def locked(exports: Path) -> Iterator[None]:
    """Hold the folder of all exports for this process, and clear away what a killed one left. Raises LedgerBusy."""
    exports.mkdir(parents=True, exist_ok=True)
    handle = os.open(exports, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LedgerBusy(f"another process is writing exports in {exports}; try again when it is done") from None
        _sweep(exports)
        yield
    finally:
        os.close(handle)


def remove_folder(target: Path) -> None:
    """Take the whole folder away, or nothing of it. The caller holds `locked(target.parent)`."""
    retired = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}~", suffix=".part"))
    with suppress(FileNotFoundError):
        target.rename(retired)
    sync_entry(target.parent)
    shutil.rmtree(retired, ignore_errors=True)


def copy_checked(source: Path, target: Path, sha256: str) -> None:
    """Copy a file while hashing it. Raises CheckFailed when it is missing or is not what the ledger says it is."""
    digest = hashlib.sha256()
    try:
        with source.open("rb") as reader, target.open("wb") as writer:
            while block := reader.read(1 << 20):
                digest.update(block)
                writer.write(block)
    except FileNotFoundError:
        raise CheckFailed(f"{source} is gone; `harvest verify` tells what else is missing") from None
    if digest.hexdigest() != sha256:
        raise CheckFailed(f"{source} is not the file the ledger knows; `harvest verify` tells what else has changed")


def read_checked(source: Path, sha256: str) -> bytes:
    """The bytes of a file. Raises CheckFailed when it is missing or is not what the ledger says it is."""
    body = read_bytes(source)
    if hashlib.sha256(body).hexdigest() != sha256:
        raise CheckFailed(f"{source} is not the file the ledger knows; `harvest verify` tells what else has changed")
    return body


def read_bytes(source: Path) -> bytes:
    """The bytes of a file, whatever it is. Raises CheckFailed when it is missing."""
    try:
        return source.read_bytes()
    except FileNotFoundError:
        raise CheckFailed(f"{source} is gone; `harvest verify` tells what else is missing") from None


def _sweep(exports: Path) -> None:
    for retired in sorted(exports.glob(".*~*.old")):
        target = exports / retired.name[1:].rpartition("~")[0]
        if target.exists():
            shutil.rmtree(retired, ignore_errors=True)
        else:
            retired.rename(target)
    for unfinished in exports.glob(".*~*.part"):
        shutil.rmtree(unfinished, ignore_errors=True)
