"""What is asked of a source about one image, and what its answers mean."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from parsel import Selector
from w3lib.encoding import html_to_unicode

from harvest.audit.recheck.asker import Answer, Asker, leads_to
from harvest.audit.recheck.rules import Denied, HostRules
from harvest.config.source import SourceConfig
from harvest.hosts.addresses import Unfetched, check_url
from harvest.items import Signal
from harvest.ledger import Subject
from harvest.pages.addresses import absolute
from harvest.pages.refusals import GRANTED, header_signals, page_signals
from harvest.pages.terms import PictureTerms
from harvest.pages.words import Rights

__all__ = ["Found", "PageSaid", "Questions", "TooManyRedirects"]

_GONE, _NO = frozenset({404, 410}), frozenset({401, 403, 451})
_NO_HEAD = frozenset({400, 403, 405, 501})  # hosts that answer HEAD like this may answer GET
_LONGEST_PAGE = 8 * 1024 * 1024  # bytes of a landing page that are read
# What stands at the foot of a page speaks of its text, as on Wikimedia Commons, and not of the picture.
_FURNITURE = "//footer | //*[@id='footer' or @role='contentinfo']"
_PAGES_HELD = 64  # images of one page follow each other, so few pages are enough
_PAGE_HEADERS = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"}


class TooManyRedirects(Unfetched):
    """An address that leads on and on."""

    word = "redirects"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an image's address said: `outcome` is that of a RecheckRow, `detail` why."""

    outcome: str
    status: int | None = None
    moved_to: str | None = None
    signals: tuple[Signal, ...] = ()
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSaid:
    """What a landing page said; `terms` is None where it is no page that can be read, `fault` says why."""

    status: int | None = None
    url: str = ""
    terms: PictureTerms | None = None
    signals: tuple[Signal, ...] = ()
    fault: str | None = None

    def rights(self, image_url: str) -> Rights | None:
        """The licence that the page states for a picture."""
        return None if self.terms is None else self.terms.of(image_url)

    def grants(self, url: str) -> bool:
        """Whether the page reserves nothing and lies on the host of `url`, for whose files it can speak."""
        host = urlsplit(url).netloc
        return any(each.kind == GRANTED and urlsplit(each.where).netloc == host for each in self.signals)


