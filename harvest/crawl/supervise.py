"""What stands between a spider and Scrapy: the limit, the errors that end a run, the pages that did not answer."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy import Request
from scrapy.core.scheduler import Scheduler
from scrapy.http import Response
from scrapy.spidermiddlewares.base import BaseSpiderMiddleware

from harvest.crawl.net.evidence import evidence_of
from harvest.errors import HarvestError
from harvest.items import ImageItem

if TYPE_CHECKING:
    from harvest.crawl.base import SourceSpider

__all__ = ["Supervision"]

_UNDER_WAY = 256  # images between the spider and the journal
_WAITING = 1024  # requests for pages
_MOMENT = 0.01  # seconds


class Supervision(BaseSpiderMiddleware):
    """Lets a spider that has said enough, or that had to give up, run dry: what it has met already is still fetched."""

    @property
    def _spider(self) -> SourceSpider[Any]:
        spider: Any = self.crawler.spider
        return spider  # type: ignore[no-any-return]

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """What the spider begins with, until it gives up, and no faster than it can be dealt with.

        Scrapy would take all of it at once: a list of a million images would be a million images under way.
        """
        try:
            async for made in super().process_start(start):
                while self._is_busy():
                    await asyncio.sleep(_MOMENT)
                yield made
        except HarvestError as error:
            self._spider.give_up(error)

    def _is_busy(self) -> bool:
        engine = self.crawler.engine
        if not self.crawler.crawling or engine is None or engine.scraper.slot is None:
            return False
        # A queue that several workers share does not lie in this one's memory.
        queue = engine._slot.scheduler if engine._slot else None
        waiting = len(queue) if isinstance(queue, Scheduler) else 0
        return engine.scraper.slot.itemproc_size >= _UNDER_WAY or waiting >= _WAITING

    def process_spider_exception(self, response: Response, exception: Exception) -> tuple[()]:
        """Take the errors that are ours; any other says that the page is not as the spider expects it to be."""
        if isinstance(exception, HarvestError):
            self._spider.give_up(exception)
            return ()
        *_, last = traceback.extract_tb(exception.__traceback__)
        where = f"{Path(last.filename).name}:{last.lineno}"
        self._spider.logger.debug("%s", response.url, exc_info=exception)
        self._spider.missed(response.url, f"the spider failed on this page: {exception!r} ({where}; DEBUG tells more)")
        return ()

    def get_processed_request(self, request: Request, response: Response | None) -> Request | None:  # noqa: ARG002
        """Nothing more is asked for when the run is to end; a page that fails is noted by the spider."""
        if self._spider.is_done:
            return None
        return request if request.errback else request.replace(errback=self._spider.page_failed)

    def get_processed_item(self, item: Any, response: Response | None) -> Any:
        """Nothing more is met when the run is to end; what is met says where the page that it was on is kept."""
        if self._spider.is_done:
            return None
        kept = evidence_of(response, "page")
        return replace(item, evidence=kept) if kept and isinstance(item, ImageItem) else item
