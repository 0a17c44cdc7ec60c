"""Raw answers as evidence: every request and answer of a run becomes WARC records before anybody reads the answer.

The bytes are those that the server sent, compressed as they came, with the headers that say so. What identifies us and
is secret is left out: keys added on the wire, Authorization, Proxy-Authorization, cookies in both directions, names and
passwords in URLs. Where an answer repeats a secret, `***` stands in its place and the record says so. A picture whose
own headers refuse, where that is honoured, or that was taken down, is recorded by its headers alone.
"""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http import Headers, Response
from warcio.exceptions import ArchiveLoadFailed

from harvest import DISTRIBUTION, __version__
from harvest.crawl.logs import hidden
from harvest.errors import HarvestError
from harvest.evidence import Capture, Unwanted, WarcWriter, pack, scrub_run
from harvest.items import EvidenceRef
from harvest.pages.refusals import header_signals

if TYPE_CHECKING:
    from harvest.crawl.base import SourceSpider

__all__ = ["Evidence", "evidence_of"]

_META = "harvest_evidence"  # plain values, so that a request that inherits them can still be written as JSON
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "proxy-authenticate"})
_BINARY = ("image/", "video/", "audio/", "font/")
_REDACTED = ("Harvest-Redacted", "a secret in this answer reads ***")
_REFUSED = ("WARC-Truncated", "unspecified")


class EvidenceLost(HarvestError):
    """Evidence was asked for and cannot be written."""


def evidence_of(response: Response | None, role: str) -> tuple[EvidenceRef, ...]:
    """Where `response` is kept, as a reference of `role`; nothing where no evidence is kept."""
    if response is None or response.request is None:
        return ()
    place = response.request.meta.get(_META)
    return (EvidenceRef(role=role, **place),) if place else ()


