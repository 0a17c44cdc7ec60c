"""Images as units of work: what a page shows goes into the shared queue, not into the pipelines of whoever read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Response
from scrapy.spidermiddlewares.base import BaseSpiderMiddleware

from harvest.items import ImageItem

if TYPE_CHECKING:
    from harvest.crawl.base import SourceSpider

__all__ = ["ShareItems", "item_of"]

_ITEM = "harvest_shared_item"


class ShareItems(BaseSpiderMiddleware):
    """Hands every image to the scheduler."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Not there at all where one worker does everything."""
        spider: SourceSpider[Any] = crawler.spider  # type: ignore[assignment]
        if getattr(spider, "source", None) is None or spider.source.scheduler is None:
            raise NotConfigured
        return super().from_crawler(crawler)

    def get_processed_item(self, item: Any, response: Response | None) -> Any:  # noqa: ARG002 - Scrapy's signature
        """A carrier of the item to the scheduler; no such request is ever sent."""
        if not isinstance(item, ImageItem):
            return item
        return Request("about:image", meta={_ITEM: item}, dont_filter=True)


def item_of(request: Request) -> ImageItem | None:
    """The image that a request carries to the scheduler."""
    return request.meta.get(_ITEM)
