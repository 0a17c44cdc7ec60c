"""The scheduler of a crawl that several workers share: scrapy-redis, with acknowledgement.

scrapy-redis hands a request out and forgets it. Here it stays noted under the worker that has it until all that came of
it is queued or journaled; what a dead worker had goes back to the queue.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Self, TypeVar

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import ScrapyDeprecationWarning

from harvest.crawl.base import SourceSpider
from harvest.crawl.shared.codec import decode, encode, encode_item
from harvest.crawl.shared.dead import counts_of, has_ended, inherit, journaled, resumable
from harvest.crawl.shared.items import item_of
from harvest.crawl.shared.state import Held, SharedCrawl, connect, fingerprint_of
from harvest.crawl.steps.store import tombstones_of
from harvest.errors import HarvestError
from harvest.images.tombstones import Tombstone, Tombstones
from harvest.items import ImageItem, Outcome, Sighting
from harvest.journal import read_header

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", category=ScrapyDeprecationWarning, module=r"scrapy_redis(\.|$)")
    from scrapy_redis.dupefilter import RFPDupeFilter
    from scrapy_redis.scheduler import Scheduler

__all__ = ["SharedScheduler"]

T = TypeVar("T")
_PAGES, _IMAGES = 8, 32  # how many a worker has at one time: what one holds the others cannot do
_BEFORE_PAGES = 1000  # images are worked off before more pages are read, or the queue would hold all of a source
_LEASE = 10.0  # seconds without a sign of life after which a worker counts as dead
_TICK = 0.25  # seconds between two looks at what others do
_OBTAINED = (Outcome.STORED, Outcome.KNOWN, Outcome.UNCHANGED)


class SharedScheduler(Scheduler):  # type: ignore[misc]
    """Takes from the shared queue what this worker can do now. An error ends this worker's part, not the others'."""

    def __init__(self, crawler: Crawler, shared: SharedCrawl, client: Any) -> None:
        super().__init__(server=client, persist=True, dupefilter=RFPDupeFilter(client, key=""))
        self._crawler, self._shared = crawler, shared
        self._pages: dict[Request, Held] = {}
        self._images: dict[asyncio.Task[None], Held] = {}
        self._fates: dict[tuple[str, str], Outcome] = {}
        self._lease = crawler.settings.getfloat("HARVEST_SHARED_LEASE", _LEASE)
        self._ticking: asyncio.Task[None] | None = None
        crawler.signals.connect(self._begin, signals.spider_opened)
        crawler.signals.connect(self._note, signals.item_scraped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Raises UsageError for an address that is none; whether somebody answers there shows when it is opened."""
        spider: Any = crawler.spider
        source, url = spider.source, spider.source.scheduler
        client = connect(url)
        lease = crawler.settings.getfloat("HARVEST_SHARED_LEASE", _LEASE)
        shared = SharedCrawl(client, url, source=source.name, digest=source.digest, lease=lease)
        return cls(crawler, shared, client)

    def open(self, spider: SourceSpider[Any]) -> None:
        """Join the crawl that is going on, or begin one; without Redis the run ends before anything is asked for."""
        self.spider = spider
        self._guarded(lambda: self._join(spider), None)

    def close(self, reason: str) -> None:  # noqa: ARG002 - Scrapy's signature
        """What is not done goes back to the queue, at once and not only when our lease ends."""
        if self._ticking is not None:
            self._ticking.cancel()
        self._guarded(self._leave, None)

    def enqueue_request(self, request: Request) -> bool:
        """Queue a request, or the image that one carries, unless anybody has done so before."""
        return self._guarded(lambda: self._enqueue(request), default=False)

    def next_request(self) -> Request | None:
        """A page to ask for. Images that come before it go to this worker's pipelines."""
        return self._guarded(self._next, None)

    def has_pending_requests(self) -> bool:
        """Whether the crawl, with all of its workers, goes on."""
        return self._guarded(lambda: not self._is_over(), default=False)

    def __len__(self) -> int:
        return self._shared.waiting()

    def _join(self, spider: SourceSpider[Any]) -> None:
        source, journal = spider.source, spider.workspace.journal
        proposed = resumable(journal, source.name, source.digest) or f"{source.name}-{secrets.token_hex(6)}"
        is_new = self._shared.join(proposed)
        spider.run.crawl_id = self._shared.crawl_id
        spider.run.inherited = inherit(journal, self._shared.crawl_id)
        own = tombstones_of(spider.workspace).known
        told = self._shared.exchange([json.dumps(asdict(tombstone), sort_keys=True) for tombstone in own])
        spider.run.tombstones = Tombstones(Tombstone(**json.loads(line)) for line in sorted(told))
        if is_new:
            self._shared.count(counts_of(spider.run.inherited))

    def _guarded(self, work: Callable[[], T], default: T) -> T:
        """An error of ours ends this worker's part with its message."""
        try:
            return work()
        except HarvestError as error:
            self.spider.give_up(error)
            return default

    def _enqueue(self, request: Request) -> bool:
        item = item_of(request)
        if item is None:
            seen = "" if request.dont_filter else self.df.request_fingerprint(request)
            return self._shared.push(encode(request, self.spider), request.priority, seen) > 0
        most = self.spider.limit or 0
        seen = fingerprint_of(item.source_id, item.image_url)
        queued = self._shared.push(encode_item(item, self.spider), _BEFORE_PAGES, seen, kind="items", most=most)
        self.spider.is_done |= queued < 0
        return queued > 0

    def _next(self) -> Request | None:
        self._acknowledge_pages()
        while self._is_working() and len(self._pages) < _PAGES and len(self._images) < _IMAGES:
            held = self._shared.pop()
            if held is None:
                return None
            try:
                found = decode(held.line, self.spider)
            except HarvestError:
                self._shared.acknowledge(held)
                raise
            if isinstance(found, Request):
                self._pages[found] = held
                return found
            task = asyncio.ensure_future(self._process(found, held))
            self._images[task] = held
            task.add_done_callback(self._processed)
        return None

    def _is_working(self) -> bool:
        return self._crawler.crawling and self.spider.error is None

    def _acknowledge_pages(self) -> None:
        """The engine lets go of a request when all that came of it went through the scheduler or the pipelines."""
        under_way = self._crawler.engine._slot.inprogress  # type: ignore[union-attr]
        for request in [request for request in self._pages if request not in under_way]:
            held = self._pages.pop(request)
            if self._is_working():
                self._shared.acknowledge(held)
            else:
                self._shared.give_back(held)

    async def _process(self, item: ImageItem, held: Held) -> None:
        """One image through the pipelines; it is done with when it has its line in the journal."""
        slot, ticket = self._crawler.engine._slot, Request("about:image")
        assert slot is not None
        # The engine waits for requests when it closes, not for items that came with none.
        slot.add_request(ticket)
        try:
            if self._crawler.crawling:
                await self._crawler.engine.scraper.start_itemproc_async(item, response=None)
            self._settle(item, held)
        finally:
            slot.remove_request(ticket)

    def _settle(self, item: ImageItem, held: Held) -> None:
        outcome = self._fates.pop((item.source_id, item.image_url), None)
        if outcome is not None or self._is_working():
            self._guarded(lambda: self._shared.acknowledge(held, outcome.value if outcome else ""), None)
        else:
            self._guarded(lambda: self._shared.give_back(held), None)

    def _processed(self, task: asyncio.Task[None]) -> None:
        del self._images[task]
        self._wake()

    def _note(self, item: Any) -> None:
        if isinstance(item, Sighting):
            self._fates[item.item.source_id, item.item.image_url] = item.outcome

    def _is_over(self) -> bool:
        self._acknowledge_pages()
        if self._images or self._pages:
            return False
        if not self._is_working():
            return True
        if self._shared.waiting() or self._shared.under_way() or not self._shared.finish():
            return False
        counts = self._shared.counts()
        everywhere = sum(counts.get(outcome.value, 0) for outcome in _OBTAINED)
        self.spider.run.elsewhere = max(0, everywhere - self.spider.run.tally.obtained)
        return True

    def _begin(self) -> None:
        self._ticking = asyncio.ensure_future(self._tick())

    async def _tick(self) -> None:
        """Live visibly, take over from the dead, and look whether there is work again."""
        beaten = 0.0
        while True:
            if time.monotonic() - beaten > self._lease / 4:
                beaten = time.monotonic()
                self._guarded(lambda: self._shared.beat(self.spider.run.run_id), None)
                self._guarded(self._take_over, None)
            if not self._images and not self._pages:
                self._wake()
            await asyncio.sleep(_TICK)

    def _wake(self) -> None:
        slot = self._crawler.engine._slot
        if slot is not None and slot.closing is None:
            slot.nextcall.schedule()

    def _take_over(self) -> None:
        """What dead workers had goes back to the queue, but for images that their journals in this workspace have."""
        known: dict[str, dict[tuple[str, str], Outcome]] = {}
        alive = self._shared.alive()
        for worker, run_id, held in self._shared.held_by_others():
            folder = self.spider.workspace.journal / run_id if run_id else None
            is_here = folder is not None and folder.is_dir()
            if worker in alive and not (folder and is_here and has_ended(folder)):
                continue
            if folder and is_here and run_id not in known and read_header(folder).crawl_id == self._shared.crawl_id:
                known[run_id] = journaled(folder)
            outcome = known.get(run_id, {}).get(self._key(held))
            if outcome is None:
                self._shared.give_back(held, worker)
            else:
                self._shared.acknowledge(held, outcome.value, worker)

    def _key(self, held: Held) -> tuple[str, str]:
        try:
            found = decode(held.line, self.spider)
        except HarvestError:
            return ("", "")
        return (found.source_id, found.image_url) if isinstance(found, ImageItem) else ("", "")

    def _leave(self) -> None:
        self._acknowledge_pages()
        for held in (*self._pages.values(), *self._images.values()):
            self._shared.give_back(held)
        self._shared.leave()
