"""A run's WARC files as one WACZ: https://specs.webrecorder.net/wacz/1.1.1/, indexed by CDXJ as pywb sorts it.

Archives are stored in the zip as they are, so that a record is still one seek away.
"""

from __future__ import annotations

import hashlib
import heapq
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from posixpath import normpath
from typing import IO, Any
from urllib.parse import unquote_to_bytes, urlsplit

from warcio.archiveiterator import ArchiveIterator

from harvest.workspace import published

__all__ = ["pack", "surt"]

_VERSION = "1.1.1"
_CHUNK = 1024 * 1024
_TITLE = re.compile(rb"<title[^>]*>([^<]{0,500})", re.IGNORECASE)
_SESSION = re.compile(r"(?:jsessionid|phpsessid|sid)=[0-9a-z]{32}")
_INDEXED = frozenset({"response", "resource", "revisit"})
_TITLE_WITHIN = 65_536  # bytes of a page that are searched for its title


@dataclass(slots=True)
class _Package:
    """A zip being written, and what its datapackage.json will say of each file in it."""

    archive: zipfile.ZipFile
    resources: list[Mapping[str, Any]] = field(default_factory=list)

    def add(self, name: str, content: IO[bytes], *, is_listed: bool = True) -> str:
        """Store a file; returns its sha256 in hex."""
        digest, size = hashlib.sha256(), 0
        entry = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
        entry.external_attr = 0o644 << 16
        with self.archive.open(entry, "w", force_zip64=True) as out:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                out.write(chunk)
        if is_listed:
            resource = {"name": Path(name).name, "path": name, "hash": f"sha256:{digest.hexdigest()}", "bytes": size}
            self.resources.append(resource)
        return digest.hexdigest()


def pack(folder: Path, *, title: str, software: str) -> Path | None:
    """Pack the WARC files of a run's `folder` as `folder`/<its name>.wacz and remove them; None when there are none.

    Raises OSError and warcio's ArchiveLoadFailed. The WARC files go only when the package is whole and on the disk.
    """
    warcs = sorted(folder.glob("*.warc.gz"))
    if not warcs:
        return None
    target = folder / f"{folder.name}.wacz"
    with (
        published(target) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
        ExitStack() as stack,
    ):
        package = _Package(archive)
        pages = stack.enter_context(tempfile.TemporaryFile())
        index = stack.enter_context(tempfile.TemporaryFile())
        pages.write(_line({"format": "json-pages-1.0", "id": "pages", "title": "All pages"}))
        parts = [stack.enter_context(_sorted_lines(path, pages)) for path in warcs]
        index.writelines(heapq.merge(*parts))
        for path in warcs:
            with path.open("rb") as file:
                package.add(f"archive/{path.name}", file)
        for name, content in (("indexes/index.cdx", index), ("pages/pages.jsonl", pages)):
            content.seek(0)
            package.add(name, content)
        _describe(package, title, software)
    for path in warcs:
        path.unlink()
    return target


def surt(url: str) -> str:
    """The sort-friendly key of a URL, as pywb and the Internet Archive's tools make it when they look something up.

    The host's parts from the right, without www; the path without dots and doubled slashes; the query in order and
    without session ids. Escapes are undone and made anew, and all is in small letters.

    >>> surt("https://www.Museum.example:443/Art/a.jpg?b=2&a=1")
    'example,museum)/art/a.jpg?a=1&b=2'
    """
    parts = urlsplit(url.strip())
    host = re.sub(r"^www\d*\.", "", (parts.hostname or "").lower())
    key = host if ":" in host else ",".join(reversed(host.split(".")))
    if parts.port and parts.port != {"http": 80, "https": 443}.get(parts.scheme):
        key = f"{key}:{parts.port}"
    path = normpath(re.sub(r"/+", "/", f"/{_escaped(parts.path)}"))
    asked = sorted(pair for pair in _escaped(parts.query).lower().split("&") if not _SESSION.fullmatch(pair))
    query = "&".join(asked)
    return f"{key}){path}".lower() + (f"?{query}" if query else "")


def _escaped(text: str) -> str:
    """Escapes undone as often as they are nested, then made anew for what cannot stand in a URL."""
    plain = text.encode()
    while (opened := unquote_to_bytes(plain)) != plain:
        plain = opened
    return "".join(chr(byte) if 0x20 < byte < 0x7F and byte not in b"#%" else f"%{byte:02X}" for byte in plain)


def _describe(package: _Package, title: str, software: str) -> None:
    description = {
        "profile": "data-package",
        "wacz_version": _VERSION,
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "title": title,
        "software": software,
        "resources": package.resources,
    }
    content = json.dumps(description, indent=2).encode()
    digest = package.add("datapackage.json", io.BytesIO(content), is_listed=False)
    said = json.dumps({"path": "datapackage.json", "hash": f"sha256:{digest}"}, indent=2).encode()
    package.add("datapackage-digest.json", io.BytesIO(said), is_listed=False)


def _sorted_lines(path: Path, pages: IO[bytes]) -> IO[bytes]:
    """The index lines of one WARC, sorted, in a file of their own: a run may have more than memory should hold."""
    lines = sorted(_lines(path, pages))
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.writelines(lines)
    file.seek(0)
    return file


def _lines(path: Path, pages: IO[bytes]) -> Iterator[bytes]:
    with path.open("rb") as file:
        records = ArchiveIterator(file)
        for record in records:
            if record.rec_type not in _INDEXED:
                continue
            url, date = (record.rec_headers.get_header(name) for name in ("WARC-Target-URI", "WARC-Date"))
            mime, status = _kind(record)
            if record.rec_type != "revisit" and mime == "text/html" and status == "200":
                said = _TITLE.search(record.content_stream().read(_TITLE_WITHIN))
                title = said[1].decode("utf-8", "replace").strip() if said else url
                name = record.rec_headers.get_header("WARC-Record-ID").strip("<>").rpartition(":")[2]
                pages.write(_line({"id": name, "url": url, "ts": date, "title": title}))
            digest, offset = record.rec_headers.get_header("WARC-Payload-Digest"), records.get_record_offset()
            values = {
                "url": url,
                "mime": "warc/revisit" if record.rec_type == "revisit" else mime,
                "status": status,
                "digest": digest,
                "length": str(records.get_record_length()),
                "offset": str(offset),
                "filename": path.name,
            }
            moment = re.sub(r"\D", "", date)[:14]
            yield f"{surt(url)} {moment} ".encode() + _line(values)


def _kind(record: Any) -> tuple[str, str]:
    """Media type and status of an answer; a page that a browser rendered counts as answered well."""
    if record.rec_type == "resource":
        return str(record.rec_headers.get_header("Content-Type") or "unk"), "200"
    said = record.http_headers.get_header("Content-Type") or ""
    return said.partition(";")[0].strip().lower() or "unk", record.http_headers.get_statuscode() or "-"


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
