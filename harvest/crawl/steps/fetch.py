"""The fetch: one polite request for each address of a run, and an outcome for whatever comes of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    DropItem,
    IgnoreRequest,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from harvest.crawl.carriers import CarrierFailed, carry
from harvest.crawl.net.evidence import evidence_of
from harvest.crawl.net.pace import HostClosed, turn_away
from harvest.crawl.net.robots import RobotsDenied, RobotsUnreachable
from harvest.crawl.steps.encounter import Encounter, Step, now
from harvest.hosts.addresses import Unfetched
from harvest.items import Carrier, EvidenceRef, Outcome
from harvest.pages.refusals import HEADERS

__all__ = ["Fetch"]

_OK, _NOT_MODIFIED, _GONE = 200, 304, frozenset({404, 410})
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (HostClosed, "host_closed"),
    (RobotsUnreachable, "robots_unreachable"),
    (CannotResolveHostError, "dns"),
    (DownloadConnectionRefusedError, "connection_refused"),
    (DownloadTimeoutError, "timeout"),
    (DownloadCancelledError, "too_large"),
    (ResponseDataLossError, "data_loss"),
    (DownloadFailedError, "connection"),
    (UnsupportedURLSchemeError, "url"),
    (IgnoreRequest, "ignored"),
)


class Fetch(Step):
    """Downloads through Scrapy's own downloader, so that pace, proxy, robots.txt and retries hold for images too."""

    passes = (DropItem,)

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._stopper: asyncio.Task[None] | None = None

    async def open_spider(self) -> None:
        """Watch for the moment when the crawl is told to stop."""
        self._stopper = asyncio.create_task(self._empty_queues_on_stop())

    async def close_spider(self) -> None:
        """Nothing is waited for any more."""
        if self._stopper is not None:
            self._stopper.cancel()
            with suppress(asyncio.CancelledError):
                await self._stopper

    async def step(self, encounter: Encounter) -> Encounter:
        """The encounter with its body, or with an outcome. An address that is on its way already is waited for."""
        run, url = self.spider.run, encounter.item.image_url
        first = run.fetches.get(url)
        if first is not None:
            return _as_first(encounter, await first)
        fate = run.fetches[url] = asyncio.get_running_loop().create_future()
        await run.bodies.acquire()
        fetched = None
        try:
            fetched = await self._fetch(encounter)
        finally:
            if fetched is None or fetched.body is None:
                run.bodies.release()
            if fetched is None:
                fate.set_result(None)
        return fetched

    async def _fetch(self, encounter: Encounter) -> Encounter:
        if not self.crawler.crawling:
            raise DropItem("stopping")
        if encounter.item.carrier is not None:
            return await self._carried(encounter, encounter.item.carrier)
        headers = {"Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity", **dict(encounter.validators)}
        try:
            request = Request(encounter.item.image_url, NO_CALLBACK, headers=headers)
            response = await self.crawler.engine.download_async(request)
        except RobotsDenied as denied:
            return encounter.refused((denied.signal,), ("robots",))
        except Exception as error:
            if not self.crawler.crawling:
                raise DropItem("stopping") from None
            return encounter.ended(Outcome.FAILED, _reason(error), fetched_at=now())
        return _answered(encounter, response)

    async def _carried(self, encounter: Encounter, carrier: Carrier) -> Encounter:
        """The bytes that do not come by one GET."""
        kept: list[EvidenceRef] = []

        async def ask(request: Request) -> Response:
            response = await self.crawler.engine.download_async(request)
            kept.extend(evidence_of(response, "image"))
            return response

        try:
            brought = await carry(carrier, ask, self.spider.source.limits)
        except RobotsDenied as denied:
            return encounter.refused((denied.signal,), ("robots",))
        except CarrierFailed as failed:
            outcome = Outcome.GONE if failed.is_gone else Outcome.FAILED
            return encounter.ended(outcome, failed.reason, fetched_at=now(), http_status=failed.status)
        except Exception as error:
            if not self.crawler.crawling:
                raise DropItem("stopping") from None
            return encounter.ended(Outcome.FAILED, _reason(error), fetched_at=now())
        told = {"made": brought.made, "redirected_to": brought.found_at}
        raw = {**encounter.item.raw, **{name: value for name, value in told.items() if value}}
        captured_at = brought.captured_at or encounter.item.captured_at
        return replace(
            encounter,
            item=replace(encounter.item, raw=raw, captured_at=captured_at),
            fetched_at=now(),
            http_status=brought.status,
            etag=brought.etag,
            last_modified=brought.last_modified,
            headers=brought.headers,
            body=brought.body,
            evidence=tuple(kept),
        )

    async def _empty_queues_on_stop(self) -> None:
        """Requests that wait for their turn would hold back the end of a stopped crawl by their whole delay."""
        while self.crawler.crawling:
            await asyncio.sleep(0.2)
        for slot in list(self.crawler.engine.downloader.slots.values()):
            turn_away(slot, DownloadCancelledError("stopping"))
        # Scrapy 2.19 looks whether all is done only after an answer, and an image of start() comes without one.
        scraper = self.crawler.engine.scraper
        while scraper.slot is not None and not (scraper.slot.closing and scraper.slot.closing.called):
            if scraper.slot.closing and scraper.slot.is_idle():
                scraper._check_if_closing()
            await asyncio.sleep(0.2)


def _answered(encounter: Encounter, response: Response) -> Encounter:
    item = encounter.item
    if response.url != item.image_url and response.request and response.request.meta.get("redirect_urls"):
        item = replace(item, raw={**item.raw, "redirected_to": response.url})
    said = tuple((name, value.decode("latin-1")) for name in HEADERS for value in response.headers.getlist(name))
    met = replace(
        encounter,
        item=item,
        headers=said,
        fetched_at=now(),
        http_status=response.status,
        etag=_header(response, "ETag"),
        last_modified=_header(response, "Last-Modified"),
        evidence=evidence_of(response, "image"),
    )
    if response.status == _NOT_MODIFIED and encounter.known_sha256:
        return met.ended(Outcome.UNCHANGED, "not modified", sha256=encounter.known_sha256)
    if response.status in _GONE:
        return met.ended(Outcome.GONE, f"http_{response.status}")
    if response.status != _OK:
        return met.ended(Outcome.FAILED, f"http_{response.status}")
    return replace(met, body=response.body)


def _as_first(encounter: Encounter, first: Encounter | None) -> Encounter:
    """The fate of the first image with this address, for another one that has it too."""
    if first is None:
        raise DropItem("stopping")
    outcome = Outcome.KNOWN if first.outcome is Outcome.STORED else first.outcome
    evidence = tuple(dict.fromkeys((*encounter.opt_out, *first.opt_out)))
    return replace(first, item=encounter.item, outcome=outcome, opt_out=evidence)


def _reason(error: Exception) -> str:
    word = next((word for kind, word in _REASONS if isinstance(error, kind)), type(error).__name__)
    word = error.word if isinstance(error, Unfetched) else word
    return f"{word}: {error}" if str(error) else word


def _header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None
