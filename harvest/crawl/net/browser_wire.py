"""Requests of Chromium under the same rules as the crawl's own: public addresses alone, http and https, robots.txt.

What a page's scripts ask for (XHR, fetch, event streams) and the documents in its frames obey robots.txt; style sheets
and scripts are part of the page that was allowed. Chromium looks names up itself and follows redirects without asking,
so it is sent through a proxy of ours on this machine, which connects to public addresses alone.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy.crawler import Crawler
from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from harvest.crawl.net.robots import Robots
from harvest.crawl.net.safety import PublicOnly
from harvest.crawl.net.wire import HttpHandler
from harvest.hosts.addresses import PrivateAddress, Unfetched, check_url

if TYPE_CHECKING:
    from playwright.async_api import Request

__all__ = ["BrowserHandler", "GuardProxy"]

_SCRIPTED = frozenset({"xhr", "fetch", "eventsource", "document"})
_WITHIN = ("data:", "blob:", "about:")  # addresses that lead nowhere outside the page
_PATIENCE = 15.0  # seconds that a script's request waits for a robots.txt
_MOST_HEAD = 64 * 1024


class BrowserHandler(ScrapyPlaywrightDownloadHandler, HttpHandler):  # type: ignore[misc]  # has no types
    """Pages by Chromium, all else by our own handler."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        spider: Any = crawler.spider
        source = spider.source
        self._allows_private = source.allow_private_addresses
        self._skips: Any = self.abort_request  # type: ignore[has-type]
        self.abort_request = self._is_refused
        self._port: Any = None
        launch = self.config.launch_options
        # Otherwise calls by WebRTC would go past every proxy.
        launch["args"] = [*launch.get("args", ()), "--force-webrtc-ip-handling-policy=disable_non_proxied_udp"]
        if source.proxy is None and not self._allows_private:
            from twisted.internet import reactor  # noqa: PLC0415 - importing it installs it

            net: Any = reactor
            self._port = net.listenTCP(0, GuardProxy(net), interface="127.0.0.1")
            launch["proxy"] = {"server": f"http://127.0.0.1:{self._port.getHost().port}"}

    async def close(self) -> None:
        """Close the browser and its proxy."""
        await super().close()
        if self._port is not None:
            self._port.stopListening()

    async def _is_refused(self, asked: Request) -> bool:
        skipped = self._skips(asked) if self._skips is not None else False
        if await skipped if inspect.isawaitable(skipped) else skipped:
            return True
        if asked.url.startswith(_WITHIN):
            return False
        try:
            check_url(asked.url, allows_private=self._allows_private)
        except Unfetched:
            return True
        robots = self._crawler.get_downloader_middleware(Robots)
        if robots is None or asked.resource_type not in _SCRIPTED:
            return False
        try:
            return not await asyncio.wait_for(robots.allows(asked.url), _PATIENCE)
        except TimeoutError:
            return True


class GuardProxy(Factory):
    """A forward proxy for one browser: plain requests, and tunnels (CONNECT) for TLS and web sockets."""

    noisy = False

    def __init__(self, reactor: Any) -> None:
        self.reactor = PublicOnly(reactor)

    def buildProtocol(self, addr: Any) -> _Near:  # noqa: ARG002, N802 - Twisted's name
        """One connection of the browser."""
        return _Near(self.reactor)


class _Side(Protocol):
    """One end of a connection through the proxy; what it hears, the other end is told."""

    other: _Side | None = None

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        assert self.other is not None
        self.other.tell(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002, N802 - Twisted's name
        if self.other is not None:
            self.other.end()

    def tell(self, data: bytes) -> None:
        transport: Any = self.transport
        transport.write(data)

    def end(self) -> None:
        transport: Any = self.transport
        transport.loseConnection()

    def join(self, other: _Side) -> None:
        """Pass on between the two, no faster than the slower one takes it."""
        self.other, other.other = other, self
        near, far = self.transport, other.transport
        near.registerProducer(far, True)  # type: ignore[union-attr]
        far.registerProducer(near, True)  # type: ignore[union-attr]


class _Near(_Side):
    """The browser's end: reads one request's head and connects it."""

    def __init__(self, reactor: PublicOnly) -> None:
        self._reactor = reactor
        self._heard = b""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        if self.other is not None:
            self.other.tell(data)
            return
        self._heard += data
        if b"\r\n\r\n" in self._heard:
            transport: Any = self.transport
            transport.pauseProducing()
            self._connect()
        elif len(self._heard) > _MOST_HEAD:
            self._refuse("431 Request Header Fields Too Large")

    def _connect(self) -> None:
        head, _, rest = self._heard.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        try:
            method, target, _ = first.decode("ascii").split(" ")
            is_tunnel = method == "CONNECT"
            parts = urlsplit(f"//{target}" if is_tunnel else target)
            host, port = parts.hostname, parts.port or 80
        except ValueError:
            host = None
        if not host:
            self._refuse("400 Bad Request")
            return
        answer, request = b"HTTP/1.1 200 Connected\r\n\r\n", rest
        if not is_tunnel:
            path = parts._replace(scheme="", netloc="").geturl() or "/"
            kept = [line for line in lines if not line.lower().startswith((b"connection:", b"proxy-"))]
            # One request a connection, so that the next one is read, and judged, by itself.
            top = [f"{method} {path} HTTP/1.1".encode("ascii"), *kept, b"Connection: close"]
            answer, request = b"", b"\r\n".join(top) + b"\r\n\r\n" + rest

        def connected(far: Protocol) -> None:
            assert isinstance(far, _Side)
            self.join(far)
            self.tell(answer)
            far.tell(request)
            transport: Any = self.transport
            transport.resumeProducing()

        def failed(failure: Failure) -> None:
            self._refuse("403 Forbidden" if isinstance(failure.value, PrivateAddress) else "502 Bad Gateway")

        endpoint = HostnameEndpoint(self._reactor, host, port, timeout=30)
        factory: Any = Factory.forProtocol(_Side)
        endpoint.connect(factory).addCallbacks(connected, failed)

    def _refuse(self, status: str) -> None:
        self.tell(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        self.end()