class Questions:
    """Asks about images: first the landing page, then the image's own address."""

    def __init__(self, asker: Asker) -> None:
        self._asker, self._rules = asker, HostRules(asker)
        self._pages: OrderedDict[tuple[str, str], asyncio.Task[PageSaid]] = OrderedDict()

    async def page(self, source: SourceConfig, url: str) -> PageSaid:
        """The landing page at `url`; asked for once, however many images are on it."""
        key = (source.name, url)
        if key not in self._pages:
            self._pages[key] = asyncio.create_task(self._read_page(source, url))
            if len(self._pages) > _PAGES_HELD:
                self._pages.popitem(last=False)
        self._pages.move_to_end(key)
        return await asyncio.shield(self._pages[key])

    async def image(self, source: SourceConfig, subject: Subject, page: PageSaid | None) -> Found:
        """What became of the image's address, and everything that is said there against taking it."""
        url = subject.image_url
        said: list[Signal] = []
        try:
            check_url(url, allows_private=source.allow_private_addresses)
            said += await self._rules.usage(source, url)
            if page is None or not page.grants(url):
                said += await self._rules.reservation(source, url)
            answer = await self._answer(source, subject)
            said += header_signals(answer.headers, url)
            return await self._judged(source, subject, answer, tuple(said))
        except Denied as denied:
            return Found(outcome="refused", signals=(*said, denied.signal), detail=str(denied))
        except Unfetched as error:
            return Found(outcome="failed", signals=tuple(said), detail=f"{error.word}: {error}")

    async def _answer(self, source: SourceConfig, subject: Subject) -> Answer:
        headers = {"Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"}
        if subject.etag:
            headers["If-None-Match"] = subject.etag
        elif subject.last_modified:
            headers["If-Modified-Since"] = subject.last_modified
        answer = await self._follow(source, "HEAD", subject.image_url, headers, longest=0)
        if answer.status in _NO_HEAD:
            # A host that knows no ranges sends all of it, which is then read and compared.
            partly = {**headers, "Range": "bytes=0-0"}
            answer = await self._follow(source, "GET", subject.image_url, partly, longest=subject.bytes)
        return answer

    async def _judged(self, source: SourceConfig, subject: Subject, answer: Answer, said: tuple[Signal, ...]) -> Found:
        moved_to = answer.url if answer.url not in {subject.image_url, subject.redirected_to} else None
        outcome, detail = _by_status(answer)
        if outcome is None:
            outcome, detail = _by_headers(answer, subject)
        if outcome is None:
            outcome, detail = await self._by_bytes(source, subject, answer)
        if outcome == "unchanged" and moved_to:
            outcome = "moved"
        return Found(outcome=outcome, status=answer.status, moved_to=moved_to, signals=said, detail=detail)

    async def _by_bytes(self, source: SourceConfig, subject: Subject, answer: Answer) -> tuple[str, str | None]:
        """Read all of the image, where nothing less tells whether it is the same."""
        if not answer.body or answer.status != 200:
            headers = {"Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"}
            answer = await self._follow(source, "GET", subject.image_url, headers, longest=subject.bytes)
            if answer.status != 200:
                return "failed", f"http_{answer.status}"
        if answer.is_whole and hashlib.sha256(answer.body).hexdigest() == subject.sha256:
            return "unchanged", None
        return "changed", "other bytes"

    async def _read_page(self, source: SourceConfig, url: str) -> PageSaid:
        try:
            check_url(url, allows_private=source.allow_private_addresses)
            usage = await self._rules.usage(source, url)
            answer = await self._follow(source, "GET", url, _PAGE_HEADERS, longest=_LONGEST_PAGE)
        except Unfetched as error:
            return PageSaid(fault=f"page: {error.word}: {error}")
        kind = answer.header("content-type") or ""
        if answer.status != 200:
            return PageSaid(status=answer.status, url=answer.url, fault=f"page: HTTP {answer.status}")
        if not ({"text/html", "application/xhtml+xml"} & {kind.partition(";")[0].strip().lower()} or not kind):
            signals = page_signals(answer.url, answer.headers, None)
            return PageSaid(status=200, url=answer.url, signals=(*usage, *signals), fault=f"page: it is {kind}")
        _, text = html_to_unicode(kind, answer.body)
        page = Selector(text=text, type="html")
        page.xpath(_FURNITURE).drop()
        base = absolute(answer.url, page.css("base::attr(href)").get()) or answer.url
        signals = page_signals(answer.url, answer.headers, page)
        return PageSaid(status=200, url=answer.url, terms=PictureTerms(page, base), signals=(*usage, *signals))

    async def _follow(
        self, source: SourceConfig, method: str, url: str, headers: Mapping[str, str], *, longest: int
    ) -> Answer:
        """The answer behind all redirects, each of which has to be allowed. Raises Unfetched."""
        for _ in range(source.limits.max_redirects + 1):
            await self._rules.insist(source, url)
            answer = await self._asker.once(source, method, url, headers=headers, longest=longest)
            place = leads_to(answer)
            if place is None:
                return answer
            url = place.partition("#")[0]
        raise TooManyRedirects(f"more than {source.limits.max_redirects} redirects")


def _by_status(answer: Answer) -> tuple[str | None, str | None]:
    """Outcome and detail where the status alone decides."""
    if answer.status == 304:
        return "unchanged", None
    if answer.status in _GONE:
        return "gone", None
    if answer.status in _NO:
        return "refused", f"HTTP {answer.status}"
    if answer.status not in {200, 206}:
        return "failed", f"http_{answer.status}"
    return None, None


def _by_headers(answer: Answer, subject: Subject) -> tuple[str | None, str | None]:
    """Outcome and detail where type, length and validators decide."""
    if (answer.header("content-type") or "").lower().startswith("text/html"):
        return "gone", "a page instead of an image"
    length = _length(answer)
    if length is not None and length != subject.bytes:
        return "changed", f"{length} bytes, {subject.bytes} before"
    if length is not None and _is_same(answer, subject):
        return "unchanged", None
    return None, None


def _length(answer: Answer) -> int | None:
    """Bytes of the whole image, None where the answer does not say."""
    if answer.header("content-encoding") not in {None, "identity"}:
        return None
    said = answer.header("content-length")
    if answer.status == 206:
        said = (answer.header("content-range") or "").rpartition("/")[2]
    return int(said) if said and said.isdecimal() else None


def _is_same(answer: Answer, subject: Subject) -> bool:
    """Whether a validator vouches for the bytes; a weak one is enough where the length is the same too."""
    etag, modified = answer.header("etag"), answer.header("last-modified")
    if etag and subject.etag:
        return etag.removeprefix("W/") == subject.etag.removeprefix("W/")
    return bool(modified) and modified == subject.last_modified
