"""Taking payloads out of kept answers, so that every other record stays where it was.

A record that loses its payload keeps its id, its named fields and the answer's status and headers; it says that it is
truncated (WARC-Truncated, ISO 28500:2017 5.13) and what digest its payload had. Its gzip member is padded with empty
stored blocks (RFC 1951 3.2.4) to the length that it had, so that offsets in sightings and in other programs' indexes
hold.
"""

from __future__ import annotations

import io
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from harvest.evidence.package import pack
from harvest.evidence.reader import archives_in
from harvest.workspace import published

__all__ = ["REMOVED", "Scrubbed", "Unwanted", "held_payloads", "scrub_run"]

REMOVED = "Harvest-Removed-Payload"  # a record's named field: the digest that its payload had
_TRUNCATED = "WARC-Truncated"
_HEADER = b"\x1f\x8b\x08%c\0\0\0\0\0\xff"  # RFC 1952: deflate, flags, no time, unknown system
_HAS_EXTRA = 4
_EMPTY, _LAST = b"\0\0\0\xff\xff", b"\1\0\0\xff\xff"  # stored blocks of no bytes; the second ends the stream
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwanted:
    """Which payloads of a run's evidence may not be kept: by sha256, and by the ids of their records."""

    digests: Collection[str] = ()
    records: Collection[str] = ()


@dataclass(slots=True)
class Scrubbed:
    """What scrubbing a run's evidence came to: files written anew, and the ids of records that lost their payload."""

    files: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)


def held_payloads(folder: Path, unwanted: Unwanted) -> Iterator[tuple[str, int, str]]:
    """(file, first byte, record id) of every record of a run's `folder` whose payload is `unwanted` and still there.

    Raises OSError, and warcio's ArchiveLoadFailed where a file is damaged.
    """
    for name, file, base, size in archives_in(folder):
        for offset, _, record in _members(file, base, size):
            if _is_unwanted(record, unwanted):
                yield name, offset, _id(record)


def scrub_run(folder: Path, unwanted: Unwanted) -> Scrubbed:
    """Take the `unwanted` payloads out of the WARC files, or the WACZ, of a finished run's `folder`.

    A file appears whole or not at all; a kill leaves the old one or the new one, and the next call goes on. Nobody may
    be writing to the folder. Raises OSError, and warcio's ArchiveLoadFailed where a file is damaged.
    """
    done = Scrubbed()
    if not any(held_payloads(folder, unwanted)) and not _is_half_unpacked(folder):
        return done
    package = folder / f"{folder.name}.wacz"
    told = _unpacked(package) if package.exists() else None
    for path in sorted(folder.glob("*.warc.gz")):
        found = _scrubbed(path, unwanted)
        done.records += found
        done.files += [path.name] if found else []
    if told is not None:
        pack(folder, **told)
        done.files = [package.name] if done.files else []
    return done


def _is_half_unpacked(folder: Path) -> bool:
    return (folder / f"{folder.name}.wacz").exists() and any(folder.glob("*.warc.gz"))


def _unpacked(package: Path) -> dict[str, str]:
    """Lay the archives of a WACZ beside it, where the reader prefers them; what its description says of itself."""
    with zipfile.ZipFile(package) as archive:
        said = json.loads(archive.read("datapackage.json"))
        for name in archive.namelist():
            target = package.parent / Path(name).name
            if name.startswith("archive/") and not target.exists():
                with archive.open(name) as content, published(target) as temporary, temporary.open("wb") as out:
                    while chunk := content.read(_CHUNK):
                        out.write(chunk)
    return {"title": str(said.get("title", "")), "software": str(said.get("software", ""))}


def _scrubbed(path: Path, unwanted: Unwanted) -> list[str]:
    """Write one WARC file anew where it holds unwanted payloads; the ids of the records that lost theirs."""
    lost: list[str] = []
    with path.open("rb") as file:
        size = path.stat().st_size
        bare = {}
        for offset, length, record in _members(file, 0, size):
            if _is_unwanted(record, unwanted):
                bare[offset] = length, _bare_member(record, length)
                lost.append(_id(record))
        if bare:
            with published(path) as temporary, temporary.open("wb") as out:
                _copy(file, out, size, bare)
    return lost


