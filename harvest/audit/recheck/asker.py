"""Requests at the pace that hosts ask for, in the book that all processes of the workspace keep."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from harvest import DISTRIBUTION, __version__
from harvest.audit.recheck.wire import FAULTS, transport
from harvest.config.source import SourceConfig
from harvest.hosts.addresses import Unfetched, check_url
from harvest.hosts.book import Ask, FileBook, HostClosed
from harvest.hosts.budgets import LONGEST_WAIT, SHUT_FOR, Budget, Budgets, host_of, retry_after

__all__ = ["Answer", "Asker", "Unanswered", "leads_to"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ASK_LATER = frozenset({429, 500, 502, 503, 504})
_REFUSALS = frozenset({429, 503})
_MOST_REFUSALS = 5  # answers 429 and 503 one after another from a host, until it is left alone


class Unanswered(Unfetched):
    """No answer came, however often it was asked for."""

    word = "unanswered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a host answered; `url` is the address after all redirects, `body` at most as long as was asked for.

    `is_whole` is False where the body would have gone on. `version` is the protocol, `HTTP/1.1` or `HTTP/2`.
    """

    status: int
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    is_whole: bool = True
    version: str = ""

    def header(self, name: str) -> str | None:
        """The first header of this name (in small letters)."""
        return next((value for found, value in self.headers if found == name), None)


class Asker:
    """Asks for addresses on behalf of sources; an async context manager. One for each process, as its book is."""

    def __init__(self, book: FileBook) -> None:
        self._book = book
        self._budgets: dict[str, Budgets] = {}
        self._clients: dict[tuple[bool, str | None], httpx.AsyncClient] = {}
        self._stack = AsyncExitStack()
        self._delays: dict[str, float] = {}
        self._in_a_row: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()
        self.shut: list[tuple[str, float, str]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def slow_down(self, host: str, delay: float) -> None:
        """Leave at least `delay` seconds between requests to this host."""
        self._delays[host] = max(delay, self._delays.get(host, 0.0))

    async def once(
        self, source: SourceConfig, method: str, url: str, *, headers: Mapping[str, str], longest: int
    ) -> Answer:
        """One answer, redirects not followed; asked for again, after a while, where the host says so or is silent.

        Raises Unfetched: for an address that may not be asked, a host that is left alone, or when no answer came.
        """
        check_url(url, allows_private=source.allow_private_addresses)
        budget = self._budget(source, url)
        for attempt in range(source.pace.retries + 1):
            ticket = await self._turn(source, budget, url)
            pause = min(2.0**attempt, LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
            fault: Exception | None = None
            try:
                answer = await self._send(source, method, url, headers, longest)
            except FAULTS as error:
                fault = error
            finally:
                self._book.give_back(budget, ticket)
            is_last = attempt == source.pace.retries
            if fault is None:
                wait = self._asked_wait(answer)
                self._note_refusals(url, answer, wait)
                if answer.status not in _ASK_LATER or is_last:
                    return answer
                if wait is not None or answer.status in _REFUSALS:
                    self._book.hold(budget, wait or max(pause, 10 * budget.delay))
                    continue
            elif is_last:
                raise Unanswered(f"{type(fault).__name__}: {fault}".rstrip(": "))
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    async def _turn(self, source: SourceConfig, budget: Budget, url: str) -> int:
        """Wait until it is our turn, and the ticket to give back. Raises HostClosed and DailyLimit."""
        host = host_of(url)
        caps = [(budget.name, budget.daily)] if budget.daily else []
        caps += [(f"source {source.name}", source.pace.daily)] if source.pace.daily else []
        while True:
            asked = self._delays.get(host, 0.0)
            delay = asked if asked > budget.delay else budget.delay * self._spread(budget)
            turn = self._book.claim(Ask(budget=budget, host=host, delay=delay, caps=tuple(caps)))
            if turn.error is not None:
                raise turn.error
            if turn.ticket is not None:
                self.counted.update(counter for counter, _ in caps)
                return turn.ticket
            await asyncio.sleep(turn.wait)

    async def _send(
        self, source: SourceConfig, method: str, url: str, headers: Mapping[str, str], longest: int
    ) -> Answer:
        client = await self._client(source.allow_private_addresses, _proxy(source, url))
        named = {"User-Agent": f"{DISTRIBUTION}/{__version__} (+{source.contact})", **headers}
        body = bytearray()
        is_whole = True
        # The whole answer in that time, so that nobody holds us with a byte now and then.
        patience = source.limits.timeout
        async with (
            asyncio.timeout(patience),
            client.stream(method, url, headers=named, timeout=patience) as response,
        ):
            if response.status_code not in _REDIRECTS:
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > longest:
                        is_whole = False
                        break
            pairs = tuple((name.lower(), value) for name, value in response.headers.multi_items())
            return Answer(
                status=response.status_code,
                url=url,
                headers=pairs,
                body=bytes(body[:longest]),
                is_whole=is_whole,
                version=response.http_version,
            )

    async def _client(self, allows_private: bool, proxy: str | None) -> httpx.AsyncClient:
        key = (allows_private, proxy)
        if key not in self._clients:
            # A host's cookies are not kept, as the crawl keeps none.
            nothing = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
            wire = transport(allows_private=allows_private, proxy=proxy)
            made = httpx.AsyncClient(transport=wire, cookies=nothing, trust_env=False)
            self._clients[key] = await self._stack.enter_async_context(made)
        return self._clients[key]

    def _budget(self, source: SourceConfig, url: str) -> Budget:
        if source.name not in self._budgets:
            self._budgets[source.name] = Budgets(source)
        return self._budgets[source.name].at(url)

    def _asked_wait(self, answer: Answer) -> float | None:
        return retry_after(answer.header("retry-after")) if answer.status in _REFUSALS else None

    def _note_refusals(self, url: str, answer: Answer, wait: float | None) -> None:
        """Leave a host alone that asks for it, or that refuses again and again. Raises HostClosed."""
        host = host_of(url)
        if answer.status not in _REFUSALS:
            self._in_a_row[host] = 0
            return
        self._in_a_row[host] += 1
        if wait is not None and wait > LONGEST_WAIT:
            self._shut(host, wait, f"it asks for {wait:.0f} s (HTTP {answer.status})")
        if self._in_a_row[host] >= _MOST_REFUSALS:
            self._shut(host, SHUT_FOR, f"{self._in_a_row.pop(host)} refusals in a row (HTTP {answer.status})")

    def _shut(self, host: str, seconds: float, why: str) -> None:
        until = time.time() + seconds
        self._book.shut(host, until, why)
        self.shut.append((host, until, why))
        raise HostClosed(host, until, why)

    @staticmethod
    def _spread(budget: Budget) -> float:
        return random.uniform(1 - budget.jitter, 1 + budget.jitter)  # noqa: S311 - no secret


def _proxy(source: SourceConfig, url: str) -> str | None:
    """The source's proxy, else the environment's where it is not told to leave this host out."""
    if source.proxy is not None:
        return str(source.proxy)
    parts = urlsplit(url)
    named = getproxies().get(parts.scheme)
    return named if named and not proxy_bypass(parts.hostname or "") else None


def leads_to(answer: Answer) -> str | None:
    """The address that an answer sends on to, None where it does not."""
    place = answer.header("location")
    return urljoin(answer.url, place) if answer.status in _REDIRECTS and place else None
