"""The downloader at a polite pace, and retries that leave a host alone for as long as it asks.

Where a host does not say how long (Retry-After), a pause doubles with every refusal, with jitter.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from scrapy import Request
from scrapy.core.downloader import Downloader, Slot
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.http import Response
from scrapy.utils.asyncio import call_later
from scrapy.utils.defer import _schedule_coro
from twisted.python.failure import Failure

from harvest.crawl.net.hostnotes import HostNotes
from harvest.errors import SourceRefused
from harvest.hosts.book import Ask, DailyLimit, FileBook, HostClosed, PaceBook, Turn
from harvest.hosts.budgets import LONGEST_WAIT, SHUT_FOR, Budget, Budgets, host_of, retry_after
from harvest.ledger import RobotsRow

__all__ = ["HostClosed", "PoliteDownloader", "PoliteRetry", "hold_host", "turn_away"]

_TOO_MANY, _UNAVAILABLE = 429, 503
_MOST_REFUSALS = 20  # answers 429 and 503 one after another from a host, until it is left alone


def hold_host(crawler: Crawler, request: Request, times: int, seconds: float | None = None) -> None:
    """Let nothing go to the request's host for `seconds`, else for a while that doubles with `times`, from 1 on."""
    downloader: Any = crawler.engine.downloader
    _, slot = downloader._get_slot(request)
    if seconds is None:
        seconds = min(max(1.0, 10 * slot.delay) * 2 ** (times - 1), LONGEST_WAIT)
    downloader.hold(slot, seconds * _jitter(1.0, 1.1))


def turn_away(slot: Slot, error: Exception, host: str | None = None) -> None:
    """Fail every request that waits for its turn in `slot`, or those of them that are for `host`."""
    waiting = list(slot.queue)
    slot.queue.clear()
    for request, answered in waiting:
        if host is None or host_of(request.url) == host:
            answered.errback(Failure(error))  # type: ignore[no-untyped-call]
        else:
            slot.queue.append((request, answered))


class BudgetSlot(Slot):
    """A slot of the downloader, with the budget that its requests are paid from and the turns that they hold."""

    __slots__ = ("budget", "tickets")

    def __init__(self, budget: Budget, delay: float) -> None:
        super().__init__(budget.concurrency, delay, budget.jitter)
        self.budget = budget
        self.tickets: dict[Request, int] = {}


