"""WARC and WACZ files on this machine: where they lie, how they are opened, and the images that they hold.

WACZ is a zip of WARCs: https://specs.webrecorder.net/wacz/1.1.1/
"""

from __future__ import annotations

import glob
import io
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from harvest.crawl.carriers.base import CarrierFailed
from harvest.crawl.files.disk import Addresses
from harvest.crawl.webarchive.captures import sha1_of
from harvest.crawl.webarchive.warcs import Seen, Torn, records, sniffed
from harvest.items import Carrier, ImageItem

__all__ = ["SUFFIXES", "WarcImages", "expand", "members", "opened"]

SUFFIXES = (".warc", ".warc.gz", ".wacz")
_LOCAL_HEADER = 30  # bytes of a zip member's local header before its name


@dataclass(frozen=True, slots=True)
class _Place:
    """One WARC: a file, or a member of a WACZ."""

    file: Path
    member: str | None = None


class _Window(io.RawIOBase):
    """A part of a file as a file."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._start + self._at)
        data = self._file.read(min(len(buffer), max(0, self._size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def expand(path: Path) -> list[Path]:
    """The files that a path, a pattern or a folder stands for, in the order of their names."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file() and file.name.lower().endswith(SUFFIXES))
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    return sorted(Path(found) for found in glob.glob(str(path), recursive=True))  # noqa: PTH207 - an absolute pattern


def members(file: Path) -> list[str | None]:
    """The WARCs in a file: those in its folder `archive/` for a WACZ, else itself. Raises CarrierFailed and OSError."""
    if not file.name.lower().endswith(".wacz"):
        return [None]
    try:
        with zipfile.ZipFile(file) as packed:
            return [name for name in sorted(packed.namelist()) if re.fullmatch(r"archive/.+\.warc(\.gz)?", name)]
    except zipfile.BadZipFile as error:
        raise CarrierFailed(f"torn: no WACZ: {error}") from None


@contextmanager
def opened(file: Path, member: str | None) -> Iterator[IO[bytes]]:
    """A WARC to read and to seek in. Raises CarrierFailed and OSError."""
    if member is None:
        with file.open("rb") as plain:
            yield plain
        return
    try:
        with zipfile.ZipFile(file) as packed, file.open("rb") as whole:
            entry = packed.getinfo(member)
            if entry.compress_type != zipfile.ZIP_STORED:
                with packed.open(entry) as inflated:
                    yield inflated
                return
            whole.seek(entry.header_offset + _LOCAL_HEADER - 4)
            skip = sum(struct.unpack("<HH", whole.read(4)))
            start = entry.header_offset + _LOCAL_HEADER + skip
            yield io.BufferedReader(_Window(whole, start, entry.file_size))
    except KeyError:
        raise CarrierFailed(f"missing: the WACZ has no {member}", is_gone=True) from None
    except (zipfile.BadZipFile, struct.error) as error:
        raise CarrierFailed(f"torn: no WACZ: {error}") from None


