"""Retries that leave a host alone for as long as it asks: Retry-After, else a pause that doubles, with jitter."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any

from scrapy import Request
from scrapy.core.downloader import Downloader, Slot
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.utils.asyncio import call_later
from scrapy.utils.defer import _schedule_coro
from scrapy.utils.httpobj import urlparse_cached
from twisted.python.failure import Failure

__all__ = ["LONGEST_WAIT", "HostClosed", "PoliteDownloader", "PoliteRetry", "hold_host", "retry_after", "turn_away"]

LONGEST_WAIT = 300.0  # seconds; a host that asks for more is left alone until another run
_TOO_MANY = 429


class HostClosed(IgnoreRequest):
    """A host asked to be left alone for longer than this run is willing to wait."""


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, as number or date (RFC 9110, 10.2.3); None when it says neither.

    >>> retry_after("120"), retry_after("soon")
    (120.0, None)
    """
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def hold_host(crawler: Crawler, request: Request, times: int, seconds: float | None = None) -> None:
    """Let nothing go to the request's host for `seconds`, else for a while that doubles with `times`, from 1 on."""
    downloader = crawler.engine.downloader
    _, slot = downloader._get_slot(request)
    if seconds is None:
        seconds = min(max(1.0, 10 * slot.delay) * 2 ** (times - 1), LONGEST_WAIT)
    # The slot waits until `delay` after `lastseen`, but only where it has a delay at all.
    slot.delay = max(slot.delay, 0.001)
    slot.lastseen = max(slot.lastseen, monotonic() + seconds * _jitter(1.0, 1.1))


def turn_away(slot: Slot, error: Exception) -> None:
    """Fail every request that waits for its turn in `slot`."""
    while slot.queue:
        _, waiting = slot.queue.popleft()
        waiting.errback(Failure(error))  # type: ignore[no-untyped-call]


class PoliteDownloader(Downloader):
    """Scrapy's downloader, keeping to a host's concurrency also when many requests come at once and no delay is set.

    Scrapy 2.19 counts a transfer when its task first runs, so all that waits is let go in one turn of the event loop.
    """

    def _process_queue(self, slot: Slot) -> None:
        if slot.latercall:
            return
        delay = slot.download_delay()
        waits = delay + slot.lastseen - monotonic()
        if delay and waits > 0:
            slot.latercall = call_later(waits, self._latercall, slot)
            return
        while slot.queue and slot.free_transfer_slots() > 0:
            slot.lastseen = monotonic()
            request, answered = slot.queue.popleft()
            slot.transferring.add(request)
            _schedule_coro(self._wait_for_download(slot, request, answered))
            if delay:
                self._process_queue(slot)
                break


class PoliteRetry(RetryMiddleware):
    """Retries what may pass: 5xx and lost connections after a pause of that request, 429 after one of the host."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self._closed: dict[str, tuple[float, str]] = {}

    def process_request(self, request: Request) -> None:
        """Refuse requests to a host that asked to be left alone. Raises HostClosed."""
        until, why = self._closed.get(_host(request), (0.0, ""))
        if monotonic() < until:
            raise HostClosed(why)

    async def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        """Try again later, or pass on the answer as the last word."""
        if request.meta.get("dont_retry") or response.status not in self.retry_http_codes:
            return response
        header = response.headers.get(b"Retry-After")
        asked = retry_after(header.decode("latin-1") if header else None)
        if asked is not None and asked > LONGEST_WAIT:
            why = f"the host asks to be left alone for {asked:.0f} s"
            self._closed[_host(request)] = (monotonic() + asked, why)
            _, slot = self.crawler.engine.downloader._get_slot(request)
            turn_away(slot, HostClosed(why))
            return response
        again = self._again(request, f"{response.status}")
        if again is None:
            return response
        times = again.meta["retry_times"]
        if response.status == _TOO_MANY or asked is not None:
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

    def _again(self, request: Request, reason: str | Exception) -> Request | None:
        # A crawl that is stopping takes the answer it has.
        return self._retry(request, reason) if self.crawler.crawling else None

    async def _pause(self, times: int) -> None:
        until = monotonic() + min(2.0 ** (times - 1), LONGEST_WAIT) * _jitter(0.5, 1.0)
        while self.crawler.crawling and (left := until - monotonic()) > 0:
            await asyncio.sleep(min(left, 0.5))


def _host(request: Request) -> str:
    return urlparse_cached(request).netloc


def _jitter(low: float, high: float) -> float:
    return random.uniform(low, high)  # noqa: S311
