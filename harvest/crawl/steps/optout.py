"""Refusals: everything a site says against taking an image is evidence, and what the source's config honours ends it.

Kinds of Signal: `robots` (a Disallow), `x-robots-tag`, `meta-robots`, `tdmrep` (header, meta element or tdmrep.json),
`content-usage` (header or robots.txt), `content-signal` (likewise), `iptc` (PLUS data mining property in the bytes),
`c2pa` (training and data mining assertions in the bytes). Two more are kept as evidence and never refuse:
`tdmrep-granted` (a page that reserves nothing) and `c2pa-unread` (a manifest that could not be read).
"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem
from scrapy.http.request import NO_CALLBACK

from harvest.crawl.carriers import is_local
from harvest.crawl.net.robots import Robots, RobotsUnreachable
from harvest.crawl.steps.encounter import Encounter, Step
from harvest.items import ImageItem, Outcome, Signal
from harvest.pages.refusals import GRANTED, header_signals, tdm_signals

__all__ = ["OptOutBeforeFetch", "OptOutOfAnswer"]

_OK = 200


class OptOutBeforeFetch(Step):
    """Asks what is known before a byte of the image is taken: its page, robots.txt, and the host's tdmrep.json."""

    passes = (DropItem,)

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._policies: dict[str, asyncio.Task[Any]] = {}
        self._most = crawler.settings.getint("HARVEST_HOSTS")

    def concerns(self, encounter: Encounter) -> bool:
        """Also images that are held already: their page may have changed its mind."""
        return encounter.outcome in {None, Outcome.UNCHANGED}

    async def step(self, encounter: Encounter) -> Encounter:
        """REFUSED when an honoured kind says no; hosts are asked only about what is going to be fetched."""
        honoured = self.spider.source.opt_out.honour
        encounter = encounter.refused((*encounter.item.signals, *self._of_page(encounter.item.page_url)), honoured)
        if encounter.outcome is not None or is_local(encounter.item.carrier):
            return encounter
        request = Request(encounter.item.image_url)
        robots = self.crawler.get_downloader_middleware(Robots)
        if robots is not None:
            try:
                encounter = encounter.refused(await robots.statements(request), honoured)
            except RobotsUnreachable as error:
                return encounter.ended(Outcome.FAILED, f"robots_unreachable: {error}")
        if encounter.outcome is not None or _is_granted(encounter.item):
            return encounter
        return encounter.refused(await self._policy_signals(encounter.item.image_url), honoured)

    def _of_page(self, page_url: str | None) -> tuple[Signal, ...]:
        """What robots.txt says against training on the page, where the page was asked for and it is known."""
        robots = self.crawler.get_downloader_middleware(Robots)
        return robots.usage(page_url) if robots is not None and page_url else ()

    async def _policy_signals(self, url: str) -> tuple[Signal, ...]:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        where = f"{origin}/.well-known/tdmrep.json"
        if origin not in self._policies:
            self._policies[origin] = asyncio.create_task(self._policy(where))
        policy = self._policies[origin]
        if len(self._policies) > self._most:
            del self._policies[next(iter(self._policies))]
        return tdm_signals(await asyncio.shield(policy), url, where)

    async def _policy(self, where: str) -> Any:
        """The host's policy file, None when it has none or none that can be read."""
        if not self.crawler.crawling:
            raise DropItem("stopping")
        meta = {"max_retry_times": 1}
        try:
            response = await self.crawler.engine.download_async(Request(where, NO_CALLBACK, meta=meta))
            return json.loads(response.body) if response.status == _OK else None
        except Exception as error:  # a host without a readable policy has none
            self.spider.logger.debug("%s: %s", where, error)
            return None


class OptOutOfAnswer(Step):
    """Reads the headers that came with the bytes, or with the word that they have not changed."""

    def concerns(self, encounter: Encounter) -> bool:
        """Answers of this run, also those that brought no bytes."""
        return encounter.outcome in {None, Outcome.UNCHANGED} and bool(encounter.headers)

    async def step(self, encounter: Encounter) -> Encounter:
        """REFUSED, with the digest of the bytes that are given up, when an honoured header says no."""
        signals = header_signals(encounter.headers, encounter.item.image_url)
        return encounter.refused(signals, self.spider.source.opt_out.honour)


def _is_granted(item: ImageItem) -> bool:
    """Whether a page of the image's own host reserves nothing; a page cannot speak for the files of another host."""
    host = urlsplit(item.image_url).netloc
    return any(signal.kind == GRANTED and urlsplit(signal.where).netloc == host for signal in item.signals)
