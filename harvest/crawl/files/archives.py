"""Images in zip and tar archives, member by member; nothing is ever unpacked under a name of theirs."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from harvest.crawl.carriers.base import CarrierFailed
from harvest.crawl.files.disk import Opened

__all__ = ["ARCHIVES", "Archive", "Member", "is_archive"]

_SUFFIXES = (".zip", ".cbz", ".tar", ".tar.gz", ".tgz")
_CHUNK = 1 << 24
_KEEP_FREE = 1 << 29  # bytes of temporary space that are never used up
_BAD = (zipfile.BadZipFile, tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError, RuntimeError, NotImplementedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of an archive. `version` changes with its content where the archive can tell, else None."""

    name: str
    size: int
    version: str | None = None


class Archive(Protocol):
    """An opened archive."""

    def members(self) -> list[Member]:
        """Its regular files, in the archive's own order."""

    def read(self, name: str, limit: int) -> bytes:
        """A member's bytes. Raises CarrierFailed (`missing`, `too_large`, `encrypted`, `corrupt`)."""

    def close(self) -> None:
        """Close the file."""


def is_archive(path: Path) -> bool:
    """Whether a file's name is that of an archive that can be read."""
    return path.name.lower().endswith(_SUFFIXES)


class _Zip:
    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)

    def members(self) -> list[Member]:
        return [
            Member(name=info.filename, size=info.file_size, version=f"{info.CRC:08x}-{info.file_size}")
            for info in self._zip.infolist()
            if not info.is_dir()
        ]

    def read(self, name: str, limit: int) -> bytes:
        try:
            info = self._zip.getinfo(name)
        except KeyError:
            raise CarrierFailed("missing: the archive has no such member", is_gone=True) from None
        _check_size(info.file_size, limit)
        if info.flag_bits & 1:
            raise CarrierFailed("encrypted: unpack the archive with its password first")
        try:
            return self._zip.read(info)
        except _BAD as error:
            raise CarrierFailed(f"corrupt: {error}") from None

    def close(self) -> None:
        self._zip.close()


class _Tar:
    def __init__(self, path: Path) -> None:
        self._file = _seekable(path)
        try:
            with tarfile.open(fileobj=self._file, mode="r:") as tar:
                # Bytes are read by their place, since a TarFile cannot tell two members of one name apart.
                self._places = {info.name: (info.offset_data, info.size) for info in tar if info.isreg()}
        except BaseException:
            self._file.close()
            raise

    def members(self) -> list[Member]:
        return [Member(name=name, size=size) for name, (_, size) in self._places.items()]

    def read(self, name: str, limit: int) -> bytes:
        if name not in self._places:
            raise CarrierFailed("missing: the archive has no such member", is_gone=True)
        offset, size = self._places[name]
        _check_size(size, limit)
        self._file.seek(offset)
        body = self._file.read(size)
        if len(body) < size:
            raise CarrierFailed("corrupt: the archive ends too soon")
        return body

    def close(self) -> None:
        self._file.close()


def _seekable(path: Path) -> IO[bytes]:
    """The tar itself, or what its gzip holds, unpacked once into a file without a name: gzip cannot be read at a place.

    Raises CarrierFailed when that would fill the disk.
    """
    if path.name.lower().endswith(".tar"):
        return path.open("rb")
    plain: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the archive
    try:
        with gzip.open(path) as packed:
            for chunk in iter(lambda: packed.read(_CHUNK), b""):
                _check_room(len(chunk))
                plain.write(chunk)
        plain.seek(0)
    except BaseException:
        plain.close()
        raise
    return plain


def _open(path: Path) -> Archive:
    try:
        return _Zip(path) if path.suffix.lower() in {".zip", ".cbz"} else _Tar(path)
    except _BAD as error:
        raise CarrierFailed(f"corrupt: {error}") from None
    except OSError as error:
        raise CarrierFailed(f"unreadable: {error.strerror or error}") from None


def _check_room(size: int) -> None:
    folder = tempfile.gettempdir()
    if shutil.disk_usage(folder).free < _KEEP_FREE + size:
        raise CarrierFailed(f"no_space: no room to unpack the archive in {folder}")


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise CarrierFailed(f"too_large: {size} bytes, limits.max_bytes is {limit}")


def _close(archive: Archive) -> None:
    archive.close()


def images(members: list[Member], suffixes: tuple[str, ...]) -> Iterator[Member]:
    """The members whose names end as image files do, without hidden ones and those that an operating system adds."""
    for member in members:
        parts = set(member.name.split("/")) - {".", ".."}
        is_hidden = "__MACOSX" in parts or any(part.startswith(".") for part in parts)
        if member.name.lower().endswith(suffixes) and not is_hidden:
            yield member


ARCHIVES: Opened[Archive] = Opened(_open, _close, limit=4)
