"""The pace book of workers on several machines: the same promises as FileBook's, kept by a Redis.

harvest:pace:start:<budget>      when the next request may start, unix time by the Redis's own clock
harvest:pace:turns:<budget>      sorted set: turn -> when it lapses, should its holder have died
harvest:pace:closed              hash: host -> "<until> <why>"
harvest:pace:day:<number>        hash: counter -> requests of that day (UTC)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Awaitable, Mapping
from typing import Any

from harvest.crawl.logs import hide_url
from harvest.errors import ComponentMissing
from harvest.hosts.book import Ask, DailyLimit, HostClosed, Turn
from harvest.hosts.budgets import Budget

__all__ = ["RedisBook"]

logger = logging.getLogger(__name__)
_PREFIX = "harvest:pace:"
_UNREACHABLE = 1.0  # seconds until a Redis that does not answer is asked again
_NOW = """
    local time = redis.call('TIME')
    local now = time[1] + time[2] / 1000000
    local today = KEYS[4] .. math.floor(now / 86400)"""
# ARGV: host, delay, concurrency, lease, turn, then counters and their limits in pairs.
_CLAIM = (
    _NOW
    + """
    local closed = redis.call('HGET', KEYS[3], ARGV[1])
    if closed and tonumber(string.match(closed, '^%S+')) > now then return {'closed', closed} end
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
    if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[3]) then return {'wait', '0.05'} end
    local start = tonumber(redis.call('GET', KEYS[1]) or '0')
    if start > now then return {'wait', string.format('%.6f', start - now)} end
    for at = 6, #ARGV, 2 do
        local counted = tonumber(redis.call('HGET', today, ARGV[at]) or '0')
        if counted >= tonumber(ARGV[at + 1]) then return {'spent', ARGV[at], ARGV[at + 1]} end
    end
    for at = 6, #ARGV, 2 do
        redis.call('HINCRBY', today, ARGV[at], 1)
        redis.call('EXPIRE', today, 172800)
    end
    local delay = tonumber(ARGV[2])
    if delay > 0 then redis.call('SET', KEYS[1], string.format('%.6f', now + delay), 'EX', math.ceil(delay) + 1) end
    redis.call('ZADD', KEYS[2], string.format('%.6f', now + ARGV[4]), ARGV[5])
    redis.call('EXPIRE', KEYS[2], math.ceil(tonumber(ARGV[4])) + 1)
    return {'go'}"""
)
_HOLD = (
    _NOW
    + """
    local start = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now + ARGV[1])
    redis.call('SET', KEYS[1], string.format('%.6f', start), 'EX', math.ceil(start - now) + 1)"""
)
_RENEW = (
    _NOW
    + """
    redis.call('ZADD', KEYS[2], 'XX', string.format('%.6f', now + ARGV[1]), ARGV[2])
    redis.call('EXPIRE', KEYS[2], math.ceil(tonumber(ARGV[1])) + 1)"""
)
_SEED = (
    _NOW
    + """
    for at = 1, #ARGV, 2 do
        if tonumber(redis.call('HGET', today, ARGV[at]) or '0') < tonumber(ARGV[at + 1]) then
            redis.call('HSET', today, ARGV[at], ARGV[at + 1])
            redis.call('EXPIRE', today, 172800)
        end
    end"""
)


class RedisBook:
    """A PaceBook in a Redis. Turns are renewed while they are held; a dead worker's lapse after `lease` seconds."""

    def __init__(self, url: str, *, lease: float = 8.0) -> None:
        hide_url(url)
        try:
            import redis.asyncio as client  # noqa: PLC0415 - an optional component
            from redis.exceptions import RedisError  # noqa: PLC0415
        except ImportError:
            raise ComponentMissing("a shared crawl needs Redis: pip install 'herbarium-harvester[redis]'") from None
        self._error: type[Exception] = RedisError
        self._redis: Any = client.Redis.from_url(str(url), socket_timeout=10, decode_responses=True)
        self._scripts = {script: self._redis.register_script(script) for script in (_CLAIM, _HOLD, _RENEW, _SEED)}
        self._lease = lease
        self._worker = secrets.token_hex(8)
        self._last = 0
        self._held: dict[int, str] = {}
        self._renewer: asyncio.Task[None] | None = None
        self._shut: dict[str, tuple[float, str]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def claim(self, ask: Ask) -> Turn:
        """A turn, or the time until it is worth asking again; a Redis that does not answer is waited for."""
        self._last += 1
        ticket = self._last
        caps = [text for counter, most in ask.caps for text in (counter, str(most))]
        given = [ask.host, ask.delay, ask.budget.concurrency, self._lease, self._turn(ticket), *caps]
        try:
            said, *details = await self._run(_CLAIM, ask.budget.name, given)
        except (self._error, OSError) as error:
            logger.warning("the Redis of this crawl does not answer (%s); waiting for it", type(error).__name__)
            return Turn(wait=_UNREACHABLE)
        if said == "go":
            self._held[ticket] = ask.budget.name
            if self._renewer is None:
                self._renewer = asyncio.ensure_future(self._renew())
            return Turn(ticket=ticket)
        if said == "wait":
            return Turn(wait=float(details[0]))
        if said == "spent":
            return Turn(error=DailyLimit(details[0], int(details[1])))
        until, _, why = details[0].partition(" ")
        self._shut[ask.host] = (float(until), why)
        return Turn(error=HostClosed(ask.host, float(until), why))

    def give_back(self, budget: Budget, ticket: int) -> None:
        """The request is over."""
        self._held.pop(ticket, None)
        self._later(self._redis.zrem(f"{_PREFIX}turns:{budget.name}", self._turn(ticket)))

    def hold(self, budget: Budget, seconds: float) -> None:
        """Nobody may start there for `seconds`."""
        self._later(self._run(_HOLD, budget.name, [seconds]))

    def shut(self, host: str, until: float, why: str) -> None:
        """Nobody may ask the host until a moment (unix time)."""
        self._shut[host] = (until, why)
        self._later(self._redis.hset(f"{_PREFIX}closed", host, f"{until:.3f} {why}"))

    def shut_until(self, host: str) -> HostClosed | None:
        """Why a host may not be asked, as far as this process knows; what others noted comes with a claim."""
        until, why = self._shut.get(host, (0.0, ""))
        return HostClosed(host, until, why) if until > time.time() else None

    def seed(self, counts: Mapping[str, int]) -> None:
        """Count at least this much for today."""
        if counts:
            self._later(self._run(_SEED, "", [text for entry in counts.items() for text in map(str, entry)]))

    def close(self) -> None:
        """Say goodbye once everything is given back."""
        if self._renewer is not None:
            self._renewer.cancel()
        for ticket, name in list(self._held.items()):
            self._later(self._redis.zrem(f"{_PREFIX}turns:{name}", self._turn(ticket)))
        self._later(self._goodbye(tuple(self._tasks)))

    async def _goodbye(self, before: tuple[asyncio.Task[Any], ...]) -> None:
        await asyncio.gather(*before, return_exceptions=True)
        await self._redis.aclose()

    async def _renew(self) -> None:
        """Say of every turn that its holder lives, several times before it would lapse."""
        while True:
            await asyncio.sleep(self._lease / 4)
            for ticket, name in list(self._held.items()):
                with contextlib.suppress(self._error, OSError):
                    await self._run(_RENEW, name, [self._lease, self._turn(ticket)])

    def _run(self, script: str, name: str, given: list[Any]) -> Awaitable[Any]:
        keys = [f"{_PREFIX}start:{name}", f"{_PREFIX}turns:{name}", f"{_PREFIX}closed", f"{_PREFIX}day:"]
        running: Awaitable[Any] = self._scripts[script](keys=keys, args=given)
        return running

    def _turn(self, ticket: int) -> str:
        return f"{self._worker}:{ticket}"

    def _later(self, doing: Awaitable[Any]) -> None:
        async def done() -> None:
            # A turn that cannot be given back lapses; the rest is said again by the next refusal.
            with contextlib.suppress(self._error, OSError):
                await doing

        task = asyncio.ensure_future(done())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
