"""The Internet Archive: images of searches, collections and single items, as they were uploaded.

https://archive.org/developers/
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlencode

from scrapy import Request
from scrapy.http import Response

from harvest.crawl.base import SourceSpider
from harvest.crawl.sites import archive_org
from harvest.crawl.sites.apis import settle
from harvest.crawl.sites.archive_org import ArchiveOptions
from harvest.crawl.sites.shapes import Record
from harvest.items import ImageItem


class ArchiveOrgSpider(SourceSpider[ArchiveOptions]):
    """Lists items page by page, asks for each item's files, and yields one item for each image among them."""

    name = "archive_org"
    options_type = ArchiveOptions

    def check(self) -> None:
        """Raises ConfigError when there is nothing to list."""
        if not (self.options.items or list(self.options.queries())):
            raise self.source.options.error("", "expected at least one of search, collections, items")

    async def start(self) -> AsyncIterator[Request]:
        """The first page of every search, and every item that is named."""
        for query in self.options.queries():
            yield self._search(query, None)
        for identifier in self.options.items:
            yield self._item(identifier, is_named=True)

    def parse(self, response: Response, *, query: str) -> Iterator[Request]:
        """One page of a search: its items, then the page that the cursor leads to."""
        name = f"search {query}"
        if trouble := archive_org.trouble(answer := self.read_json(response)):
            yield from settle(self, response, trouble, name)
            return
        page = Record.of(answer, archive_org.SOURCE)
        # How many images an item holds is known when its files are listed; mostly it is one.
        if self.coverage.expect(name, total := page.whole("total")):
            self.announce(total)
        identifiers = [item.needed("identifier") for item in page.records("items")]
        self.coverage.meet(name, identifiers)
        yield from (self._item(identifier, is_named=False) for identifier in identifiers)
        if cursor := page.text("cursor"):
            yield self._search(query, cursor)
        else:
            self.coverage.finish(name)

    def parse_item(self, response: Response, *, identifier: str, is_named: bool) -> Iterator[ImageItem | Request]:
        """One item's files. A closed item is missed where it was named, and only noted where it was found."""
        if trouble := archive_org.trouble(answer := self.read_json(response)):
            yield from settle(self, response, trouble, identifier)
            return
        item = Record.of(answer, archive_org.SOURCE)
        self.note_unread(item.fields, archive_org.ANSWER_FIELDS, "an item of archive.org's")
        if why := archive_org.closed(item):
            (self.missed if is_named else self._passed_over)(identifier, why)
            return
        files = archive_org.images(item, self.options)
        if is_named:
            self.announce(len(files))
        for file in files:
            self.note_unread(file.fields, archive_org.FILE_FIELDS, "a file of archive.org's")
            yield archive_org.image_item(identifier, item, file, self.options)

    def _passed_over(self, identifier: str, why: str) -> None:
        self.logger.info("%s: %s", identifier, why)

    def _search(self, query: str, cursor: str | None) -> Request:
        asked = {"q": query, "fields": "identifier", "count": str(self.options.per_page)}
        more = {"cursor": cursor} if cursor else {}
        url = f"{self.options.endpoint}services/search/v1/scrape?{urlencode({**asked, **more})}"
        return Request(url, self.parse, cb_kwargs={"query": query})

    def _item(self, identifier: str, *, is_named: bool) -> Request:
        arguments = {"identifier": identifier, "is_named": is_named}
        return Request(self.options.metadata_url(identifier), self.parse_item, cb_kwargs=arguments)
