"""WARC/1.1 files of one run: ISO 28500:2017, https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/.

Every record is a gzip member of its own, handed to the operating system in one piece before `add` returns: a kill can
tear the last member alone, and the next writer of the run cuts it off.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import Any

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

__all__ = ["ROTATE_AT", "Capture", "WarcWriter", "mend"]

ROTATE_AT = 512 * 1024 * 1024  # bytes
_CHUNK = 1024 * 1024
_REMEMBERED = 100_000  # payloads that a later, identical one can refer to
_SYNC_EVERY = 5.0  # seconds
_AS_IS, _SMALL = 0, 6  # zlib levels: pictures are compressed already, texts are not
_COMPRESSED = re.compile(r"(image|video|audio)/(?!svg|bmp|x-ms-bmp|tiff|x-portable)")
_GZIP = zlib.DEFLATED, zlib.MAX_WBITS + 16

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One request and its answer, free of secrets. `body` is what the server sent, its Content-Encoding unopened.

    `is_rendered` marks a page as a browser had it after its scripts ran: no server sent these bytes, so they are kept
    as a `resource` record. `notes` are additional named fields of the record.
    """

    url: str
    method: str
    protocol: str
    asked: Pairs
    sent: bytes
    status: int
    headers: Pairs
    body: bytes
    ip: str | None = None
    is_rendered: bool = False
    notes: Pairs = ()

    @property
    def media_type(self) -> str:
        """The answer's media type without parameters, small letters, '' when it says none."""
        said = next((value for name, value in self.headers if name.lower() == "content-type"), "")
        return said.partition(";")[0].strip().lower()


class WarcWriter:
    """Writes `folder`/NNNNNN.warc.gz, beginning a new file where one has reached `rotate_at` bytes.

    `info` goes into the warcinfo record at each file's beginning. One thread at a time may call it. What an earlier,
    killed writer left is mended first. Raises OSError.
    """

    def __init__(self, folder: Path, info: Mapping[str, str], *, rotate_at: int = ROTATE_AT) -> None:
        self.folder, self._info, self._rotate_at = folder, info, rotate_at
        self._handle: int | None = None
        self._offset = 0
        self._info_id = ""
        self._synced = monotonic()
        self._payloads: OrderedDict[str, tuple[str, str, str]] = OrderedDict()
        folder.mkdir(parents=True, exist_ok=True)
        self._number = _last_number(folder)
        if self._number:
            mend(self._path())

    def add(self, capture: Capture) -> tuple[str, int, str]:
        """Write the answer and the request; returns the answer's file name, first byte and WARC-Record-ID."""
        if self._handle is None or self._offset >= self._rotate_at:
            self._begin_file()
        made = _Maker(self._info_id)
        answer = self._answer(made, capture)
        level = _AS_IS if _COMPRESSED.match(capture.media_type) else _SMALL
        place = (self._path().name, self._offset, str(answer.rec_headers.get_header("WARC-Record-ID")))
        self._write(made.bytes_of(answer), level)
        self._write(made.bytes_of(made.request(capture, answer)), _SMALL)
        if monotonic() - self._synced > _SYNC_EVERY:
            self._sync()
        return place

    def close(self) -> None:
        """Put all on the disk and let go of it."""
        if self._handle is not None:
            self._sync()
            os.close(self._handle)
            self._handle = None

    def _answer(self, made: _Maker, capture: Capture) -> Any:
        digest = f"sha256:{hashlib.sha256(capture.body).hexdigest()}"
        first = self._payloads.get(digest)
        if first is not None and not capture.is_rendered:
            self._payloads.move_to_end(digest)
            return made.revisit(capture, digest, first)
        record = made.answer(capture, digest)
        if capture.body and not capture.is_rendered:
            header = record.rec_headers.get_header
            self._payloads[digest] = (capture.url, str(header("WARC-Date")), str(header("WARC-Record-ID")))
            if len(self._payloads) > _REMEMBERED:
                self._payloads.popitem(last=False)
        return record

    def _begin_file(self) -> None:
        self.close()
        self._number += 1
        path = self._path()
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        self._offset = 0
        made = _Maker("")
        record = made.writer.create_warcinfo_record(path.name, dict(self._info))
        self._info_id = str(record.rec_headers.get_header("WARC-Record-ID"))
        self._write(made.bytes_of(record), _SMALL)

    def _write(self, record: bytes, level: int) -> None:
        assert self._handle is not None
        packer = zlib.compressobj(level, *_GZIP)
        member = memoryview(packer.compress(record) + packer.flush())
        size = len(member)
        try:
            while member:
                member = member[os.write(self._handle, member) :]
        except OSError:
            os.ftruncate(self._handle, self._offset)  # a disk that was full may have room again later
            os.lseek(self._handle, self._offset, os.SEEK_SET)
            raise
        self._offset += size

    def _sync(self) -> None:
        assert self._handle is not None
        os.fsync(self._handle)
        self._synced = monotonic()

    def _path(self) -> Path:
        return self.folder / f"{self._number:06d}.warc.gz"