class PoliteDownloader(Downloader):
    """Scrapy's downloader, with budgets by host and path, which all processes of the workspace pay from together.

    It keeps to a host's concurrency also when many requests come at once and no delay is set: Scrapy 2.19 counts a
    transfer when its task first runs, so all that waits is let go in one turn of the event loop.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        spider: Any = crawler.spider
        self._spider = spider
        self._budgets = Budgets(spider.source)
        self._crawl_delays: dict[str, float] = {}
        most = spider.source.pace.daily
        self._caps: tuple[tuple[str, int], ...] = ((f"source {spider.source.name}", most),) if most else ()
        self.book = _open_book(spider)
        self.counted: Counter[str] = Counter()
        self.robots: list[RobotsRow] = []  # what hosts answered, until the ledger has it

    def get_slot_key(self, request: Request) -> str:
        """The name of the budget, also after a redirect to another host, when Scrapy would keep to the first slot."""
        return self._budgets.at(request.url).name

    def answered_robots(self, host: str, outcome: str, **answer: Any) -> None:
        """Keep for the ledger what asking `host` for robots.txt came to: the rest of a RobotsRow."""
        asked_at = datetime.now(UTC).isoformat()
        run_id = self._spider.run.run_id or ""
        self.robots.append(RobotsRow(host=host, run_id=run_id, asked_at=asked_at, outcome=outcome, **answer))

    def slow_down(self, request: Request, delay: float) -> None:
        """Leave at least `delay` seconds between requests to this host, on all of its budgets."""
        host = host_of(request.url)
        self._crawl_delays[host] = max(delay, self._crawl_delays.get(host, 0.0))
        self._get_slot(request)

    def hold(self, slot: BudgetSlot, seconds: float) -> None:
        """Start nothing in the slot for `seconds`, in no process."""
        slot.lastseen = max(slot.lastseen, monotonic() + seconds)
        self.book.hold(slot.budget, seconds)

    def close(self) -> None:
        """Let go of everything, turns included."""
        super().close()
        self.book.close()

    def _get_slot(self, request: Request, spider: Any = None) -> tuple[str, Slot]:  # noqa: ARG002 - Scrapy's
        budget = self._budgets.at(request.url)
        slot = self.slots.get(budget.name)
        if slot is None:
            slot = self.slots[budget.name] = BudgetSlot(budget, budget.delay)
            self._start_slot_gc()
        asked = self._crawl_delays.get(host_of(request.url), 0.0) if self._crawl_delays else 0.0
        if asked > slot.delay:
            slot.delay, slot.jitter = asked, 0.0
        return budget.name, slot

    def _process_queue(self, slot: Slot) -> None:
        assert isinstance(slot, BudgetSlot)
        for request in [request for request in slot.tickets if request not in slot.transferring]:
            self.book.give_back(slot.budget, slot.tickets.pop(request))
        while slot.queue and not slot.latercall and slot.free_transfer_slots() > 0:
            held = slot.lastseen - monotonic()
            if held > 0:
                slot.latercall = call_later(held, self._latercall, slot)
                return
            host, delay = host_of(slot.queue[0][0].url), slot.download_delay()
            turn = self.book.claim(Ask(budget=slot.budget, host=host, delay=delay, caps=self._caps_of(slot.budget)))
            if isinstance(turn, Turn):
                self._take(slot, turn)
            else:
                later: Any = asyncio.ensure_future(self._take_later(slot, turn))
                slot.latercall = later

    def _caps_of(self, budget: Budget) -> tuple[tuple[str, int], ...]:
        return ((budget.name, budget.daily), *self._caps) if budget.daily else self._caps

    async def _take_later(self, slot: BudgetSlot, asked: Awaitable[Turn]) -> None:
        turn = await asked
        slot.latercall = None
        if slot.queue:
            self._take(slot, turn)
        elif turn.ticket is not None:
            self.book.give_back(slot.budget, turn.ticket)
        self._process_queue(slot)

    def _take(self, slot: BudgetSlot, turn: Turn) -> None:
        """Send the first request of the queue, fail it, or come back later."""
        if turn.wait:
            slot.latercall = call_later(turn.wait, self._latercall, slot)
            return
        request, answered = slot.queue.popleft()
        if turn.error is not None:
            if isinstance(turn.error, DailyLimit):
                self._spider.give_up(SourceRefused(str(turn.error)))
            answered.errback(Failure(turn.error))  # type: ignore[no-untyped-call]
            return
        assert turn.ticket is not None
        for counter, _ in self._caps_of(slot.budget):
            self.counted[counter] += 1
        slot.lastseen = monotonic()
        slot.transferring.add(request)
        slot.tickets[request] = turn.ticket
        _schedule_coro(self._wait_for_download(slot, request, answered))


class PoliteRetry(RetryMiddleware):
    """Retries what may pass: 5xx and lost connections after a pause of that request, 429 after one of the host."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self._refusals: dict[str, int] = {}
        self._notes: HostNotes | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> PoliteRetry:
        """With the ledger's notes on hosts."""
        made: PoliteRetry = super().from_crawler(crawler)
        made._notes = HostNotes(crawler)
        return made

    @property
    def _book(self) -> PaceBook:
        downloader: Any = self.crawler.engine.downloader
        return downloader.book  # type: ignore[no-any-return]

    def process_request(self, request: Request) -> None:
        """Refuse requests to a host that asked to be left alone. Raises HostClosed."""
        closed = self._book.shut_until(host_of(request.url))
        if closed is not None:
            raise closed

    async def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        """Try again later, or pass on the answer as the last word."""
        host, status = host_of(request.url), response.status
        if status not in (_TOO_MANY, _UNAVAILABLE):
            self._refusals.pop(host, None)
        if request.meta.get("dont_retry") or status not in self.retry_http_codes:
            return response
        header = response.headers.get(b"Retry-After")
        asked = retry_after(header.decode("latin-1") if header else None)
        if asked is not None and asked > LONGEST_WAIT:
            self._close(request, asked, f"it asks for {asked:.0f} s (HTTP {status})")
            return response
        if status in (_TOO_MANY, _UNAVAILABLE):
            self._refusals[host] = self._refusals.get(host, 0) + 1
            if self._refusals[host] >= _MOST_REFUSALS:
                self._close(request, SHUT_FOR, f"{self._refusals.pop(host)} refusals in a row (HTTP {status})")
                return response
        again = self._again(request, f"{status}")
        if again is None:
            return response
        times = again.meta["retry_times"]
        if status == _TOO_MANY or asked is not None:
            hold_host(self.crawler, request, times, asked)
        else:
            await self._pause(times)
        return again

    async def process_exception(self, request: Request, exception: Exception) -> Request | None:  # type: ignore[override]
        """Try again after a lost connection, a timeout or a body that was cut off."""
        if request.meta.get("dont_retry") or not isinstance(exception, self.exceptions_to_retry):
            return None
        again = self._again(request, exception)
        if again is not None:
            await self._pause(again.meta["retry_times"])
        return again

    def _close(self, request: Request, seconds: float, why: str) -> None:
        """Ask the host nothing more for `seconds`: not here, not in other processes, and not in later runs."""
        host, until = host_of(request.url), time.time() + seconds
        self._book.shut(host, until, why)
        if self._notes is not None:
            self._notes.refused(host, until, why)
        _, slot = self.crawler.engine.downloader._get_slot(request)
        turn_away(slot, HostClosed(host, until, why), host)

    def _again(self, request: Request, reason: str | Exception) -> Request | None:
        # A crawl that is stopping takes the answer it has.
        return self._retry(request, reason) if self.crawler.crawling else None

    async def _pause(self, times: int) -> None:
        until = monotonic() + min(2.0 ** (times - 1), LONGEST_WAIT) * _jitter(0.5, 1.0)
        while self.crawler.crawling and (left := until - monotonic()) > 0:
            await asyncio.sleep(min(left, 0.5))


def _open_book(spider: Any) -> PaceBook:
    """The workspace's own, or one that workers on several machines share."""
    if spider.source.scheduler is not None:
        from harvest.crawl.shared.pace import RedisBook  # noqa: PLC0415 - an optional component

        return RedisBook(spider.source.scheduler)
    return FileBook(spider.workspace.root / "pace")


def _jitter(low: float, high: float) -> float:
    return random.uniform(low, high)  # noqa: S311