class Evidence:
    """Downloader middleware, the nearest to the network: writes, then passes on."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="evidence")
        self._writer: WarcWriter | None = None
        crawler.signals.connect(self._close, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Not there at all when the source's config asks for no evidence."""
        source = getattr(crawler.spider, "source", None)
        if source is None or source.evidence == "none":
            raise NotConfigured
        return cls(crawler)

    @property
    def _spider(self) -> SourceSpider[Any]:
        spider: Any = self._crawler.spider
        return spider  # type: ignore[no-any-return]

    def process_request(self, request: Request) -> None:
        """Forget where an earlier answer to this request, or to the one it was made from, is kept."""
        request.meta.pop(_META, None)

    async def process_response(self, request: Request, response: Response) -> Response:
        """Note in the request's meta where the answer is kept. Raises EvidenceLost when it cannot be."""
        if self._spider.run.run_id is None:
            return response
        capture = self._capture(request, response)
        try:
            work = asyncio.get_running_loop().run_in_executor(self._thread, self._write, capture)
            name, offset, record = await asyncio.shield(work)
        except OSError as error:
            lost = EvidenceLost(f"{self._folder}: evidence cannot be written: {error}; make room and run it again")
            self._spider.give_up(lost)
            raise lost from None
        file = (self._folder / name).relative_to(self._spider.workspace.root).as_posix()
        request.meta[_META] = {"file": file, "offset": offset, "record": record}
        return response

    @property
    def _folder(self) -> Path:
        return self._spider.workspace.evidence / str(self._spider.run.run_id)

    def _write(self, capture: Capture) -> tuple[str, int, str]:
        if self._writer is None:
            source, settings = self._spider.source, self._crawler.settings
            info = {
                "software": f"{DISTRIBUTION}/{__version__}",
                "format": "WARC File Format 1.1",
                "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
                "operator": source.contact,
                "isPartOf": source.name,
                "description": f"run {self._spider.run.run_id}, source config sha256:{source.digest}",
                "http-header-user-agent": settings["USER_AGENT"],
                "robots": "obey" if "robots" in source.opt_out.honour else "ignore",
            }
            rotate_at = settings.getint("HARVEST_EVIDENCE_BYTES")
            self._writer = WarcWriter(self._folder, info, rotate_at=rotate_at)
        return self._writer.add(capture)

    def _capture(self, request: Request, response: Response) -> Capture:
        secrets = _spellings(hidden())
        response, notes = self._readable(request, response, secrets)
        is_rendered = bool(request.meta.get("playwright"))
        headers, body = _pairs(response.headers, secrets), response.body
        capture = Capture(
            url=_bare(response.url if is_rendered else request.url, secrets),
            method=request.method,
            protocol=response.protocol or "HTTP/1.1",
            asked=(("Host", urlsplit(request.url).netloc.rpartition("@")[2]), *_pairs(request.headers, secrets)),
            sent=_without(request.body, secrets),
            status=response.status,
            headers=headers,
            body=body,
            ip=str(response.ip_address) if response.ip_address and "proxy" not in request.meta else None,
            is_rendered=is_rendered,
            notes=notes,
        )
        honoured, gone = self._spider.source.opt_out.honour, self._spider.run.tombstones.digests
        if gone and hashlib.sha256(body).hexdigest() in gone:
            return replace(capture, body=b"", notes=(*notes, _REFUSED))
        if capture.media_type.startswith("image/") and any(
            signal.kind in honoured for signal in header_signals(headers, capture.url)
        ):
            return replace(capture, body=b"", notes=(*notes, _REFUSED))
        if capture.media_type.startswith(_BINARY) or not any(secret in body for secret in secrets):
            return capture
        body = _without(body, secrets)
        length = tuple((name, str(len(body)) if name.lower() == "content-length" else value) for name, value in headers)
        return replace(capture, headers=length, body=body, notes=(*notes, _REDACTED))

    def _readable(
        self, request: Request, response: Response, secrets: frozenset[bytes]
    ) -> tuple[Response, tuple[tuple[str, str], ...]]:
        """The answer uncompressed where a secret could hide in it; as it came anywhere else."""
        if not secrets or not response.headers.get("Content-Encoding"):
            return response, ()
        opener = self._crawler.get_downloader_middleware(HttpCompressionMiddleware)
        try:
            opened = opener.process_response(request, response.copy()) if opener else response
        except IgnoreRequest:  # larger than the limits once it is open, and nobody will read it
            return response.replace(body=b""), (_REFUSED,)
        if isinstance(opened, Response) and any(secret in opened.body for secret in secrets):
            return opened, ()
        return response, ()

    async def _close(self) -> None:
        """Put all on the disk; pack it where that is asked for and the run has ended for good."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._finish)
        self._thread.shutdown()

    def _finish(self) -> None:
        spider = self._spider
        if self._writer is not None:
            self._writer.close()
        self._scrub()
        if spider.source.evidence != "wacz" or spider.run.outcome in {None, "interrupted"}:
            return
        try:
            pack(self._folder, title=spider.source.name, software=f"{DISTRIBUTION}/{__version__}")
        except (OSError, ArchiveLoadFailed) as error:
            spider.logger.warning("%s: not packed, the WARC files stay as they are: %s", self._folder, error)

    def _scrub(self) -> None:
        """Take out again what turned out to be a copy of something that was taken down."""
        if not self._spider.run.unwanted:
            return
        try:
            scrub_run(self._folder, Unwanted(records=self._spider.run.unwanted))
        except (OSError, ArchiveLoadFailed) as error:
            self._spider.logger.warning("%s: `harvest takedown --finish` has to go over it: %s", self._folder, error)


def _spellings(secrets: frozenset[str]) -> frozenset[bytes]:
    """All ways in which a secret may stand in a URL, a header or a body."""
    return frozenset(
        spelling.encode() for secret in secrets for spelling in (secret, quote(secret, safe=""), quote_plus(secret))
    )


def _without(content: bytes, secrets: frozenset[bytes]) -> bytes:
    for secret in sorted(secrets, key=len, reverse=True):
        content = content.replace(secret, b"***")
    return content


def _pairs(headers: Headers, secrets: frozenset[bytes]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("latin-1"), _without(value, secrets).decode("latin-1"))
        for name, values in headers.items()
        if name.decode("latin-1").lower() not in _SECRET_HEADERS
        for value in values
    )


def _bare(url: str, secrets: frozenset[bytes]) -> str:
    parts = urlsplit(url)
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    return _without(plain.encode(), secrets).decode()
