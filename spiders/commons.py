"""Wikimedia Commons by its API: category trees, searches and users' uploads.

https://www.mediawiki.org/wiki/API:Etiquette asks for a contact in the User-Agent, which `contact` puts there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from scrapy import Request
from scrapy.http import Response

from harvest.crawl.base import SourceSpider
from harvest.crawl.sites import commons
from harvest.crawl.sites import commons_lists as lists
from harvest.crawl.sites.apis import api_request, settle
from harvest.crawl.sites.commons_lists import CommonsOptions
from harvest.crawl.sites.shapes import Record
from harvest.items import ImageItem


class CommonsSpider(SourceSpider[CommonsOptions]):
    """Walks lists of files batch by batch and yields one item for each image."""

    name = "commons"
    options_type = CommonsOptions

    def check(self) -> None:
        """Raises ConfigError when there is nothing to list, and for a width that Commons does not make."""
        if not (self.options.categories or self.options.search or self.options.users):
            raise self.source.options.error("", "expected at least one of categories, search, users")
        if self.options.width is not None and self.options.width not in lists.WIDTHS:
            widths = ", ".join(map(str, lists.WIDTHS))
            raise self.source.options.error("width", f"expected one of {widths}, got {self.options.width}")
        self._depths: dict[str, int] = {}

    async def start(self) -> AsyncIterator[Request]:
        """A first look at every category and search, and the first batch of every user's files."""
        for category in self.options.categories:
            for request in self._look(category, self.options.depth):
                yield request
        for words in self.options.search:
            name = f"search {words}"
            yield self._ask(self.parse_count, lists.search_count(words), name=name)
            yield self._files(name, self.options.search_files(words))
        for user in self.options.users:
            yield self._files(f"uploads of {user}", self.options.user_files(user.removeprefix("User:")))

    def parse_category(self, response: Response, *, name: str, asked: dict[str, Any], depth: int) -> Iterator[Request]:
        """How many files a category has, and its subcategories."""
        answer = self.read_json(response)
        if trouble := commons.trouble(answer):
            yield from settle(self, response, trouble, name)
            return
        query = Record.of(answer, commons.SOURCE).record("query")
        for page in query.records("pages", optional=True):
            if "categoryinfo" in page.fields:
                files = page.record("categoryinfo").whole("files")
                if self.coverage.expect(name, files):
                    self.announce(files)
                yield self._files(name, self.options.category_files(name))
            elif "missing" in page.fields or "invalid" in page.fields:
                self.missed(name, "there is no such category")
        for member in query.records("categorymembers", optional=True):
            yield from self._look(member.needed("title"), depth - 1)
        if following := commons.batch(answer, {}).following:
            yield self._ask(self.parse_category, {**asked, **following}, name=name, asked=asked, depth=depth)

    def parse_count(self, response: Response, *, name: str) -> Iterator[Request]:
        """How many files a search finds."""
        answer = self.read_json(response)
        if trouble := commons.trouble(answer):
            yield from settle(self, response, trouble, name)
            return
        hits = Record.of(answer, commons.SOURCE).record("query").record("searchinfo").whole("totalhits")
        self.announce(hits)
        self.coverage.expect(name, hits)
        if hits > lists.SEARCH_LISTS:
            self.logger.warning("%s: %d files, only %d are listed: narrow it down", name, hits, lists.SEARCH_LISTS)

    def parse(
        self, response: Response, *, name: str, asked: dict[str, Any], held: dict[str, Any]
    ) -> Iterator[ImageItem | Request]:
        """One answer of a list of files; `held` is what earlier answers said of files that were not complete."""
        if trouble := commons.trouble(answer := self.read_json(response)):
            yield from settle(self, response, trouble, name)
            return
        batch = commons.batch(answer, held)
        for warning in batch.warnings:
            self.logger.warning("%s: Commons warns: %s", name, warning)
        self.coverage.meet(name, (page.text("pageid") or page.needed("title") for page in batch.files))
        for page in batch.files:
            yield from self._items(page)
        if batch.following:
            held = dict(batch.held)
            yield self._ask(self.parse, {**asked, **batch.following}, name=name, asked=asked, held=held)
        else:
            self.coverage.finish(name)

    def _items(self, page: Record) -> Iterator[ImageItem]:
        self.note_unread(page.fields, commons.FILE_FIELDS, "a page of Commons'")
        for info in list(page.records("imageinfo", optional=True))[:1]:
            self.note_unread(info.fields, commons.INFO_FIELDS, "a file of Commons'")
            if info.text("mime") in self.options.mime and info.text("url"):
                yield commons.file_item(page, info, is_thumb=self.options.width is not None)

    def _look(self, name: str, depth: int) -> Iterator[Request]:
        """Walk into a category, unless it was walked into with as many levels to go: categories stand in circles."""
        title = lists.category_title(name)
        if depth > self._depths.get(title, -1):
            self._depths[title] = depth
            asked = lists.category_walk(title, depth)
            yield self._ask(self.parse_category, asked, name=title, asked=asked, depth=depth)

    def _ask(self, callback: Callable[..., Any], call: dict[str, Any], **arguments: Any) -> Request:
        return api_request(self.options.url(call), callback, **arguments)

    def _files(self, name: str, asked: dict[str, Any]) -> Request:
        return self._ask(self.parse, asked, name=name, asked=asked, held={})
