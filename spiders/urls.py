"""Lists of image addresses with columns beside them: CSV, TSV, JSON lines, Parquet or plain lines, as img2dataset's."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import pyarrow.parquet as pq
from scrapy import Request
from scrapy.http import Response

from harvest.config.reader import setting
from harvest.crawl.base import SourceSpider
from harvest.crawl.files.columns import FIELDS
from harvest.crawl.files.disk import in_batches, resolve
from harvest.crawl.files.lists import FORMATS, Listing, Row, format_of, rows
from harvest.crawl.files.local.places import expand
from harvest.errors import SourceChanged
from harvest.items import ImageItem

_NAMED = 20  # bad rows of a list that are named one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlsOptions:
    """Lists to read: files or patterns, from the config's folder on, or addresses of lists on the web (up to
    limits.max_bytes). `url` is the column of addresses and `columns` maps fields of an item to others; what is not
    said is found under common names, and all the rest is kept as `raw`. `tolerate` is the share of rows of a list that
    may be unreadable without the crawl counting as failed.
    """

    lists: tuple[str, ...]
    format: str = setting("auto", choices=("auto", *FORMATS))
    url: str | None = None
    columns: Mapping[str, str] = setting({})
    tolerate: float = setting(0.0, ge=0, le=1)


class UrlsSpider(SourceSpider[UrlsOptions]):
    """Yields one item for each row."""

    name = "urls"
    options_type = UrlsOptions

    def check(self) -> None:
        """Raises ConfigError without a list, for a list of no known format, and for fields that no item has."""
        wrong = self.source.options.error
        if not self.options.lists:
            raise wrong("lists", "expected at least one list: a file, a pattern or an address")
        for field in sorted(self.options.columns.keys() - FIELDS):
            raise wrong(f"columns.{field}", f"unknown field; known here: {', '.join(sorted(FIELDS))}")
        for index, each in enumerate(self.options.lists):
            if self._format(each) is None and not has_magic(each):
                known = ", ".join(FORMATS)
                raise wrong(f"lists[{index}]", f"{each!r} does not end like a list; say options.format: one of {known}")

    async def start(self) -> AsyncIterator[ImageItem | Request]:
        """The lists on the web, and every row of those on disk."""
        for each in self.options.lists:
            if each.startswith(("http://", "https://")):
                yield Request(each, cb_kwargs={"name": each})
                continue
            files = expand(resolve(each, self.source.file))
            if not files:
                self.missed(each, "no such list")
            for file in files:
                async for item in in_batches(self._file(file)):
                    if self.is_done:
                        return
                    yield item

    def parse(self, response: Response, *, name: str) -> Iterator[ImageItem]:
        """A list that was fetched."""
        yield from self._items(io.BytesIO(response.body), name, self._format(name) or "txt")

    def _file(self, file: Path) -> Iterator[ImageItem]:
        kind = self._format(file.name)
        if kind is None:
            self.missed(str(file), "does not end like a list; say options.format")
            return
        try:
            if kind == "parquet":
                self.announce(pq.read_metadata(file).num_rows)
            with file.open("rb") as opened:
                yield from self._items(opened, str(file), kind)
        except (OSError, ValueError) as error:
            self.missed(str(file), f"cannot be read: {error}")

    def _items(self, file: IO[bytes], name: str, kind: str) -> Iterator[ImageItem]:
        met, bad, listing = 0, 0, Listing(self.options.url, self.options.columns)
        try:
            for row in rows(file, kind):
                met += 1
                made = listing.item(row) if isinstance(row, Row) else row
                if isinstance(made, ImageItem):
                    yield made
                    continue
                bad += 1
                if bad <= _NAMED:
                    self.logger.warning("%s:%d: %s", name, made.line, made.why)
        except SourceChanged as error:
            self.missed(name, str(error))
        except KeyError as missing:
            raise self.source.options.error("columns", f"{name} has no column {missing.args[0]}") from None
        if bad > self.options.tolerate * met:
            self.missed(name, f"{bad} of {met} rows could not be read (options.tolerate is {self.options.tolerate:g})")

    def _format(self, name: str) -> str | None:
        path = urlsplit(name).path if name.startswith(("http://", "https://")) else name
        return format_of(path) if self.options.format == "auto" else self.options.format
