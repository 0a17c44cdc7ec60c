"""Web archives that answer like the Wayback Machine's CDX server: which images a site once had, and their stored bytes.

https://github.com/internetarchive/wayback/tree/master/wayback-cdx-server
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlencode

from scrapy import Request
from scrapy.http import Response

from harvest.config.reader import setting
from harvest.crawl.base import SourceSpider
from harvest.crawl.parsing import iso_timestamp
from harvest.errors import SourceChanged
from harvest.items import ImageItem

_FIELDS = ("timestamp", "original", "mimetype", "statuscode", "digest", "length")
_HTTP: Any = {"pattern": r"^https?://", "expected": "an http(s) URL"}
_MOMENT: Any = {"pattern": r"^\d{1,14}$", "expected": "1 to 14 digits of YYYYMMDDhhmmss"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WaybackOptions:
    """Captures of `url`: exactly that address, or by `match` all under it, its host or its whole domain.

    `since` and `until` bound the time of capture, both inclusive. `mimetypes` are full-match regular expressions.
    `collapse` keeps one of adjacent captures with the same bytes (`digest`) or of the same address (`urlkey`).
    """

    url: str
    match: str = setting("prefix", choices=("exact", "prefix", "host", "domain"))
    since: str | None = setting(None, **_MOMENT)
    until: str | None = setting(None, **_MOMENT)
    mimetypes: tuple[str, ...] = ("image/.*",)
    collapse: str = setting("digest", choices=("digest", "urlkey", "none"))
    cdx: str = setting("https://web.archive.org/cdx/search/cdx", **_HTTP)
    replay: str = setting("https://web.archive.org/web/", **_HTTP)
    per_page: int = setting(1000, ge=1, le=150_000)


class WaybackSpider(SourceSpider[WaybackOptions]):
    """Lists captures page by page and yields one item for each."""

    name = "wayback"
    options_type = WaybackOptions

    async def start(self) -> AsyncIterator[Request]:
        """The first page of the index."""
        yield self._page(None)

    def parse(self, response: Response) -> Iterator[ImageItem | Request]:
        """One page of the index: its captures, then the page that the resume key leads to."""
        rows = self.read_json(response)
        if rows is None:
            yield self.again(response, "the index did not answer with JSON")
            return
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise SourceChanged("the index answered without a list of rows; its format is not the known one")
        resume = None
        if len(rows) > 1 and rows[-2] == []:
            resume, rows = unquote_plus(str(rows[-1][0])), rows[:-2]
        header, captures = (rows[0], rows[1:]) if rows else (list(_FIELDS), [])
        if not {"timestamp", "original", "statuscode", "mimetype"} <= set(header):
            raise SourceChanged(f"the index's columns are {header}, expected {list(_FIELDS)}")
        for row in captures:
            capture = dict(zip(header, row, strict=False))
            if capture["statuscode"] == "200" and capture["mimetype"] != "warc/revisit":
                yield self._item(capture)
        if resume:
            yield self._page(resume)

    def _item(self, capture: dict[str, Any]) -> ImageItem:
        timestamp, original = capture["timestamp"], capture["original"]
        return ImageItem(
            source_id=f"{timestamp}/{original}",
            image_url=f"{self.options.replay}{timestamp}id_/{original}",
            page_url=f"{self.options.replay}*/{original}",
            captured_at=iso_timestamp(timestamp),
            raw={
                "original": original,
                **{key: capture[key] for key in ("mimetype", "digest", "length") if key in capture},
            },
        )

    def _page(self, resume: str | None) -> Request:
        options = self.options
        query = [
            ("url", options.url),
            ("matchType", options.match),
            ("output", "json"),
            ("fl", ",".join(_FIELDS)),
            ("filter", "statuscode:200"),
            ("filter", f"mimetype:{'|'.join(options.mimetypes)}"),
            ("from", options.since),
            ("to", options.until),
            ("collapse", None if options.collapse == "none" else options.collapse),
            ("limit", options.per_page),
            ("showResumeKey", "true"),
            ("resumeKey", resume),
        ]
        return Request(f"{options.cdx}?{urlencode([(name, value) for name, value in query if value is not None])}")
