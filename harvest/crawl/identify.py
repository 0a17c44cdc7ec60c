"""What the bytes are, found out in other processes so that decoding never holds up the network."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from scrapy.crawler import Crawler

from harvest.crawl.encounter import Encounter, Step
from harvest.crawl.workers import Workers
from harvest.items import Outcome, Signal

__all__ = ["Identify"]


class Identify(Step):
    """Adds digest and fingerprint; bytes that are no usable image end as BROKEN, images that refuse as REFUSED."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._workers = Workers(crawler.settings.getint("HARVEST_WORKERS"))

    async def open_spider(self) -> None:
        """Start the workers, so that the first images find them awake."""
        self._workers.start()

    async def close_spider(self) -> None:
        """End the workers."""
        await asyncio.to_thread(self._workers.close)

    def concerns(self, encounter: Encounter) -> bool:
        """Bytes in hand, also refused ones: their digest is part of the evidence."""
        return encounter.body is not None

    async def step(self, encounter: Encounter) -> Encounter:
        """Raises nothing; a worker that dies under an image, twice, makes that image BROKEN."""
        body = encounter.body
        assert body is not None
        if encounter.outcome is not None:
            return replace(encounter, sha256=hashlib.sha256(body).hexdigest())
        try:
            found = await self._workers.identify(body, self.spider.source.limits.max_pixels)
        except BrokenProcessPool:
            digest = hashlib.sha256(body).hexdigest()
            return encounter.ended(Outcome.BROKEN, "decoder_died: the decoder crashed on these bytes", sha256=digest)
        if found.fingerprint is None:
            return encounter.ended(Outcome.BROKEN, found.reason, sha256=found.sha256)
        encounter = replace(encounter, sha256=found.sha256, fingerprint=found.fingerprint)
        signals, mining = found.signals, found.fingerprint.data_mining
        if mining is not None and mining.startswith("DMI-PROHIBITED"):
            signals = (Signal(kind="iptc", value=mining, where="xmp:plus:DataMining"), *signals)
        return encounter.refused(signals, self.spider.source.opt_out.honour) if signals else encounter
