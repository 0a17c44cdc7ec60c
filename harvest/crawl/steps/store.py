"""Keeping the bytes exactly as they were served, found out and written by worker processes, and letting go of them."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

from scrapy.crawler import Crawler

from harvest.crawl.steps.encounter import Encounter, Step
from harvest.crawl.steps.workers import Finding, Orders, WorkerDied, Workers
from harvest.errors import HarvestError
from harvest.images.tombstones import Tombstones
from harvest.items import Outcome
from harvest.ledger import open_ledger, tombstones
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["KeepOriginal", "tombstones_of"]

_JUST_STORED = 4096  # digests; far more than images that can be under way at once


class KeepOriginal(Step):
    """STORED for new bytes, KNOWN for bytes that were here, BROKEN for what is no usable image, REFUSED for what says
    no to us in its bytes and for what was taken down; whatever happened, the body is given back after.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._workers: Workers | None = None
        self._just_stored: dict[str, None] = {}

    async def open_spider(self) -> None:
        """Start the workers, so that the first images find them awake; they know what was taken down until now."""
        spider, source = self.spider, self.spider.source
        try:
            own = await asyncio.to_thread(tombstones_of, spider.workspace)
        except HarvestError as error:
            spider.give_up(error)
            return
        spider.run.tombstones = Tombstones((*own.known, *spider.run.tombstones.known))
        orders = Orders(
            store=Store(spider.workspace.root),
            max_pixels=source.limits.max_pixels,
            sizes=source.sizes,
            honoured=source.opt_out.honour,
            tombstones=spider.run.tombstones,
        )
        self._workers = Workers(orders, self.crawler.settings.getint("HARVEST_WORKERS"))
        await self._workers.start()

    async def close_spider(self) -> None:
        """End the workers."""
        if self._workers is not None:
            await self._workers.close()

    async def process_item(self, item: object) -> Encounter:
        """Keep what is to be kept, then tell those who wait for the same address."""
        encounter = await super().process_item(item)  # type: ignore[arg-type]
        run = self.spider.run
        if encounter.body is not None:
            encounter = replace(encounter, body=None)
            run.bodies.release()
        waiting = run.fetches.get(encounter.item.image_url)
        if waiting is not None and not waiting.done():
            waiting.set_result(encounter)
        return encounter

    def concerns(self, encounter: Encounter) -> bool:
        """Bytes in hand, also refused ones: their digest is part of the evidence."""
        return encounter.body is not None

    async def step(self, encounter: Encounter) -> Encounter:
        """Raises nothing; a worker that dies under an image, twice, makes that image BROKEN."""
        body, item = encounter.body, encounter.item
        assert body is not None
        assert self._workers is not None
        if encounter.outcome is not None:
            return replace(encounter, sha256=await asyncio.to_thread(_digest, body))
        try:
            found = await self._workers.handle(body, item.title, item.image_url)
        except WorkerDied:
            digest = await asyncio.to_thread(_digest, body)
            return encounter.ended(Outcome.BROKEN, "decoder_died: the decoder crashed on these bytes", sha256=digest)
        return self._told(encounter, found)

    def _told(self, encounter: Encounter, found: Finding) -> Encounter:
        if found.reason is not None:
            return encounter.ended(Outcome.BROKEN, found.reason, sha256=found.sha256)
        if found.refusal is not None:
            self.spider.run.unwanted.update(ref.record for ref in encounter.evidence)
            return encounter.ended(Outcome.REFUSED, found.refusal, sha256=found.sha256)
        if found.failure is not None:
            return encounter.ended(Outcome.FAILED, f"not_kept: {found.failure}", sha256=found.sha256)
        if found.signals:
            encounter = encounter.refused(found.signals, self.spider.source.opt_out.honour)
            if encounter.outcome is not None:
                return replace(encounter, sha256=found.sha256, fingerprint=found.fingerprint)
        # Two workers may have had the same bytes in hand at the same time, new to both.
        is_new = found.is_new and found.sha256 not in self._just_stored
        if is_new:
            self._just_stored[found.sha256] = None
            if len(self._just_stored) > _JUST_STORED:
                del self._just_stored[next(iter(self._just_stored))]
        return encounter.ended(
            Outcome.STORED if is_new else Outcome.KNOWN,
            sha256=found.sha256,
            fingerprint=found.fingerprint,
            path=found.path,
            derived=found.derived,
        )


def tombstones_of(workspace: Workspace) -> Tombstones:
    """What was taken down in a workspace, which need not have a ledger yet. Raises LedgerError."""
    if not workspace.ledger.exists():
        return Tombstones()
    with open_ledger(workspace) as con:
        return tombstones(con)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