def _copy(file: BinaryIO, out: BinaryIO, size: int, bare: dict[int, tuple[int, bytes]]) -> None:
    file.seek(0)
    for offset in (*sorted(bare), size):
        while (left := offset - file.tell()) > 0:
            out.write(file.read(min(left, _CHUNK)))
        if offset < size:
            length, member = bare[offset]
            out.write(member)
            file.seek(length, os.SEEK_CUR)


def _members(file: BinaryIO, base: int, size: int) -> Iterator[tuple[int, int, Any]]:
    """(first byte, length, record) of every record that lies in the `size` bytes of `file` from `base` on."""
    window = _Window(file, base, size)
    records = ArchiveIterator(window)
    for record in records:
        if record.rec_type in {"response", "resource"} and not record.rec_headers.get_header(REMOVED):
            payload = record.raw_stream.read()
            found = _Record(record.rec_headers, record.http_headers, record.rec_type, payload)
            # Asking where a record lies reads it to its end.
            yield records.get_record_offset(), records.get_record_length(), found


@dataclass(frozen=True, slots=True)
class _Record:
    fields: Any
    http: Any
    kind: str
    payload: bytes


class _Window(io.RawIOBase):
    """A part of a file, as a file of its own."""

    def __init__(self, file: BinaryIO, base: int, size: int) -> None:
        self._file, self._base, self._size, self._at = file, base, size, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        self._file.seek(self._base + self._at)
        left = self._size - self._at
        chunk = self._file.read(left if size < 0 else min(size, left))
        self._at += len(chunk)
        return chunk

    def tell(self) -> int:
        return self._at


def _id(record: _Record) -> str:
    return str(record.fields.get_header("WARC-Record-ID"))


def _is_unwanted(record: _Record, unwanted: Unwanted) -> bool:
    if not record.payload:
        return False
    said = re.fullmatch(r"sha256:([0-9a-f]{64})", record.fields.get_header("WARC-Payload-Digest") or "")
    return _id(record) in unwanted.records or (said is not None and said[1] in unwanted.digests)


def _bare_member(record: _Record, length: int) -> bytes:
    """The record without its payload, as a gzip member of `length` bytes. Raises OSError where it does not fit."""
    digest = record.fields.get_header("WARC-Payload-Digest")
    fields = {
        name: value
        for name, value in record.fields.headers
        if name not in {"WARC-Payload-Digest", "WARC-Block-Digest", "Content-Length", "Content-Type", _TRUNCATED}
    }
    for told in (digest or "unknown", "-"):  # a digest takes room that a tiny payload has not left
        content = _bare_record(record, fields | {_TRUNCATED: "unspecified", REMOVED: told})
        member = _padded(content, length)
        if member is not None:
            return member
    raise OSError(f"{_id(record)}: {length} bytes are too few for the record without its payload")


def _bare_record(record: _Record, fields: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=False, warc_version="WARC/1.1")
    http = record.http and StatusAndHeaders(record.http.statusline, record.http.headers, record.http.protocol)
    made = writer.create_warc_record(
        record.fields.get_header("WARC-Target-URI"),
        record.kind,
        payload=io.BytesIO(),
        length=0,
        http_headers=http,
        warc_content_type=record.fields.get_header("Content-Type") or "",
        warc_headers_dict=dict(fields),
    )
    writer.write_record(made)
    return out.getvalue()


def _padded(content: bytes, length: int) -> bytes | None:
    """A gzip member of exactly `length` bytes that holds `content`; None where it does not fit."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)
    end = _LAST + struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    blocks, odd = divmod(length - len(_HEADER % 0) - len(packed) - len(end), len(_EMPTY))
    if odd == 1:  # an extra field takes two bytes to say its length
        blocks, odd = blocks - 1, odd + len(_EMPTY)
    if blocks < 0:
        return None
    extra = struct.pack("<H", odd - 2) + bytes(odd - 2) if odd else b""
    return _HEADER % (_HAS_EXTRA if odd else 0) + extra + packed + _EMPTY * blocks + end
