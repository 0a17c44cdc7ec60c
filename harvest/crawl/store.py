"""Keeping the bytes exactly as they were served, and letting go of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from scrapy.crawler import Crawler

from harvest.crawl.encounter import Encounter, Step
from harvest.images.decode import extension
from harvest.items import Outcome
from harvest.store import Store

__all__ = ["KeepOriginal"]


class KeepOriginal(Step):
    """STORED for new bytes, KNOWN for bytes that were here; whatever happened, the body is given back after."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._writing: dict[str, asyncio.Task[str]] = {}

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

    async def step(self, encounter: Encounter) -> Encounter:
        """Write in a thread. Bytes that two images bring at the same time are written once."""
        if encounter.body is None or encounter.fingerprint is None:
            return encounter
        store, sha256 = Store(self.spider.workspace.root), encounter.fingerprint.sha256
        suffix = extension(encounter.fingerprint.format)
        writing = self._writing.get(sha256)
        if writing is not None:
            return encounter.ended(Outcome.KNOWN, path=await asyncio.shield(writing))
        is_here = store.has(sha256, suffix)
        writing = asyncio.create_task(asyncio.to_thread(store.put, encounter.body, sha256, suffix))
        self._writing[sha256] = writing
        try:
            path = await writing
        finally:
            del self._writing[sha256]
        return encounter.ended(Outcome.KNOWN if is_here else Outcome.STORED, path=path)
