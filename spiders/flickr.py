"""Flickr's REST API: albums, users, groups, galleries, favourites, The Commons and searches of any length.

https://www.flickr.com/services/api/
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from scrapy import Request
from scrapy.http import Response

from harvest.crawl.base import SourceSpider
from harvest.crawl.net.wire import with_secrets
from harvest.crawl.sites import flickr
from harvest.crawl.sites import flickr_lists as lists
from harvest.crawl.sites.apis import settle
from harvest.crawl.sites.flickr_lists import FlickrOptions
from harvest.crawl.sites.windows import Window
from harvest.items import ImageItem


class FlickrSpider(SourceSpider[FlickrOptions]):
    """Lists photographs page by page and yields one item for each; what the API lists twice is met once."""

    name = "flickr"
    options_type = FlickrOptions

    def check(self) -> None:
        """Raises ConfigError when there is nothing to list, or a search has parameters that cannot be."""
        if not self.options.commons and not list(self.options.queries()):
            known = "albums, users, groups, galleries, favourites, commons, search"
            raise self.source.options.error("", f"expected at least one of {known}")
        for key, why in lists.faults(self.options.search):
            raise self.source.options.error(f"search.{key}", why)

    async def start(self) -> AsyncIterator[Request]:
        """The first page of every list."""
        if self.options.commons:
            yield self._call({"method": "flickr.commons.getInstitutions"}, self.parse_institutions)
        for query in self.options.queries():
            yield self._page(query, 1)

    def parse_institutions(self, response: Response, *, query: dict[str, str]) -> Iterator[Request]:
        """Who is in The Commons: the photos of each."""
        answer = self.read_json(response)
        if trouble := flickr.trouble(answer, query["method"]):
            yield from settle(self, response, trouble, query["method"])
            return
        for user in flickr.nsids(answer):
            yield self._page({"method": "flickr.people.getPublicPhotos", "user_id": user}, 1)

    def parse(
        self, response: Response, *, query: dict[str, str], page: int, window: dict[str, Any] | None = None
    ) -> Iterator[ImageItem | Request]:
        """One page of one list: its photographs, then the next page, or the parts that a long search is asked in."""
        answer, name = self.read_json(response), lists.name_of(query)
        if trouble := flickr.trouble(answer, query["method"]):
            yield from settle(self, response, trouble, name)
            return
        listing, part = flickr.listing(answer, query), str(Window(**window)) if window else None
        parts = lists.parts_of(query, listing.total, window) if page == 1 else ()
        if page == 1 and window is None:
            self.announce(listing.total)
        if page == 1 and (window is None or not parts):
            self.coverage.expect(name, listing.total, part)
        ids = [photo.needed("id") for photo in listing.photos]
        yield from self._items(listing, self.coverage.meet(name, ids, None if parts else part))
        if parts:
            yield from (self._page(query, 1, asdict(each)) for each in parts)
        elif page < lists.reach(listing.pages, self.options.per_page, query["method"]):
            yield self._page(query, page + 1, window)
        else:
            self.coverage.finish(name, part)

    def _items(self, listing: flickr.Listing, new: set[str]) -> Iterator[ImageItem]:
        photos = {id_: photo for photo in reversed(listing.photos) if (id_ := photo.needed("id")) in new}
        hidden = 0
        for photo in reversed(photos.values()):
            self.note_unread(photo.fields, flickr.FIELDS, "a photo of Flickr's")
            if photo.text("media") in {None, "photo"}:
                if item := flickr.photo_item(photo, listing.owner):
                    yield item
                else:
                    hidden += 1
        if hidden:
            self.logger.warning("%d photos have no address that this key may see", hidden)

    def _page(self, query: dict[str, str], page: int, window: dict[str, Any] | None = None) -> Request:
        paging = {"per_page": str(self.options.per_page), "page": str(page), "extras": flickr.EXTRAS}
        asked = {**query, **(lists.parameters(window) if window else {}), **paging}
        return self._call(asked, self.parse, query=query, page=page, window=window)

    def _call(self, asked: dict[str, str], callback: Callable[..., Any], **arguments: Any) -> Request:
        url = f"{self.options.endpoint}?{urlencode({**asked, 'format': 'json', 'nojsoncallback': '1'})}"
        request = Request(url, callback, cb_kwargs={"query": asked, **arguments})
        return with_secrets(request, api_key=self.options.api_key)
