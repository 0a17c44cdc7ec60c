"""Where requests may go, for Scrapy: judged when made, when an image is met, and when a host is connected to."""

from __future__ import annotations

from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from twisted.internet.interfaces import IReactorPluggableNameResolver
from zope.interface import implementer  # type: ignore[import-untyped]

from harvest.crawl.carriers import is_local
from harvest.crawl.steps.encounter import Encounter, Step
from harvest.hosts.addresses import PrivateAddress, Unfetched, check_url, is_public
from harvest.items import Outcome

__all__ = ["Addresses", "Gate", "PublicOnly"]


class Gate:
    """First of the downloader's middlewares: pages, images, robots.txt, policy files and redirects all pass here."""

    def __init__(self, *, allows_private: bool) -> None:
        self._allows_private = allows_private

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """As the source's config says."""
        source = getattr(crawler.spider, "source", None)
        if source is None:
            raise NotConfigured
        return cls(allows_private=source.allow_private_addresses)

    def process_request(self, request: Request) -> None:
        """Raises BadUrl and PrivateAddress."""
        check_url(request.url, allows_private=self._allows_private)


class Addresses(Step):
    """Ends images whose address nobody could be asked for, before anything is asked about them."""

    def concerns(self, encounter: Encounter) -> bool:
        """All that is fetched from a host."""
        return encounter.outcome is None and not is_local(encounter.item.carrier)

    async def step(self, encounter: Encounter) -> Encounter:
        """FAILED with the reason, else as it came."""
        try:
            check_url(encounter.item.image_url, allows_private=self.spider.source.allow_private_addresses)
        except Unfetched as error:
            return encounter.ended(Outcome.FAILED, f"{error.word}: {error}")
        return encounter


@implementer(IReactorPluggableNameResolver)
class PublicOnly:
    """The reactor, with a connectTCP that raises PrivateAddress for an address that is not public.

    Endpoints look names up first and call this with what they found, which leaves no time for an answer to change.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def connectTCP(self, host: str, port: int, *arguments: Any, **named: Any) -> Any:  # noqa: N802 - Twisted's name
        """Connect, or raise PrivateAddress."""
        if not is_public(host):
            raise PrivateAddress(host)
        return self._reactor.connectTCP(host, port, *arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)
