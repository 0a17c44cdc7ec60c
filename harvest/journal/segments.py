"""Segment files: their lines, their seals, and how a line is added so that none is ever half there."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harvest.journal.records import dump

__all__ = [
    "Contents",
    "Segment",
    "append_line",
    "contents_of",
    "digest_of",
    "mended",
    "open_segment",
    "seal",
    "seal_of",
    "segment_paths",
]

_SEAL = b'{"seal":'
_TAIL = 4096  # bytes; more than any seal takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A sealed segment, as its seal describes it."""

    run_id: str
    number: int
    path: Path
    sightings: int
    previous: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A segment file's lines without their newlines and without the seal; `torn` bytes follow the last newline."""

    lines: list[bytes]
    segment: Segment | None
    length: int
    torn: int


def segment_paths(folder: Path) -> list[Path]:
    """The segment files of a run, sealed or not, in order."""
    return sorted((path for path in folder.glob("*.jsonl") if path.stem.isdigit()), key=lambda path: int(path.stem))


def contents_of(path: Path) -> Contents:
    """Read a whole segment. Raises OSError."""
    data = path.read_bytes()
    length = data.rfind(b"\n") + 1
    lines = data[:length].split(b"\n")[:-1]
    segment = _segment(path, lines[-1]) if lines else None
    return Contents(lines=lines[:-1] if segment else lines, segment=segment, length=length, torn=len(data) - length)


def seal_of(path: Path) -> Segment | None:
    """What a segment's seal says, reading no more than its end; None when it has none."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        tail = file.read()
    return _segment(path, tail[:-1].rpartition(b"\n")[2]) if tail.endswith(b"\n") else None


def _segment(path: Path, line: bytes) -> Segment | None:
    if not line.startswith(_SEAL):
        return None
    try:
        values: Mapping[str, Any] = json.loads(line)["seal"]
        return Segment(
            run_id=path.parent.name,
            number=int(path.stem),
            path=path,
            sightings=int(values["sightings"]),
            previous=str(values["previous"]),
            digest=str(values["digest"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def digest_of(previous: str, lines: list[bytes]) -> str:
    """Hex sha256 over the digest of the seal before and the lines with their newlines."""
    digest = hashlib.sha256(previous.encode())
    for line in lines:
        digest.update(line)
        digest.update(b"\n")
    return digest.hexdigest()


def open_segment(path: Path) -> int:
    """A file descriptor to append to; the file is made when it is not there."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)


def append_line(handle: int, line: bytes) -> int:
    """Hand a whole line to the operating system, and return where it begins in the file, in bytes.

    Raises OSError, and then the file is as it was.

    A full disk may take half a line; that half is cut off again, or the next line would be glued to it.
    """
    size, written = os.fstat(handle).st_size, 0
    try:
        written = os.write(handle, line)
    finally:
        if written != len(line):
            os.ftruncate(handle, size)
    if written != len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return size


def mended(path: Path) -> Contents:
    """The contents of a segment that nobody writes to any more, its torn end taken off the file."""
    contents = contents_of(path)
    if contents.torn:
        os.truncate(path, contents.length)
    return contents


def seal(path: Path, previous: str) -> Segment | None:
    """Seal a segment that nobody writes to any more, and sync it to the disk.

    None when it has a seal already or not one whole line. The digest is taken from the file, not from memory: the seal
    says what is there.
    """
    contents = mended(path)
    if contents.segment or not contents.lines:
        return None
    values = {
        "previous": previous,
        "sightings": len(contents.lines),
        "digest": digest_of(previous, contents.lines),
    }
    line = dump({"seal": values})
    handle = open_segment(path)
    try:
        append_line(handle, line)
        os.fsync(handle)
    finally:
        os.close(handle)
    return _segment(path, line.rstrip(b"\n"))
