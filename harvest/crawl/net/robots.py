"""robots.txt: asked once a host, obeyed, kept as evidence, and read for what it says about training.

RFC 9309: without a robots.txt (4xx) everything is allowed, and while it cannot be reached (5xx, no answer) nothing is.
"""

from __future__ import annotations

import hashlib
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached
from twisted.internet.defer import Deferred

from harvest.hosts.addresses import Unfetched
from harvest.items import Signal
from harvest.pages.refusals import UsageRule, robots_usage, usage_signals

__all__ = ["Robots", "RobotsDenied", "RobotsUnreachable"]

_CLIENT_ERROR, _SERVER_ERROR, _TOO_MANY = 400, 500, 429
_FRESH = 86_400.0  # seconds that a robots.txt holds (RFC 9309, 2.4)
_PATIENCE = 60.0  # seconds until one that could not be had is asked for again


class RobotsDenied(IgnoreRequest):
    """robots.txt says no."""

    def __init__(self, signal: Signal) -> None:
        super().__init__(f"{signal.where} {signal.value}")
        self.signal = signal


class RobotsUnreachable(IgnoreRequest):
    """Nobody knows what robots.txt says, so nothing may be fetched there now."""


class Robots(RobotsTxtMiddleware):
    """Scrapy's middleware, with evidence, RFC 9309's rule for unreachable files, and Crawl-delay."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        source = getattr(crawler.spider, "source", None)
        self._obeys = source is None or "robots" in source.opt_out.honour
        self._usage: dict[str, tuple[UsageRule, ...]] = {}
        self._unreachable: dict[str, Exception] = {}
        self._asked_at: dict[str, float] = {}
        self._most = crawler.settings.getint("HARVEST_HOSTS")

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """The rules of the request's host; asked for again when they are old, or could not be had a while ago."""
        netloc = urlparse_cached(request).netloc
        lasts = _PATIENCE if netloc in self._unreachable else _FRESH
        if monotonic() - self._asked_at.get(netloc, -_FRESH) > lasts:
            self._forget(netloc)
            self._asked_at[netloc] = monotonic()
            if len(self._asked_at) > self._most:
                self._forget(next(iter(self._asked_at)))
        return await super().robot_parser(request)

    def _forget(self, netloc: str) -> None:
        """Let go of what a host said, unless it is just being asked."""
        if not isinstance(self._parsers.get(netloc), Deferred):
            for table in (self._parsers, self._unreachable, self._usage, self._asked_at):
                table.pop(netloc, None)

    async def statements(self, request: Request) -> tuple[Signal, ...]:
        """What the host's robots.txt says against `request`: a denial, and refusals of training.

        Raises RobotsUnreachable when it cannot be had, unless robots.txt is not obeyed. Where no request may go at all,
        that is for the fetch to say.
        """
        parser = await self.robot_parser(request)
        netloc = urlparse_cached(request).netloc
        if isinstance(self._unreachable.get(netloc), Unfetched):
            return ()
        self._insist_on_rules(netloc)
        denied = self._denial(parser, request)
        return ((denied,) if denied else ()) + self.usage(request.url)

    def usage(self, url: str) -> tuple[Signal, ...]:
        """Refusals of training for `url` in its host's robots.txt, as far as that was asked for already."""
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        where = f"{parts.scheme}://{parts.netloc}/robots.txt"
        return usage_signals(self._usage.get(parts.netloc, ()), path or "/", where)

    async def allows(self, url: str) -> bool:
        """Whether a request that the crawl does not send itself, such as a script's in a browser, may be sent."""
        request = Request(url)
        try:
            self.process_request_2(await self.robot_parser(request), request)
        except (IgnoreRequest, Unfetched):
            return False
        return True

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        """Raises RobotsDenied or RobotsUnreachable where robots.txt is obeyed, or why no request may go there."""
        if not self._obeys:
            return
        self._insist_on_rules(urlparse_cached(request).netloc)
        denied = self._denial(rp, request)
        if denied:
            raise RobotsDenied(denied)

    def _insist_on_rules(self, netloc: str) -> None:
        error = self._unreachable.get(netloc)
        if error is None or not self._obeys:
            return
        if isinstance(error, Unfetched):
            raise error
        raise RobotsUnreachable(f"robots.txt of {netloc} cannot be had: {error or type(error).__name__}")

    def _denial(self, parser: RobotParser | None, request: Request) -> Signal | None:
        agent = self._robotstxt_useragent or self._default_useragent
        if parser is None or parser.allowed(request.url, agent):
            return None
        return Signal(kind="robots", value=f"disallows {urlsplit(request.url).path}", where=_robots_url(request))

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        if response.status >= _SERVER_ERROR or response.status == _TOO_MANY:
            raise RobotsUnreachable(f"HTTP {response.status}")
        if response.status >= _CLIENT_ERROR:
            self._note(netloc, "absent", http_status=response.status)
            response = response.replace(body=b"")
        else:
            digest = hashlib.sha256(response.body).hexdigest()
            self._note(netloc, "read", http_status=response.status, robots_sha256=digest)
        agent = self._robotstxt_useragent or ""
        self._usage[netloc] = robots_usage(response.body.decode("utf-8", "replace"), agent)
        await super()._parse_robots(response, netloc, request)
        parser = self._parsers[netloc]
        delay = parser.crawl_delay(agent) if isinstance(parser, RobotParser) else None
        if delay and self._obeys:
            downloader: Any = self.crawler.engine.downloader
            downloader.slow_down(request, delay)

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        self._unreachable[netloc] = exc
        # The words of other errors may hold a proxy's address, and with it a password.
        said = str(exc) if isinstance(exc, RobotsUnreachable) else type(exc).__name__
        self._note(netloc, "unreachable", detail=said)
        super()._robots_error(exc, netloc)

    def _note(self, netloc: str, outcome: str, **answer: Any) -> None:
        downloader: Any = self.crawler.engine.downloader
        downloader.answered_robots(netloc.rpartition("@")[2].lower(), outcome, **answer)


def _robots_url(request: Request) -> str:
    url = urlparse_cached(request)
    return f"{url.scheme}://{url.netloc}/robots.txt"
