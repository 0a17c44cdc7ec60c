"""Web pages with pictures: listings, static or drawn by scripts, with or without a page for each; and sitemaps."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.http import Response

from harvest.crawl import html
from harvest.crawl.base import SourceSpider
from harvest.crawl.sites.gallery import ADVICE, GalleryOptions, digest
from harvest.errors import SourceChanged
from harvest.items import ImageItem


class GallerySpider(SourceSpider[GalleryOptions]):
    """Reads listings card by card and yields one item for each picture."""

    name = "gallery"
    options_type = GalleryOptions

    def check(self) -> None:
        """Raises ConfigError without a page to start from, and for a selector that is not CSS."""
        self.options.check(self.source.options.error)

    async def start(self) -> AsyncIterator[Request]:
        """The pages and sitemaps that the source names."""
        for url in self.options.sitemap_urls:
            yield Request(url, self.parse_sitemap)
        for url in self.options.start:
            yield self._listing(url, 1) if "{page}" in url else self.page(url, self.parse, number=1)

    def parse(self, response: Response, *, number: int, series: str = "", last: str = "") -> Iterator[Any]:
        """One listing page: its pictures, then the page after it. `series` is a start with `{page}`, `last` what its
        page before showed.
        """
        select, met = self.options.cards, dict[str, None]()
        found = (reading := html.Reading(response, select)).found()
        if not any(item or link for item, link in found) and not (select.card or select.image):
            found = [(item, None) for item in reading.fallback()]
        for item, link in found:
            opened = link if self.options.detail is not None else None
            address = opened or (item.image_url if item else None)
            if address is not None and address not in met:
                met[address] = None
                yield self._detail(opened, item) if opened else item
        if unopened := sum(item is None for item, _ in found) if self.options.browser.open_card else 0:
            self.missed(response.url, f"{unopened} of {len(found)} cards showed no picture when they were opened")
        elif not met and number == 1:
            self.missed(response.url, ADVICE)
        elif not met and not series:
            self.logger.warning("%s: no picture was found here", response.url)
        if number >= self.options.max_pages:
            return
        if series and met and digest(met) != last:
            yield self._listing(series, number + 1, digest(met))
        elif not series and (following := reading.following()):
            yield self.page(following, self.parse, number=number + 1)

    def parse_detail(self, response: Response, *, item: ImageItem | None) -> Iterator[ImageItem]:
        """A picture's own page: what it says replaces what its card said."""
        reading = html.Reading(response, html.on_detail(self.options.detail))
        own = reading.item(reading.page)
        own = own or item or next(reading.fallback(), None)
        if own is None:
            self.missed(response.url, ADVICE.replace("select", "detail"))
            return
        said = {name: value for name in ImageItem.__dataclass_fields__ if (value := getattr(own, name))}
        signals = dict.fromkeys((*(item.signals if item else ()), *reading.signals))
        yield replace(item or own, **{**said, "page_url": response.url, "signals": tuple(signals)})

    def parse_sitemap(self, response: Response) -> Iterator[Any]:
        """A sitemap, an index of some, or a robots.txt that names them."""
        if urlsplit(response.url).path == "/robots.txt":
            named = html.named_in_robots(response.text, response.url)
            yield from (Request(url, self.parse_sitemap) for url in named)
            if not named:
                self.missed(response.url, "it names no sitemap; say their addresses in options.sitemaps")
            return
        try:
            for entry in html.read_sitemap(response.body, response.url, self.source.limits.max_bytes):
                if isinstance(entry, html.Nested):
                    yield Request(entry.url, self.parse_sitemap)
                elif re.search(self.options.sitemap_match or "", entry.page):
                    yield from self._entry(entry)
        except SourceChanged as error:
            self.missed(response.url, str(error))

    def detail_failed(self, failure: Any) -> Iterator[ImageItem]:
        """A picture's own page that does not answer: it is noted, and what the card said has to do."""
        item: ImageItem | None = failure.request.cb_kwargs["item"]
        yield from self.page_failed(failure)
        if item is not None:
            yield item

    def listing_failed(self, failure: Any) -> Iterator[Any]:
        """A numbered page that is not there ends its series, unless it is the first."""
        status = getattr(getattr(failure.value, "response", None), "status", None)
        if failure.request.cb_kwargs["number"] == 1 or status not in {404, 410}:
            yield from self.page_failed(failure)

    def _entry(self, entry: html.Entry) -> Iterator[Any]:
        if self.options.detail is not None:
            yield self._detail(entry.page, entry.images[0] if len(entry.images) == 1 else None)
        elif entry.images:
            yield from entry.images
        else:
            yield self.page(entry.page, self.parse, number=self.options.max_pages)

    def _detail(self, url: str, item: ImageItem | None) -> Request:
        return self.page(url, self.parse_detail, errback=self.detail_failed, item=item)

    def _listing(self, series: str, number: int, last: str = "") -> Request:
        url = self.options.numbered(series, number)
        return self.page(url, self.parse, errback=self.listing_failed, number=number, series=series, last=last)
