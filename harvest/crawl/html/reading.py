"""One page read: its pictures as items, with all that it says of each and of all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from parsel import Selector
from scrapy.http import Response

from harvest.crawl.html.responses import page_of, signals_of
from harvest.crawl.html.selectors import Selectors
from harvest.crawl.net.browser import VIEW
from harvest.items import ImageItem
from harvest.pages.addresses import absolute, extent, is_image, keys
from harvest.pages.jsonld import Stated, Statements
from harvest.pages.pictures import cards, image_urls, link_url, next_url
from harvest.pages.words import Rights, date, first_text, page_rights, rights, words

__all__ = ["Reading"]

_SHARED = (
    "meta[property='og:image:secure_url'], meta[property='og:image'], meta[property='og:image:url'], "
    "meta[name='og:image'], meta[name='twitter:image'], meta[property='twitter:image'], meta[name='twitter:image:src']"
)
_NONE = Rights(None, None, None)


class Reading:
    """A page, read as `select` says. Raises SourceChanged when the response is no page."""

    def __init__(self, response: Response, select: Selectors) -> None:
        self.page, self._select = page_of(response), select
        self.url, self.base = response.url, response.urljoin("")
        self.signals = signals_of(response)
        self._rights = page_rights(self.page, self.base, cards(self.page, select.card) if select.card else ()) or _NONE
        self._statements = Statements(self.page, self.base)
        self._shared = [
            url for meta in self.page.css(_SHARED) if (url := absolute(self.base, meta.attrib.get("content")))
        ]

    def found(self) -> list[tuple[ImageItem | None, str | None]]:
        """Of every card its picture and the address of the picture's own page, None for what it has not."""
        return [
            (self.item(card), link_url(card, self.base, self._select.link))
            for card in cards(self.page, self._select.card)
        ]

    def following(self) -> str | None:
        """The address of the next listing page."""
        return next_url(self.page, self.base, self._select.next)

    def item(self, scope: Selector) -> ImageItem | None:
        """The picture in `scope`, None when there is none. What stands beside it goes before JSON-LD, that before what
        the page says of all.
        """
        select = self._select
        urls = image_urls(scope, self.base, select.image)
        if not urls:
            return None
        stated = self._statements.of(urls)
        terms = rights(scope, self.base, select.license) or (stated.rights if stated else None) or self._rights
        item = ImageItem(
            source_id="",
            image_url="",
            page_url=link_url(scope, self.base, select.link) or scope.attrib.get(VIEW) or self.url,
            title=first_text(scope, select.title, "title"),
            description=words(scope, select.description),
            creator=first_text(scope, select.creator, "creator"),
            published_at=date(scope, select.date),
        )
        return self._finished(item, self._fullest(urls[0], stated), terms, stated)

    def fallback(self) -> Iterator[ImageItem]:
        """The pictures of a page that shows none by itself: those of its JSON-LD, else the one that it shares."""
        images = [stated for stated in self._statements.all if is_image(stated.url) or stated.rights or stated.creator]
        for stated in images:
            yield self._finished(
                ImageItem(source_id="", image_url=""), stated.url, stated.rights or self._rights, stated
            )
        kind = self.page.css("meta[property='og:type']::attr(content)").get("")
        if images or not self._shared or kind.strip().lower() == "website":
            return
        title, description = (words(self.page, f"meta[property='og:{name}']") for name in ("title", "description"))
        item = ImageItem(source_id="", image_url="", title=title, description=description)
        yield self._finished(item, self._shared[0], self._rights, None)

    def _finished(self, item: ImageItem, url: str, terms: Rights, stated: Stated | None) -> ImageItem:
        known = stated or Stated(url=url)
        return replace(
            item,
            source_id=url,
            image_url=url,
            page_url=item.page_url or self.url,
            title=item.title or known.title,
            description=item.description or known.description,
            creator=item.creator or known.creator,
            creator_url=known.creator_url if item.creator in {None, known.creator} else None,
            license=terms.id,
            license_url=terms.url,
            license_raw=terms.raw,
            published_at=item.published_at or known.published_at,
            signals=self.signals,
            raw={**known.raw},
        )

    def _fullest(self, url: str, stated: Stated | None) -> str:
        """The address itself or, when it is a reduced copy's, the whole picture's that the page names elsewhere."""
        if stated and url in stated.aliases and is_image(stated.url):
            return stated.url
        others = [stated.url] if stated else []
        same = [each for each in [*others, *self._shared] if keys(each)[2] == keys(url)[2]]
        return max([url, *same], key=extent)
