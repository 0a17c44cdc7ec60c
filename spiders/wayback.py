"""Web archives with a CDX index: which images a site once had, or its pages showed, and their stored bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from scrapy import Request
from scrapy.http import Response, TextResponse

from harvest.config.reader import setting
from harvest.crawl.base import SourceSpider
from harvest.crawl.webarchive import cdx, replay
from harvest.crawl.webarchive.captures import HTML, Capture, Query
from harvest.crawl.webarchive.listing import Asked, Listing
from harvest.crawl.webarchive.replay import Found
from harvest.items import ImageItem

_HTTP: Any = {"pattern": r"^https?://", "expected": "an http(s) URL"}
_REPLAY = {"handle_httpstatus_list": [301, 302, 303, 307, 308], "dont_redirect": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class WaybackOptions(Query):
    """What is asked, of which archive.

    With `pages`, captured pages are listed, and what they show is fetched as of their time. `dialect` is told by a
    usual address of the index, `cdx`; `replay` is the address before the timestamp, or the root of Common Crawl's
    files, all of whose `crawls` are read by default. With `trust_digest`, the index's digest counts as the bytes' own.
    """

    dialect: str = setting("auto", choices=("auto", *cdx.DIALECTS))
    pages: bool = False
    trust_digest: bool = False
    crawls: tuple[str, ...] = ()
    cdx: str | None = setting(None, **_HTTP)
    replay: str | None = setting(None, **_HTTP)


class WaybackSpider(SourceSpider[WaybackOptions]):
    """Lists captures part by part and yields one item for each, or for each image that a captured page shows."""

    name = "wayback"
    options_type = WaybackOptions

    def check(self) -> None:
        """Raises ConfigError when the options do not say which archive is asked, or ask for what it has not."""
        options = self.options
        try:
            self.archive = cdx.archive(options.dialect, options.cdx, options.replay)
        except ValueError as error:
            raise self.source.options.error("dialect", str(error)) from None
        for name, is_for_common_crawl in (("pages", False), ("crawls", True)):
            if getattr(options, name) and is_for_common_crawl != (self.archive.dialect == "commoncrawl"):
                words = "only Common Crawl has them" if is_for_common_crawl else "Common Crawl keeps next to no images"
                raise self.source.options.error(name, f"{words}; leave it out, or ask another archive")
        self.listing = Listing(self.archive, replace(options, mimetypes=HTML) if options.pages else options)

    async def start(self) -> AsyncIterator[Request]:
        """The first question to the index, or to the list of indexes."""
        index = self.archive.index
        if self.archive.dialect == "commoncrawl" and not self.options.crawls and not index.endswith("-index"):
            yield Request(f"{index}collinfo.json", self.parse_crawls)
            return
        indexes = [f"{index}{name}-index" for name in self.options.crawls] or [index]
        for asked in self.listing.begin(indexes):
            yield self._asked(asked)

    def parse_crawls(self, response: Response) -> Iterator[Request]:
        """Common Crawl's list of crawls."""
        answer = self.read_json(response)
        if answer is None:
            yield self.again(response, "the list of crawls is no JSON")
        else:
            yield from map(self._asked, self.listing.begin(cdx.crawls(answer, self.options)))

    def parse(
        self, response: Response, *, steps: list[dict[str, Any]], held: dict[str, Any] | None = None
    ) -> Iterator[ImageItem | Request]:
        """One answer of the index: what is taken of its captures, then the next of `steps`."""
        if response.status == 404 and b"No Captures" not in response.body:
            self.missed(response.url, "HTTP 404")
            return
        try:
            captures, following = self.listing.answer(response.body.decode("utf-8", "replace"), steps, held)
        except ValueError:
            yield self.again(response, "the index did not answer with JSON")
            return
        while self.listing.cut:
            self.missed(response.url, f"not all captures of {self.listing.cut.pop()} were listed; raise per_page")
        yield from filter(None, map(self._met, captures))
        yield from map(self._asked, following)
        if self.listing.unresolved and not following:
            self.logger.info("%d captures repeat one that is not listed, and were left out", self.listing.unresolved)

    def parse_page(self, response: Response, *, timestamp: str, original: str, hops: int = 0) -> Iterator[Any]:
        """A captured page: the images that it shows."""
        asked = Found(timestamp, original)
        url, capture = replay.onward(self.archive.replay, asked, response), replay.found(response, asked)
        if url is not None and hops < self.source.limits.max_redirects:
            yield self._page(url, capture, hops + 1)
        elif response.status != 200 or not isinstance(response, TextResponse):
            self.missed(response.url, f"no page, but HTTP {response.status}")
        else:
            yield from replay.shown_items(response, self.archive.replay, capture)

    def _met(self, capture: Capture) -> ImageItem | Request | None:
        prefix, trust = self.archive.replay, self.options.trust_digest
        if self.options.pages:
            page = Found(capture.timestamp, capture.original)
            return self._page(replay.replay_url(prefix, *page), page)
        make = replay.record_item if self.archive.dialect == "commoncrawl" else replay.replay_item
        return make(capture, prefix, trust_digest=trust)

    def _page(self, url: str, page: Found, hops: int = 0) -> Request:
        return Request(url, self.parse_page, cb_kwargs={**page._asdict(), "hops": hops}, meta=_REPLAY)

    def _asked(self, asked: Asked) -> Request:
        return Request(asked.url, cb_kwargs=asked.arguments, meta={"handle_httpstatus_list": [404]})
