"""Web gallery pages: listings of pictures, static or drawn by scripts, with or without a page for each picture."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from parsel import Selector
from scrapy import Request
from scrapy.http import Response

from harvest.config.reader import setting
from harvest.crawl import html
from harvest.crawl.base import SourceSpider
from harvest.crawl.browser import BrowserOptions
from harvest.crawl.statements import page_signals
from harvest.items import ImageItem


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryOptions:
    """Listing pages to start from, and how to read them where they are not marked up in a common way.

    With `detail`, each picture's own page is opened too and what it says goes before what the listing says; `{}` reads
    it automatically. `max_pages` bounds the listing pages that are followed from each start.
    """

    start: tuple[str, ...]
    select: html.Selectors = field(default_factory=html.Selectors)
    detail: html.Selectors | None = None
    browser: BrowserOptions = field(default_factory=BrowserOptions)
    max_pages: int = setting(10_000, ge=1)


class GallerySpider(SourceSpider[GalleryOptions]):
    """Reads listings card by card and yields one item for each picture."""

    name = "gallery"
    options_type = GalleryOptions

    def check(self) -> None:
        """Raises ConfigError without a page to start from, and for a selector that is not CSS."""
        if not self.options.start:
            raise self.source.options.error("start", "expected at least one page to start from")
        for section, selectors in (("select", self.options.select), ("detail", self.options.detail)):
            for name, problem in html.problems(selectors or html.Selectors()):
                raise self.source.options.error(f"{section}.{name}", f"expected a CSS selector, {problem}")

    async def start(self) -> AsyncIterator[Request]:
        """The pages that the source names."""
        for url in self.options.start:
            yield self.page(url, self.parse, number=1)

    def parse(self, response: Response, *, number: int) -> Iterator[ImageItem | Request]:
        """One listing page: its pictures, then the page after it."""
        page, select, seen = html.page_of(response), self.options.select, set[str]()
        of_page = self._of_page(response, page)
        for card in html.cards(page, select.card):
            item = self._item(response, card, select, of_page)
            link = html.link_url(card, response.urljoin(""), select.link)
            if link and self.options.detail:
                yield self.page(link, self.parse_detail, errback=self.detail_failed, item=item)
            elif item and item.image_url not in seen:
                seen.add(item.image_url)
                yield item
        following = html.next_url(page, response.urljoin(""), select.next)
        if following and number < self.options.max_pages:
            yield self.page(following, self.parse, number=number + 1)

    def parse_detail(self, response: Response, *, item: ImageItem | None) -> Iterator[ImageItem]:
        """A picture's own page: what it says replaces what its card said."""
        of_page = self._of_page(response, page := html.page_of(response))
        own = self._item(response, page, html.on_detail(self.options.detail), of_page) or item
        if own is None:
            self.missed(response.url, "no picture was found on this page")
            return
        said = {name: value for name in ImageItem.__dataclass_fields__ if (value := getattr(own, name))}
        signals = dict.fromkeys((*(item.signals if item else ()), *of_page.signals))
        yield replace(item or own, **{**said, "page_url": response.url, "signals": tuple(signals)})

    def detail_failed(self, failure: Any) -> Iterator[ImageItem]:
        """A picture's own page that does not answer: it is noted, and what the card said has to do."""
        item: ImageItem | None = failure.request.cb_kwargs["item"]
        yield from self.page_failed(failure)
        if item is not None:
            yield item

    def _of_page(self, response: Response, page: Selector) -> ImageItem:
        """What a page says for all of its pictures."""
        terms = html.page_rights(page, response.urljoin("")) or html.Rights(None, None, None)
        return ImageItem(
            source_id="",
            image_url="",
            page_url=response.url,
            license=terms.id,
            license_url=terms.url,
            license_raw=terms.raw,
            signals=page_signals(response),
        )

    def _item(
        self, response: Response, scope: Selector, select: html.Selectors, of_page: ImageItem
    ) -> ImageItem | None:
        base = response.urljoin("")
        url = html.image_url(scope, base, select.image)
        if url is None:
            return None
        terms = html.rights(scope, base, select.license)
        item = replace(
            of_page,
            source_id=url,
            image_url=url,
            page_url=html.link_url(scope, base, select.link) or response.url,
            title=html.first_text(scope, select.title, "title"),
            description=html.words(scope, select.description),
            creator=html.first_text(scope, select.creator, "creator"),
            published_at=html.date(scope, select.date),
        )
        return replace(item, license=terms.id, license_url=terms.url, license_raw=terms.raw) if terms else item
