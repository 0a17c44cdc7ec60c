"""First two steps: which images are met in this run, and which of them are held already."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from harvest.crawl.encounter import Encounter, Step
from harvest.items import ImageItem, Outcome

__all__ = ["Admit", "Known"]

_DAY = 86_400.0  # seconds


class Admit(Step):
    """Lets each (source_id, image_url) in once a run, completed by the source's own terms, up to the limit.

    What an earlier, killed part of the run has journaled counts as met.
    """

    passes = (DropItem,)

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._met: set[tuple[str, str]] = set()

    async def process_item(self, item: ImageItem | Encounter) -> Encounter:
        """Raises DropItem for what has its sighting already, for what is over the limit, and while the run stops."""
        if isinstance(item, Encounter):
            return item
        spider = self.spider
        key = (item.source_id, item.image_url)
        if key in self._met or key in spider.run.done or not self.crawler.crawling:
            raise DropItem("met already")
        if spider.limit is not None and len(self._met) + len(spider.run.done) >= spider.limit:
            raise DropItem("over the limit")
        self._met.add(key)
        if spider.limit is not None and len(self._met) + len(spider.run.done) >= spider.limit:
            spider.is_done = True
        return await super().process_item(spider.complete(item))

    async def step(self, encounter: Encounter) -> Encounter:
        """Nothing to do beyond letting it in."""
        return encounter


class Known(Step):
    """Leaves alone what was fetched lately, and asks for the rest only if it changed."""

    async def step(self, encounter: Encounter) -> Encounter:
        """UNCHANGED without a request while the copy is young; validators for the request when it is not.

        An ask that was in vain is not repeated either while it is young: what was BROKEN, GONE or REFUSED is so again.
        """
        run, url = self.spider.run, encounter.item.image_url
        oldest = time.time() - self.spider.source.max_age_days * _DAY
        fate = run.fates.get(url)
        if fate and fate.asked_at > oldest:
            evidence = tuple(dict.fromkeys((*encounter.opt_out, *fate.opt_out)))
            return encounter.ended(
                fate.outcome, fate.reason, http_status=fate.http_status, sha256=fate.sha256, opt_out=evidence
            )
        known = run.known.get(url)
        if known is None:
            return encounter
        carrier = encounter.item.carrier
        if carrier is not None and "version" in carrier.args:
            if known.etag == carrier.args["version"]:
                return encounter.ended(Outcome.UNCHANGED, "same version", sha256=known.sha256, etag=known.etag)
            return encounter
        if known.fetched_at and datetime.fromisoformat(known.fetched_at).timestamp() > oldest:
            return encounter.ended(Outcome.UNCHANGED, "fetched lately", sha256=known.sha256)
        validators = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
        return replace(
            encounter,
            known_sha256=known.sha256,
            validators=tuple((name, value) for name, value in validators.items() if value),
        )
