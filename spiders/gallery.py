"""Web gallery pages: listings of pictures, static or drawn by scripts, with or without a page for each picture."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace

from scrapy import Request
from scrapy.http import Response
from scrapy.selector import Selector
from twisted.python.failure import Failure

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
        """Raises ConfigError when there is no page to start from or a selector is not CSS."""
        if not self.options.start:
            raise self.source.options.error("start", "expected at least one page to start from")
        for section, selectors in (("select", self.options.select), ("detail", self.options.detail)):
            for name in html.Selectors.__dataclass_fields__:
                css = getattr(selectors, name, None)
                try:
                    Selector(text="<p>").css(css or "p")
                except ValueError as error:
                    raise self.source.options.error(f"{section}.{name}", f"expected a CSS selector: {error}") from None

    async def start(self) -> AsyncIterator[Request]:
        """The pages that the source names."""
        for url in self.options.start:
            yield self.page(url, self.parse, page=1)

    def parse(self, response: Response, *, page: int) -> Iterator[ImageItem | Request]:
        """One listing page: its pictures, then the page after it."""
        select, seen = self.options.select, set[str]()
        for card in html.cards(response.selector, select.card):
            item = self._item(response, card, select)
            link = html.link_url(card, response.urljoin(""), select.link)
            if link and self.options.detail:
                item = item or ImageItem(source_id="", image_url="", page_url=link)
                yield self.page(link, self.parse_detail, errback=self.detail_failed, item=item)
            elif item and item.image_url not in seen:
                seen.add(item.image_url)
                yield item
        following = html.next_url(response.selector, response.urljoin(""), select.next)
        if following and page < self.options.max_pages:
            yield self.page(following, self.parse, page=page + 1)

    def parse_detail(self, response: Response, *, item: ImageItem) -> Iterator[ImageItem]:
        """A picture's own page: what it says replaces what its card said."""
        own = self._item(response, response.selector, self._detail)
        if own:
            said = {name: getattr(own, name) for name in ImageItem.__dataclass_fields__ if getattr(own, name)}
            item = replace(item, **said)
        item = replace(item, page_url=response.url, signals=item.signals + page_signals(response))
        if item.image_url:
            yield replace(item, signals=tuple(dict.fromkeys(item.signals)))
        else:
            self.missed(response.url, "no picture found on this page")

    def detail_failed(self, failure: Failure) -> Iterator[ImageItem]:
        """A picture's own page that does not answer: what its card said has to do."""
        item: ImageItem = failure.request.cb_kwargs["item"]  # type: ignore[attr-defined]
        self.missed(failure.request.url, failure.getErrorMessage())  # type: ignore[attr-defined]
        if item.image_url:
            yield item

    def _item(self, response: Response, scope: Selector, select: html.Selectors) -> ImageItem | None:
        url = html.image_url(scope, response.urljoin(""), select.image)
        if url is None:
            return None
        license_, license_url, license_raw = html.rights(scope, response.selector, response.url, select.license)
        return ImageItem(
            source_id=url,
            image_url=url,
            page_url=html.link_url(scope, response.urljoin(""), select.link) or response.url,
            title=html.first_text(scope, select.title, "title"),
            description=html.words(scope, select.description),
            creator=html.first_text(scope, select.creator, "creator"),
            license=license_,
            license_url=license_url,
            license_raw=license_raw,
            published_at=html.date(scope, select.date),
            signals=page_signals(response),
        )
