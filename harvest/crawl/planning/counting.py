"""What makes a plan of a crawl: a source's own spider runs, and its images are counted and never asked for."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.spidermiddlewares.base import BaseSpiderMiddleware

from harvest.crawl.carriers import is_local
from harvest.crawl.planning.plan import HostSample, Sample
from harvest.crawl.steps.encounter import Encounter, Step
from harvest.crawl.steps.known import WAITING
from harvest.crawl.steps.optout import OptOutBeforeFetch
from harvest.errors import LedgerError, SourceError, SourceRefused
from harvest.items import ImageItem, Outcome
from harvest.ledger import open_ledger

__all__ = ["MOST_IMAGES", "PLANNING", "AskFewHosts", "Bound", "Count"]

MOST_IMAGES = 100_000  # met of one source; lists on disk ask for no pages, and may be longer than anybody's patience
_MOST_HOSTS = 50  # of images, asked for robots.txt and tdmrep.json
_BYTES = ("bytes", "filesize", "size", "length")  # where spiders keep what a source says of an image's bytes
_USUAL = "SELECT avg(bytes) FROM images SEMI JOIN (SELECT sha256 FROM sightings WHERE source = ?) USING (sha256)"
PLANNING = {
    "ITEM_PIPELINES": {
        "harvest.crawl.steps.known.Admit": 50,
        "harvest.crawl.net.safety.Addresses": 60,
        "harvest.crawl.steps.known.Known": 100,
        "harvest.crawl.planning.counting.AskFewHosts": 200,
        "harvest.crawl.planning.counting.Count": 900,
    },
    "SPIDER_MIDDLEWARES": {"harvest.crawl.planning.counting.Bound": 25, "harvest.crawl.supervise.Supervision": 30},
    "SCHEDULER": "scrapy.core.scheduler.Scheduler",
    "HARVEST_WRITES": False,
}


class Bound(BaseSpiderMiddleware):
    """Lets only so many listing requests pass, and counts them by the budget that they are paid from."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._most = crawler.settings.getint("HARVEST_PLAN_PAGES")
        self.asked: Counter[str] = Counter()
        self.paces: dict[str, tuple[float, int | None]] = {}
        self.left = 0

    def budget(self, url: str) -> str:
        """The name of the budget that a request to `url` is paid from; its delay and daily limit go to `paces`."""
        downloader: Any = self.crawler.engine.downloader
        name, slot = downloader._get_slot(Request(url))
        self.paces[name] = (slot.delay, slot.budget.daily)
        return str(name)

    def get_processed_request(self, request: Request, response: Response | None) -> Request | None:  # noqa: ARG002
        """The request, or nothing where enough was asked."""
        if self.asked.total() >= self._most:
            self.left += 1
            return None
        self.asked[self.budget(request.url)] += 1
        return request


class AskFewHosts(OptOutBeforeFetch):
    """Asks the first hosts of images for what they refuse; a list of a million hosts is not asked through."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._hosts: set[str] = set()
        self.unasked: set[str] = set()

    async def step(self, encounter: Encounter) -> Encounter:
        """As in a crawl, while there are few hosts."""
        host = urlsplit(encounter.item.image_url).netloc
        if host not in self._hosts and len(self._hosts) >= _MOST_HOSTS and not is_local(encounter.item.carrier):
            self.unasked.add(host)
            return encounter.refused(encounter.item.signals, self.spider.source.opt_out.honour)
        self._hosts.add(host)
        return await super().step(encounter)


class Count(Step):
    """Ends the way of an image by counting it."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._met: Counter[str] = Counter()
        self._licenses: Counter[str] = Counter()
        self._opt_outs: Counter[str] = Counter()
        self._images: Counter[str] = Counter()
        self._hosts: dict[str, set[str]] = {}
        self._usual: float | None = None

    async def open_spider(self) -> None:
        """Read what the ledger holds of this source, where there is one."""
        await asyncio.to_thread(self._learn)

    async def close_spider(self) -> None:
        """End as a crawl would: pages that could not be read are a failure."""
        spider = self.spider
        spider.run.outcome = "finished" if self.crawler.crawling or spider.error else "interrupted"
        if spider.run.outcome == "interrupted":
            return
        if spider.error is None and spider.denied and not self._met.total():
            spider.give_up(SourceRefused(f"{spider.denied[0]}: robots.txt does not let us in"))
        elif spider.error is None and spider.troubles:
            spider.give_up(SourceError(f"pages could not be read, so images are missing: {spider.troubles[0]}"))

    async def process_item(self, item: ImageItem | Encounter) -> Encounter:
        """Count an encounter that nothing was fetched for."""
        assert isinstance(item, Encounter)
        met, url = item.item, item.item.image_url
        self._licenses[met.license or "unknown"] += 1
        self._opt_outs.update({signal.kind for signal in item.opt_out})
        self._met.update(["met", *(["creator"] if met.creator else [])])
        if item.outcome is Outcome.REFUSED:
            self._met["refused"] += 1
        elif item.outcome is Outcome.UNCHANGED or (item.reason or "").startswith(WAITING):
            self._met["known"] += 1
        elif item.outcome is None:
            self._ask_for(item, url)
        return item

    async def step(self, encounter: Encounter) -> Encounter:
        """Not used: this step ends the way."""
        return encounter

    def _ask_for(self, encounter: Encounter, url: str) -> None:
        self._met["known" if encounter.known_sha256 else "new"] += 1
        size = next((_whole(encounter.item.raw.get(name)) for name in _BYTES if name in encounter.item.raw), None)
        if size and not encounter.known_sha256:
            self._met.update({"stated": 1, "bytes": size})
        if not is_local(encounter.item.carrier):
            budget = self._bound.budget(url)
            self._images[budget] += 1
            self._hosts.setdefault(budget, set()).add(urlsplit(url).netloc)

    def sample(self) -> Sample:
        """What was found out."""
        bound, hosts = self._bound, self.crawler.get_item_pipeline(AskFewHosts)
        assert hosts is not None
        spider, met = self.spider, self._met
        is_cut = bound.left > 0 or spider.run.addresses.met >= MOST_IMAGES
        return Sample(
            pages=bound.asked.total(),
            is_cut=is_cut,
            announced=spider.run.announced,
            **{name: met[name] for name in ("met", "new", "known", "refused", "stated", "bytes")},
            with_creator=met["creator"],
            licenses=dict(self._licenses.most_common()),
            opt_outs=dict(self._opt_outs.most_common()),
            usual_bytes=self._usual,
            unasked_hosts=len(hosts.unasked),
            daily=spider.source.pace.daily,
            hosts=tuple(self._host(name, bound) for name in sorted({*bound.asked, *self._images})),
        )

    @property
    def _bound(self) -> Bound:
        bound = self.crawler.get_spider_middleware(Bound)
        assert bound is not None
        return bound

    def _host(self, name: str, bound: Bound) -> HostSample:
        delay, daily = bound.paces[name]
        hosts = len(self._hosts.get(name, ())) or 1
        return HostSample(
            name=name, pages=bound.asked[name], images=self._images[name], hosts=hosts, delay=delay, daily=daily
        )

    def _learn(self) -> None:
        spider = self.spider
        try:
            with open_ledger(spider.workspace) as con:
                spider.run.addresses.learn(con, spider.source)
                [(self._usual,)] = con.execute(_USUAL, [spider.source.name]).fetchall()
        except LedgerError as error:
            spider.logger.debug("planned without a ledger: %s", error)


def _whole(value: Any) -> int | None:
    """A number of bytes, also in quotes."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isdecimal():
        return None
    return int(value)
