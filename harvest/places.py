"""Places that keep bytes under keys: a folder of this machine, or whatever fsspec reaches.

Bytes appear whole under their key, or not at all.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import unquote, urlsplit

from harvest.errors import ComponentMissing, SourceError, UsageError
from harvest.workspace import published

__all__ = ["Folder", "Objects", "Place", "normal_url", "place_at", "read_into", "sync_folder"]

_CHUNK = 1024 * 1024
# An object of these appears whole under its name, or not at all; elsewhere it is renamed into its place.
_OBJECT_STORES = frozenset({"abfs", "abfss", "az", "gcs", "gs", "memory", "oci", "s3", "s3a"})
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')


class Place(Protocol):
    """Where keys like `ab/<sha256>.jpg` have bytes."""

    def size(self, key: str) -> int | None:
        """How many bytes there are; None when there is nothing."""

    def put(self, key: str, body: bytes) -> None:
        """Keep `body`, safe when this returns."""

    def put_file(self, key: str, source: Path) -> None:
        """Keep the bytes of a file, however many they are, safe when this returns."""

    def fetch(self, key: str, target: Path | None) -> str:
        """Read the bytes, into `target` if there is one; their sha256. Raises FileNotFoundError."""

    def remove(self, key: str) -> bool:
        """Whether there was anything to remove."""

    def keys(self, prefix: str) -> dict[str, int]:
        """The keys below `prefix/`, in order, and how many bytes each has."""

    def opened(self, key: str) -> IO[bytes]:
        """The bytes as a file to seek in: a few of many are read without the others. Raises FileNotFoundError."""


class Folder:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def size(self, key: str) -> int | None:
        """How many bytes there are; None when there is nothing."""
        path = self.folder / key
        return path.stat().st_size if path.is_file() else None

    def put(self, key: str, body: bytes) -> None:
        """Keep `body`, safe when this returns."""
        path = self.folder / key
        with published(path) as temporary:
            temporary.write_bytes(body)
        sync_folder(path.parent)

    def put_file(self, key: str, source: Path) -> None:
        """Keep the bytes of a file, however many they are, safe when this returns."""
        path = self.folder / key
        with published(path) as temporary:
            shutil.copyfile(source, temporary)
        sync_folder(path.parent)

    def fetch(self, key: str, target: Path | None) -> str:
        """Read the bytes, into `target` if there is one; their sha256. Raises FileNotFoundError."""
        with (self.folder / key).open("rb") as file:
            return read_into(file, target)

    def remove(self, key: str) -> bool:
        """Whether there was anything to remove."""
        path = self.folder / key
        if not path.is_file():
            return False
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
        return True

    def keys(self, prefix: str) -> dict[str, int]:
        """The keys below `prefix/`, in order, and how many bytes each has."""
        found = {path: path.stat().st_size for path in (self.folder / prefix).rglob("*") if path.is_file()}
        return _in_order({path.relative_to(self.folder).as_posix(): size for path, size in found.items()})

    def opened(self, key: str) -> IO[bytes]:
        """The bytes as a file to seek in. Raises FileNotFoundError."""
        return (self.folder / key).open("rb")


class Objects:
    """Whatever fsspec reaches."""

    def __init__(self, url: str) -> None:
        import fsspec  # noqa: PLC0415 - most workspaces have their folder

        self.url = url
        try:
            self._files, self._base = fsspec.url_to_fs(url, use_listings_cache=False)
        except ImportError as error:
            extra = "pip install 'herbarium-harvester[s3]'" if url.startswith("s3") else str(error)
            raise ComponentMissing(f"{url}: this store needs a package that is not here: {extra}") from None
        except ValueError as error:
            raise UsageError(f"{url}: no store that fsspec knows: {error}") from None
        self._is_whole_or_not = urlsplit(url).scheme in _OBJECT_STORES

    def size(self, key: str) -> int | None:
        """How many bytes there are; None when there is nothing."""
        with self._asked():
            try:
                found = self._files.info(self._at(key))
            except FileNotFoundError:
                return None
            return int(found["size"]) if found["type"] == "file" else None

    def put(self, key: str, body: bytes) -> None:
        """Raises SourceError, also when the store says that it holds something else."""
        with self._asked(is_there=True):
            if self._is_whole_or_not:
                self._files.pipe_file(self._at(key), body)
            else:
                with self._renamed_into_place(key) as temporary:
                    self._files.pipe_file(temporary, body)
            found = self._files.info(self._at(key))
        tag = _MD5.fullmatch(str(found.get("ETag", "")))
        is_told = tag is None or tag[1] == hashlib.md5(body, usedforsecurity=False).hexdigest()
        if found["size"] != len(body) or not (is_told or self._reads_as(key, body)):
            raise SourceError(f"{self.url}: {key} was not kept as it was sent; look at the store and crawl again")

    def put_file(self, key: str, source: Path) -> None:
        """Raises SourceError, also when the store says that it holds another number of bytes."""
        with self._asked(is_there=True):
            if self._is_whole_or_not:
                self._files.put_file(str(source), self._at(key))
            else:
                with self._renamed_into_place(key) as temporary:
                    self._files.put_file(str(source), temporary)
            size = self._files.info(self._at(key))["size"]
        if size != source.stat().st_size:
            raise SourceError(f"{self.url}: {key} was not kept as it was sent; look at the store and try again")

    def fetch(self, key: str, target: Path | None) -> str:
        """Read the bytes, into `target` if there is one; their sha256. Raises FileNotFoundError."""
        with self._asked(), self._files.open(self._at(key), "rb") as file:
            return read_into(file, target)

    def remove(self, key: str) -> bool:
        """Whether there was anything to remove."""
        with self._asked():
            try:
                self._files.rm_file(self._at(key))
            except FileNotFoundError:
                return False
        return True

    def keys(self, prefix: str) -> dict[str, int]:
        """The keys below `prefix/`, in order, and how many bytes each has."""
        with self._asked():
            found = self._files.find(self._at(prefix), detail=True)
        start = len(self._at(""))
        return _in_order({path[start:]: int(entry["size"]) for path, entry in found.items()})

    def opened(self, key: str) -> IO[bytes]:
        """The bytes as a file to seek in. Raises FileNotFoundError."""
        with self._asked():
            file: IO[bytes] = self._files.open(self._at(key), "rb")
            return file

    @contextmanager
    def _renamed_into_place(self, key: str) -> Iterator[str]:
        """A name beside the key's to write to, which becomes the key's when that is done."""
        folder = self._at(key).rpartition("/")[0]
        temporary = f"{folder}/.{secrets.token_hex(8)}.part"
        self._files.makedirs(folder, exist_ok=True)
        try:
            yield temporary
            self._files.mv(temporary, self._at(key))
        finally:
            if self._files.exists(temporary):
                self._files.rm_file(temporary)

    def _reads_as(self, key: str, body: bytes) -> bool:
        """Encrypted objects have a tag that is no digest of theirs."""
        return self.fetch(key, None) == hashlib.sha256(body).hexdigest()

    def _at(self, key: str) -> str:
        return f"{self._base.rstrip('/')}/{key}"

    @contextmanager
    def _asked(self, *, is_there: bool = False) -> Iterator[None]:
        """Errors as SourceError, but for FileNotFoundError where what is asked for need not be there."""
        try:
            yield
        except Exception as error:
            if isinstance(error, FileNotFoundError) and not is_there:
                raise
            said = " ".join(str(error).split()) or type(error).__name__
            raise SourceError(f"{self.url}: the store does not do what it is asked: {said}") from None


def normal_url(url: str) -> str:
    """The URL of a store as it is written down: a folder as an absolute path. Raises UsageError."""
    parts = urlsplit(url)
    if "://" not in url or parts.scheme == "file":
        return str(Path(unquote(parts.path) if "://" in url else url).expanduser().absolute())
    if parts.username or parts.password or "@" in parts.netloc:
        raise UsageError(f"{parts.scheme}://: a store's URL holds no credentials; set them in the environment")
    if parts.query or parts.fragment or "::" in url or parts.scheme in {"http", "https"} or not parts.netloc:
        raise UsageError(f"{parts.scheme}://: expected a folder, or a store like s3://bucket/prefix")
    return url.rstrip("/")


def place_at(url: str) -> Place:
    """The place of a folder's path or of a URL that fsspec knows. Raises ComponentMissing and UsageError."""
    return Objects(url) if "://" in url else Folder(Path(url))


def _in_order(found: dict[str, int]) -> dict[str, int]:
    """What is whole: names that begin with a dot are still being written."""
    return {key: found[key] for key in sorted(found) if not key.rpartition("/")[2].startswith(".")}


def read_into(file: IO[bytes], target: Path | None) -> str:
    """Read a file to its end, into `target` if there is one; its sha256 in hex."""
    digest = hashlib.sha256()
    with target.open("wb") if target else nullcontext() as copy:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if copy:
                copy.write(chunk)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """The names in `folder` are on the disk when this returns."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