@dataclass(slots=True, kw_only=True)
class WarcImages:
    """Walks through files and makes an item of every image, holding one record's head at a time.

    A revisit is an image where the record that it repeats was met before; `skipped` counts, by reason, what was not
    taken, and `torn` collects what could not be read: address and reason.
    """

    addresses: Addresses
    mimetypes: Sequence[str]
    skipped: Counter[str] = field(default_factory=Counter)
    torn: list[tuple[str, str]] = field(default_factory=list)
    _originals: dict[str, tuple[_Place, Seen]] = field(default_factory=dict)

    def items(self, file: Path) -> Iterator[ImageItem]:
        """Every image of a WARC or WACZ."""
        try:
            for member in members(file):
                with opened(file, member) as stream:
                    yield from self._of(_Place(file, member), stream)
        except CarrierFailed as failed:
            self.torn.append((self.addresses.url(file), failed.reason))
        except OSError as error:
            self.torn.append((self.addresses.url(file), f"cannot be read: {error.strerror or error}"))

    def _of(self, place: _Place, stream: IO[bytes]) -> Iterator[ImageItem]:
        found = 0
        for seen in _with_referrers(records(stream)):
            found += 1
            if isinstance(seen, Torn):
                self.torn.append((self._address(place, seen.offset), seen.why))
            elif (item := self._item(place, seen)) is not None:
                yield item
        if not found:
            self.torn.append((self._address(place, 0), "no WARC record was found"))

    def _item(self, place: _Place, seen: Seen) -> ImageItem | None:
        if seen.kind == "revisit":
            return self._revisited(place, seen)
        if not self._is_image(seen):
            return None
        if seen.kind == "response" and seen.status != 200:
            self.skipped[f"HTTP {seen.status}"] += 1
            return None
        if seen.truncated:
            self.skipped[f"truncated by the archive ({seen.truncated})"] += 1
            return None
        if seen.digest:
            self._originals.setdefault(seen.digest, (place, seen))
        return self._made(place, seen, (place, seen))

    def _revisited(self, place: _Place, seen: Seen) -> ImageItem | None:
        original = self._originals.get(seen.digest or "")
        if original is not None:
            return self._made(place, seen, original)
        if self._matches(seen.content_type):
            self.skipped["revisits of records that were not met before"] += 1
        return None

    def _made(self, place: _Place, seen: Seen, original: tuple[_Place, Seen]) -> ImageItem:
        where, held = original
        member = {"member": where.member} if where.member else {}
        args = self.addresses.args(where.file, **member, offset=held.offset, id=held.id)
        raw = {"original": seen.url, "record": seen.id, "mimetype": held.content_type, "digest": held.digest}
        if held is not seen:
            raw["revisit_of"] = held.id
        return ImageItem(
            source_id=seen.id.strip("<>"),
            image_url=self._address(place, seen.offset),
            page_url=seen.referrer or (seen.url if seen.url.startswith(("http://", "https://")) else None),
            captured_at=_moment(seen.date),
            sha1=None if held.coded else sha1_of(held.digest),
            carrier=Carrier(kind="warc-record-file", args={**args, "version": held.id}),
            raw={name: value for name, value in raw.items() if value},
        )

    def _is_image(self, seen: Seen) -> bool:
        return seen.kind in {"response", "resource"} and (
            self._matches(seen.content_type) or self._matches(sniffed(seen.begins) or "")
        )

    def _matches(self, kind: str) -> bool:
        return any(re.fullmatch(pattern, kind) for pattern in self.mimetypes)

    def _address(self, place: _Place, offset: int) -> str:
        member = f"member={quote(place.member)}&" if place.member else ""
        return self.addresses.url(place.file, f"{member}offset={offset}")


def _with_referrers(met: Iterator[Seen | Torn]) -> Iterator[Seen | Torn]:
    """Responses with the page that led to them, which the request or metadata record beside them names."""
    waiting: Seen | None = None
    asked: Seen | None = None
    for one in met:
        if isinstance(one, Seen) and one.kind in {"request", "metadata"}:
            if one.referrer and waiting is not None and _belong(one, waiting):
                waiting = replace(waiting, referrer=one.referrer)
            elif one.referrer:
                asked = one
            continue
        if waiting is not None:
            yield waiting
        waiting = None
        if isinstance(one, Torn):
            yield one
            continue
        waiting = replace(one, referrer=asked.referrer) if asked and _belong(asked, one) else one
        asked = None
    if waiting is not None:
        yield waiting


def _belong(beside: Seen, response: Seen) -> bool:
    return response.id == beside.concurrent_to or (beside.url == response.url and not beside.concurrent_to)


def _moment(date: str | None) -> str | None:
    """A WARC-Date as items write it."""
    match = re.fullmatch(r"(\d{4}(?:-\d\d(?:-\d\d)?)?)(?:T(\d\d:\d\d:\d\d)(\.\d+)?Z)?", date or "")
    if match is None:
        return None
    return f"{match[1]}T{match[2]}+00:00" if match[2] else match[1]
