"""Openverse: finds openly licensed images by words; each image is fetched from its provider, whose page is its page.

https://api.openverse.org/v1/, https://docs.openverse.org/terms_of_service.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlencode

from scrapy import Request
from scrapy.http import Response

from harvest.crawl.base import SourceSpider
from harvest.crawl.net.wire import with_bearer
from harvest.crawl.sites import openverse
from harvest.crawl.sites.apis import api_request, settle
from harvest.crawl.sites.openverse import OpenverseOptions
from harvest.items import ImageItem


class OpenverseSpider(SourceSpider[OpenverseOptions]):
    """Reads the results that a search shows, which are not all that there are, and yields one item for each."""

    name = "openverse"
    options_type = OpenverseOptions

    def check(self) -> None:
        """Raises ConfigError when nothing is searched for, and for pages that are too large without a token."""
        for key, why in self.options.faults():
            raise self.source.options.error(key, why)

    async def start(self) -> AsyncIterator[Request]:
        """The first page of every search."""
        for query in self.options.queries():
            yield self._page(query, 1)

    def parse(self, response: Response, *, query: dict[str, str], page: int) -> Iterator[ImageItem | Request]:
        """One page of results, then the next one while the API shows any."""
        name = openverse.name_of(query)
        if trouble := openverse.trouble(answer := self.read_json(response)):
            yield from settle(self, response, trouble, name)
            return
        found = openverse.results(answer)
        shown = min(found.count, self.options.reach)
        if self.coverage.expect(name, shown):
            self.announce(shown)
            if more := openverse.more(found.count, self.options):
                self.logger.warning("%s: %s", name, more)
        self.coverage.meet(name, (record.needed("id") for record in found.records))
        for record in found.records:
            self.note_unread(record.fields, openverse.FIELDS, "a record of Openverse's")
            if self.options.mature or not record.fields.get("mature"):
                yield openverse.image_item(record)
        if found.records and page < found.pages and page * self.options.page_size < self.options.reach:
            yield self._page(query, page + 1)
        else:
            self.coverage.finish(name)

    def _page(self, query: dict[str, str], page: int) -> Request:
        asked: dict[str, Any] = {**query, "page": page, "page_size": self.options.page_size}
        request = api_request(f"{self.options.endpoint}?{urlencode(asked)}", self.parse, query=query, page=page)
        if self.options.token is None:
            return request
        return with_bearer(request, token=self.options.token)
