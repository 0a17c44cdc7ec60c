"""WARC records: the HTTP answer inside one, and a walk over all images of a file. ISO 28500, WARC/1.1:
https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeadersParserException

from harvest.crawl.carriers.base import CarrierFailed

__all__ = ["Payload", "Seen", "Torn", "payload", "records", "sniffed"]

_CHUNK = 1 << 16
_NO_ADDRESS = AttributeError  # how warcio meets a response without one
_BAD = (ArchiveLoadFailed, StatusAndHeadersParserException, _NO_ADDRESS, zlib.error, EOFError, ValueError, OSError)
_SNIFF = 64  # bytes
_SIGNATURES = (
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"RIFF....WEBP", "image/webp"),
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", "image/tiff"),
    (rb"BM....\0\0\0\0", "image/bmp"),
    (rb"....ftypavi[fs]", "image/avif"),
    (rb"....ftyp(?:hei[cx]|mif1)", "image/heic"),
    (rb"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "image/jxl"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What a record holds: the body without transfer and content codings, and what HTTP said with it."""

    body: bytes
    status: int | None
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One record as a walk meets it, without its body. `begins` is the payload's first bytes, decoded; `coded` says
    that the payload has a transfer or content coding, so that the stated digest may be of other bytes than the image's.
    """

    offset: int
    kind: str
    id: str
    url: str
    date: str | None
    digest: str | None
    status: int | None
    content_type: str
    begins: bytes = b""
    coded: bool = False
    truncated: str | None = None
    referrer: str | None = None
    concurrent_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """Where a file cannot be read, and why; the walk goes on at the next record that can."""

    offset: int
    why: str


def sniffed(begins: bytes) -> str | None:
    """The image type that the first bytes tell.

    >>> sniffed(b"GIF89a..."), sniffed(b"<html>")
    ('image/gif', None)
    """
    return next((kind for mark, kind in _SIGNATURES if re.match(mark, begins, re.DOTALL)), None)


def payload(stream: IO[bytes], record_id: str | None, max_bytes: int) -> Payload:
    """The answer in the record at which `stream` stands. Raises CarrierFailed when it cannot be had whole."""
    try:
        record = next(iter(ArchiveIterator(stream)), None)
        if record is None:
            raise CarrierFailed("missing: no record stands at this offset")
        if record_id is not None and record.rec_headers.get_header("WARC-Record-ID") != record_id:
            raise CarrierFailed("changed: another record stands at this offset; crawl the source anew")
        if (cut := record.rec_headers.get_header("WARC-Truncated")) is not None:
            raise CarrierFailed(f"truncated: the archive kept only a part of it ({cut})", is_gone=True)
        body = _read(record, max_bytes)
    except _BAD as error:
        raise CarrierFailed(f"torn: the record cannot be read: {_words(error)}") from None
    return Payload(body=body, status=_status(record), headers=_headers(record))


def records(stream: IO[bytes]) -> Iterator[Seen | Torn]:
    """Every response, resource, revisit, request and metadata record of a WARC, plain or gzipped record by record."""
    start: int | None = 0
    while start is not None:
        stream.seek(start)
        start = None
        for one in _until_torn(stream):
            yield one
            if isinstance(one, Torn):
                start = _next_record(stream, one.offset + 1)


def _until_torn(stream: IO[bytes]) -> Iterator[Seen | Torn]:
    iterator = ArchiveIterator(stream)
    try:
        for record in iterator:
            offset = int(iterator.offset)  # its own get_record_offset would read the record to its end
            seen = _seen(record, offset)
            if seen is not None:
                yield seen
            if isinstance(seen, Torn):
                return
    except _BAD as error:
        yield Torn(offset=int(iterator.offset), why=_words(error))


def _seen(record: ArcWarcRecord, offset: int) -> Seen | Torn | None:
    head, http = record.rec_headers, record.http_headers
    is_body = record.rec_type in {"response", "resource"}
    begins = record.content_stream().read(_SNIFF) if is_body else b""
    fields = record.content_stream().read(_CHUNK) if record.rec_type == "metadata" else b""
    while record.raw_stream.read(_CHUNK):
        pass
    if getattr(record.raw_stream, "limit", 0) > 0:
        return Torn(offset=offset, why=f"the record ends {record.raw_stream.limit} bytes early")
    if record.format != "warc":
        return Torn(offset=offset, why="no WARC record stands here; `warcio recompress OLD NEW` makes WARC of ARC")
    if record.rec_type not in {"response", "resource", "revisit", "request", "metadata"}:
        return None
    needed = ("WARC-Record-ID", "WARC-Target-URI") if record.rec_type != "metadata" else ("WARC-Record-ID",)
    missing = next((name for name in needed if not head.get_header(name)), None)
    if missing is not None:
        return Torn(offset=offset, why=f"the record has no {missing}")
    digest = head.get_header("WARC-Payload-Digest")
    if digest is None and record.rec_type == "resource":
        digest = head.get_header("WARC-Block-Digest")
    said = http if http is not None else head
    return Seen(
        offset=offset,
        kind=record.rec_type,
        id=head.get_header("WARC-Record-ID") or "",
        url=(head.get_header("WARC-Target-URI") or "").strip("<>"),
        date=head.get_header("WARC-Date"),
        digest=digest,
        status=_status(record),
        content_type=(said.get_header("Content-Type") or "").partition(";")[0].strip().lower(),
        begins=begins,
        coded=bool(http and (http.get_header("Content-Encoding") or http.get_header("Transfer-Encoding"))),
        truncated=head.get_header("WARC-Truncated"),
        referrer=_referrer(record, fields),
        concurrent_to=head.get_header("WARC-Concurrent-To"),
    )


def _referrer(record: ArcWarcRecord, fields: bytes) -> str | None:
    if record.rec_type == "request" and record.http_headers is not None:
        return record.http_headers.get_header("Referer") or None
    via = re.search(rb"^via: (https?://\S+)", fields, re.MULTILINE)
    return via[1].decode("utf-8", "replace") if via else None


def _read(record: ArcWarcRecord, max_bytes: int) -> bytes:
    stream, parts, size = record.content_stream(), list[bytes](), 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise CarrierFailed("too_large: the record holds more than limits.max_bytes")
        parts.append(chunk)
    if getattr(record.raw_stream, "limit", 0) > 0:
        raise CarrierFailed(f"torn: the record ends {record.raw_stream.limit} bytes early")
    return b"".join(parts)


def _status(record: ArcWarcRecord) -> int | None:
    code = record.http_headers.get_statuscode() if record.http_headers is not None else ""
    return int(code) if code and code.isdecimal() else None


def _headers(record: ArcWarcRecord) -> tuple[tuple[str, str], ...]:
    return tuple(record.http_headers.headers) if record.http_headers is not None else ()


def _next_record(stream: IO[bytes], start: int) -> int | None:
    """Where the next record begins that can be read, at `start` or after; None when there is none."""
    stream.seek(start)
    position, held = start, b""
    while chunk := stream.read(1 << 20):
        held += chunk
        for mark in re.finditer(rb"\x1f\x8b\x08|\r\n\r\nWARC/1\.", held):
            if mark[0].startswith(b"\r"):
                return position + mark.start() + 4
            if _is_member(held[mark.start() : mark.start() + 4096]):
                return position + mark.start()
        position, held = position + len(held[:-4096]), held[-4096:]
    return None


def _is_member(begins: bytes) -> bool:
    try:
        return zlib.decompressobj(31).decompress(begins, 16).startswith(b"WARC/1.")
    except zlib.error:
        return False


def _words(error: Any) -> str:
    if isinstance(error, _NO_ADDRESS):
        return "the record has no WARC-Target-URI"
    words = " ".join(str(error).split())[:200] or type(error).__name__
    if "non-chunked gzip" in words:
        return "compressed as a whole, not record by record; `warcio recompress OLD NEW` mends that"
    return words