class _Maker:
    """Makes records and their bytes, by warcio."""

    def __init__(self, info_id: str) -> None:
        self._buffer = io.BytesIO()
        self._common = {"WARC-Warcinfo-ID": info_id} if info_id else {}
        self.writer = WARCWriter(self._buffer, gzip=False, warc_version="WARC/1.1")

    def bytes_of(self, record: Any) -> bytes:
        """A record as it stands in the file, not yet compressed."""
        self._buffer.seek(0)
        self._buffer.truncate()
        self.writer.write_record(record)
        return self._buffer.getvalue()

    def answer(self, capture: Capture, digest: str) -> Any:
        """A `response` record, or a `resource` record of a page that a browser rendered."""
        fields = self._fields(capture) | {"WARC-Payload-Digest": digest}
        body = io.BytesIO(capture.body)
        if capture.is_rendered:
            media_type = capture.media_type or "application/octet-stream"
            return self.writer.create_warc_record(
                capture.url,
                "resource",
                payload=body,
                length=len(capture.body),
                warc_content_type=media_type,
                warc_headers_dict=fields,
            )
        return self.writer.create_warc_record(
            capture.url,
            "response",
            payload=body,
            length=len(capture.body),
            http_headers=_status(capture),
            warc_headers_dict=fields,
        )

    def revisit(self, capture: Capture, digest: str, first: tuple[str, str, str]) -> Any:
        """A `revisit` record: this answer's headers, and where the same payload is kept."""
        url, date, record = first
        fields = self._fields(capture) | {"WARC-Refers-To": record}
        return self.writer.create_revisit_record(
            capture.url, digest, url, date, http_headers=_status(capture), warc_headers_dict=fields
        )

    def request(self, capture: Capture, answer: Any) -> Any:
        """The `request` record that belongs to `answer`."""
        header = answer.rec_headers.get_header
        line = f"{capture.method} {_target(capture.url)} HTTP/1.1"
        headers = StatusAndHeaders(line, list(capture.asked), is_http_request=True)
        fields = {
            **self._common,
            "WARC-Date": header("WARC-Date"),
            "WARC-Concurrent-To": header("WARC-Record-ID"),
        }
        return self.writer.create_warc_record(
            capture.url,
            "request",
            payload=io.BytesIO(capture.sent),
            length=len(capture.sent),
            http_headers=headers,
            warc_headers_dict=fields,
        )

    def _fields(self, capture: Capture) -> dict[str, str]:
        date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        fields = {**self._common, "WARC-Date": date}
        if capture.ip:
            fields["WARC-IP-Address"] = capture.ip
        return fields | dict(capture.notes)


def mend(path: Path) -> int:
    """Cut a torn last member off a file, remove a file that has no whole one; returns how many bytes went.

    Raises OSError.
    """
    whole = _end_of_members(path)
    lost = path.stat().st_size - whole
    if whole == 0:
        path.unlink()
    elif lost:
        os.truncate(path, whole)
    return lost


def _end_of_members(path: Path) -> int:
    """Where the last whole gzip member ends."""
    ended = position = 0
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            while chunk:
                try:
                    unpacker.decompress(chunk)
                except zlib.error:
                    return ended
                position += len(chunk) - len(unpacker.unused_data)
                if not unpacker.eof:
                    break
                ended, chunk = position, unpacker.unused_data
                unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)
    return ended


def _last_number(folder: Path) -> int:
    return max((int(path.name[:6]) for path in folder.glob("[0-9]" * 6 + ".warc.gz")), default=0)


def _status(capture: Capture) -> StatusAndHeaders:
    try:
        phrase = HTTPStatus(capture.status).phrase
    except ValueError:
        phrase = ""
    return StatusAndHeaders(f"{capture.status} {phrase}".strip(), list(capture.headers), protocol=capture.protocol)


def _target(url: str) -> str:
    """The path and query of a URL, as a request line has them."""
    rest = url.partition("://")[2]
    path = rest[len(rest.partition("/")[0].partition("?")[0]) :]
    return path.partition("#")[0] if path.startswith("/") else f"/{path}".partition("#")[0]
