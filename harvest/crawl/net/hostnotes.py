"""What a crawl knows of hosts from earlier runs, and what it leaves for later ones: refusals and daily counts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from scrapy import signals
from scrapy.crawler import Crawler

from harvest.errors import LedgerError
from harvest.ledger import (
    RobotsRow,
    count_requests,
    note_refusal,
    note_robots,
    open_ledger,
    refusals,
    requests_today,
)

__all__ = ["HostNotes"]

logger = logging.getLogger(__name__)
_BEAT = 10.0  # seconds between two entries


class HostNotes:
    """Tells the pace book what the ledger holds when a crawl opens, and the ledger what the crawl did, now and then."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._refused: list[tuple[str, float, str]] = []
        self._writer: asyncio.Task[None] | None = None
        crawler.signals.connect(self._open, signals.spider_opened)
        crawler.signals.connect(self._close, signals.spider_closed)

    def refused(self, host: str, until: float, why: str) -> None:
        """Keep for the ledger that a host wants to be left alone."""
        logger.warning("%s is left alone until %s: %s", host, datetime.fromtimestamp(until, UTC).isoformat(), why)
        self._refused.append((host, until, why))

    async def _open(self) -> None:
        book = self._downloader.book
        with suppress(LedgerError):
            closed, counts = await asyncio.to_thread(self._read)
            for host, (until, why) in closed.items():
                book.shut(host, until.timestamp(), why)
            book.seed(counts)
        self._writer = asyncio.create_task(self._write_now_and_then())

    async def _close(self) -> None:
        if self._writer is not None:
            self._writer.cancel()
            with suppress(asyncio.CancelledError):
                await self._writer
        await self._write()

    @property
    def _downloader(self) -> Any:
        return self._crawler.engine.downloader

    def _read(self) -> tuple[Any, dict[str, int]]:
        spider: Any = self._crawler.spider
        with open_ledger(spider.workspace) as con:
            return refusals(con), requests_today(con)

    async def _write_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_BEAT)
            await self._write()

    async def _write(self) -> None:
        downloader = self._downloader
        sent, downloader.counted = downloader.counted, Counter()
        refused, self._refused = self._refused, []
        robots, downloader.robots = downloader.robots, []
        if not (sent or refused or robots) or not self._crawler.settings.getbool("HARVEST_WRITES", default=True):
            return
        try:
            await asyncio.to_thread(self._enter, sent, refused, robots)
        except LedgerError as error:
            downloader.counted.update(sent)
            self._refused = [*refused, *self._refused]
            downloader.robots = [*robots, *downloader.robots]
            logger.debug("%s; the notes on hosts follow later", error)

    def _enter(self, sent: Counter[str], refused: list[tuple[str, float, str]], robots: list[RobotsRow]) -> None:
        spider: Any = self._crawler.spider
        with open_ledger(spider.workspace, write=True) as con:
            for host, until, why in refused:
                if until > time.time():
                    note_refusal(con, host, datetime.fromtimestamp(until, UTC), why)
            note_robots(con, robots)
            if sent:
                count_requests(con, sent)
