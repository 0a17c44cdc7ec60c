"""What hosts say of being asked and of training: robots.txt and /.well-known/tdmrep.json, each asked for once a pass.

RFC 9309: without a robots.txt (4xx) everything is allowed, and while it cannot be reached (5xx, no answer) nothing is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import urlsplit

from protego import Protego

from harvest import DISTRIBUTION
from harvest.audit.recheck.asker import Answer, Asker, Unanswered, leads_to
from harvest.config.source import SourceConfig
from harvest.hosts.addresses import Unfetched
from harvest.hosts.budgets import host_of
from harvest.items import Signal
from harvest.pages.refusals import UsageRule, robots_usage, tdm_signals, usage_signals

__all__ = ["Denied", "HostRules", "Unruled"]

_MOST_HOSTS = 10_000  # of more, the oldest are asked again
_LONGEST = 512 * 1024  # bytes of a robots.txt that are read, as RFC 9309, 2.5 asks at the least
_HOPS = 5  # redirects of a robots.txt that are followed (RFC 9309, 2.3.1.2)

_FRESH = 86_400.0  # seconds that a robots.txt holds (RFC 9309, 2.4)
_PATIENCE = 60.0  # seconds until one that could not be had is asked for again

Kept = TypeVar("Kept")
_Held = dict[str, tuple[float, "asyncio.Task[Kept]"]]


class Denied(Unfetched):
    """robots.txt says no; `signal` is the evidence."""

    word = "robots"

    def __init__(self, signal: Signal) -> None:
        super().__init__(f"{signal.where} {signal.value}")
        self.signal = signal


class Unruled(Unfetched):
    """Nobody knows what robots.txt says, so nothing may be fetched there now."""

    word = "robots_unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """What a robots.txt says; `fault` is why nothing may be asked, as long as it is not known."""

    parser: Any  # Protego has no types
    usage: tuple[UsageRule, ...] = ()
    fault: Unfetched | None = None


class HostRules:
    """The rules of every host that a pass asks."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._robots: _Held[_Rules] = {}
        self._policies: _Held[Any] = {}

    async def insist(self, source: SourceConfig, url: str) -> None:
        """Raises Denied or Unruled where robots.txt keeps us from `url` and the source's config honours that.

        Where no request may go at all, that is raised.
        """
        if "robots" not in source.opt_out.honour:
            return
        rules = await self._rules_of(source, url)
        if rules.fault is not None:
            raise rules.fault
        if not rules.parser.can_fetch(url, DISTRIBUTION):
            where = f"{_origin(url)}/robots.txt"
            raise Denied(Signal(kind="robots", value=f"disallows {urlsplit(url).path}", where=where))

    async def usage(self, source: SourceConfig, url: str) -> tuple[Signal, ...]:
        """Refusals of training for `url` in its host's robots.txt."""
        rules = await self._rules_of(source, url)
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return usage_signals(rules.usage, path or "/", f"{_origin(url)}/robots.txt")

    async def reservation(self, source: SourceConfig, url: str) -> tuple[Signal, ...]:
        """The refusal that the host's tdmrep.json makes for `url`."""
        where = f"{_origin(url)}/.well-known/tdmrep.json"
        policy = await _once(self._policies, where, lambda: self._policy(source, where))
        return tdm_signals(policy, url, where)

    async def _rules_of(self, source: SourceConfig, url: str) -> _Rules:
        where = f"{_origin(url)}/robots.txt"
        asked_at, task = self._robots.get(where, (0.0, None))
        if task is not None and task.done() and task.result().fault and monotonic() - asked_at > _PATIENCE:
            del self._robots[where]
        return await _once(self._robots, where, lambda: self._read_robots(source, where))

    async def _read_robots(self, source: SourceConfig, where: str) -> _Rules:
        nothing = Protego.parse("")
        try:
            answer = await self._follow(source, where)
        except Unanswered as error:
            return _Rules(parser=nothing, fault=Unruled(f"{where} cannot be had: {error}"))
        except Unfetched as error:
            return _Rules(parser=nothing, fault=error)
        if answer.status >= 500 or answer.status == 429:
            return _Rules(parser=nothing, fault=Unruled(f"{where} cannot be had: HTTP {answer.status}"))
        text = answer.body.decode("utf-8", "replace") if answer.status == 200 else ""
        parser = Protego.parse(text)
        if delay := parser.crawl_delay(DISTRIBUTION):
            self._asker.slow_down(host_of(where), float(delay))
        return _Rules(parser=parser, usage=robots_usage(text, DISTRIBUTION))

    async def _policy(self, source: SourceConfig, where: str) -> Any:
        """The host's policy file, None when it has none or none that can be read."""
        try:
            answer = await self._follow(source, where)
            return json.loads(answer.body) if answer.status == 200 and answer.is_whole else None
        except (Unfetched, ValueError, RecursionError):
            return None

    async def _follow(self, source: SourceConfig, url: str) -> Answer:
        answer = await self._asker.once(source, "GET", url, headers={}, longest=_LONGEST)
        for _ in range(_HOPS):
            place = leads_to(answer)
            if place is None:
                break
            answer = await self._asker.once(source, "GET", place, headers={}, longest=_LONGEST)
        return answer


async def _once(held: _Held[Kept], key: str, make: Callable[[], Coroutine[Any, Any, Kept]]) -> Kept:
    """What `make` gives for `key`, made once a day however many ask for it."""
    if key not in held or monotonic() - held[key][0] > _FRESH:
        held[key] = monotonic(), asyncio.create_task(make())
        if len(held) > _MOST_HOSTS:
            del held[next(iter(held))]
    return await asyncio.shield(held[key][1])


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{host_of(url)}"
