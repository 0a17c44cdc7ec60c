"""First two steps: which images are met in this run, and which of them are held already."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

from scrapy.exceptions import DropItem

from harvest.crawl.steps.encounter import Encounter, Step
from harvest.items import ImageItem, Outcome
from harvest.ledger import KnownUrl

__all__ = ["WAITING", "Admit", "Known"]

WAITING = "waiting until"  # how the ledger tells what was put off from what was asked

_DAY = 86_400.0  # seconds


class Admit(Step):
    """Lets each (source_id, image_url) in once a run, completed by the source's own terms, up to the limit.

    What an earlier, killed part of the run has journaled counts as met.
    """

    passes = (DropItem,)

    async def process_item(self, item: ImageItem | Encounter) -> Encounter:
        """Raises DropItem for what has its sighting already, for what is over the limit, and while the run stops."""
        if isinstance(item, Encounter):
            return item
        spider, addresses = self.spider, self.spider.run.addresses
        if spider.limit is not None and addresses.met >= spider.limit:
            raise DropItem("over the limit")
        if not self.crawler.crawling or not addresses.meet(item.source_id, item.image_url):
            raise DropItem("met already")
        if spider.limit is not None and addresses.met >= spider.limit:
            spider.is_done = True
        return await super().process_item(spider.complete(item))

    async def step(self, encounter: Encounter) -> Encounter:
        """Nothing to do beyond letting it in."""
        return encounter


class Known(Step):
    """Leaves alone what was fetched lately or has to wait, and asks for the rest only if it changed."""

    async def step(self, encounter: Encounter) -> Encounter:
        """UNCHANGED without a request while the copy is young; validators for the request when it is not.

        An ask that was in vain is not repeated either while it is young: what was BROKEN, GONE or REFUSED is so again.
        What FAILED fails again until its time has come, which is no attempt. An address that brought nothing but what
        was taken down is not asked again at all.
        """
        addresses, item = self.spider.run.addresses, encounter.item
        gone = addresses.taken_down(item)
        if gone is not None:
            return encounter.ended(Outcome.REFUSED, "takedown: nothing else comes from there", sha256=gone)
        held = addresses.with_sha1(item.sha1) if item.sha1 else None
        if held is not None:
            return encounter.ended(Outcome.UNCHANGED, "digest known", sha256=held)
        later = addresses.put_off(item.image_url)
        if later and later.until > time.time() and not self.spider.retry_now:
            until = datetime.fromtimestamp(later.until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            return encounter.ended(Outcome.FAILED, f"{WAITING} {until}: {later.reason}")
        oldest = time.time() - self.spider.source.max_age_days * _DAY
        vain = addresses.vain(item.image_url)
        if vain and vain.asked_at > oldest:
            evidence = tuple(dict.fromkeys((*encounter.opt_out, *vain.opt_out)))
            known_fate = {"http_status": vain.http_status, "sha256": vain.sha256, "opt_out": evidence}
            return encounter.ended(Outcome(vain.outcome), vain.reason, **known_fate)
        known = addresses.known(item.image_url)
        # A server must not confirm a copy that is no longer here.
        if known is None or known.sha256 in self.spider.run.tombstones.digests:
            return encounter
        return _held(encounter, known, oldest)


def _held(encounter: Encounter, known: KnownUrl, oldest: float) -> Encounter:
    item = encounter.item
    if item.carrier is not None and "version" in item.carrier.args:
        if known.etag == item.carrier.args["version"]:
            return encounter.ended(Outcome.UNCHANGED, "same version", sha256=known.sha256, etag=known.etag)
        return encounter
    # Another digest than the source stated for the copy: it says itself that the bytes have changed.
    has_changed = bool(item.sha1 and known.sha1 and item.sha1.lower() != known.sha1.lower())
    if known.fetched_at and known.fetched_at > oldest and not has_changed:
        return encounter.ended(Outcome.UNCHANGED, "fetched lately", sha256=known.sha256)
    validators = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return replace(
        encounter,
        known_sha256=known.sha256,
        validators=tuple((name, value) for name, value in validators.items() if value),
    )
