"""What travels through the pipelines: one image as it was met, and what is known of its fate so far."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from harvest.items import Derivative, EvidenceRef, Fingerprint, ImageItem, Outcome, Signal

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from harvest.crawl.base import SourceSpider

__all__ = ["Encounter", "Step", "now"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encounter:
    """An image on its way. `outcome` is None while it is open; once it is set, later steps pass it on.

    `validators` are the request headers that ask whether a known copy changed; `body` is there from the fetch until the
    bytes are kept or given up; `known_sha256` is the digest of the copy that the ledger has for this URL. `evidence`
    points at the answers that brought the bytes, `derived` at the sizes that were made of them.
    """

    item: ImageItem
    outcome: Outcome | None = None
    reason: str | None = None
    validators: tuple[tuple[str, str], ...] = ()
    known_sha256: str | None = None
    fetched_at: str | None = None
    http_status: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    sha256: str | None = None
    path: str | None = None
    fingerprint: Fingerprint | None = None
    opt_out: tuple[Signal, ...] = ()
    evidence: tuple[EvidenceRef, ...] = ()
    derived: tuple[Derivative, ...] = ()

    def ended(self, outcome: Outcome, reason: str | None = None, **changes: Any) -> Encounter:
        """The same encounter with its fate decided."""
        return replace(self, outcome=outcome, reason=reason, **changes)

    def refused(self, signals: tuple[Signal, ...], honoured: tuple[str, ...]) -> Encounter:
        """The same encounter with `signals` as evidence, and refused when one of them is of an honoured kind."""
        if not signals:
            return self
        evidence = self.opt_out + tuple(signal for signal in signals if signal not in self.opt_out)
        said = next((signal for signal in signals if signal.kind in honoured), None)
        if said is None:
            return replace(self, opt_out=evidence)
        return replace(self, opt_out=evidence, outcome=Outcome.REFUSED, reason=f"{said.kind}: {said.value}")


class Step(ABC):
    """One pipeline. Whatever goes wrong inside becomes a FAILED row with a reason, so that no image is ever lost."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Scrapy's way to make a component."""
        return cls(crawler)

    @property
    def spider(self) -> SourceSpider[Any]:
        """The running spider."""
        spider: Any = self.crawler.spider
        return spider  # type: ignore[no-any-return]

    async def process_item(self, item: ImageItem | Encounter) -> Encounter:
        """Take an encounter one step further, unless its fate is decided."""
        encounter = Encounter(item=item) if isinstance(item, ImageItem) else item
        if not self.concerns(encounter):
            return encounter
        try:
            return await self.step(encounter)
        except Exception as error:  # an image must not vanish, whatever happened to it
            if isinstance(error, self.passes):
                raise
            logger.exception("%s failed on %s", type(self).__name__, encounter.item.image_url)
            return encounter.ended(Outcome.FAILED, f"internal: {type(self).__name__}: {error!r}")

    passes: tuple[type[Exception], ...] = ()

    def concerns(self, encounter: Encounter) -> bool:
        """Whether this step has anything to do with `encounter`; by default while its fate is open."""
        return encounter.outcome is None

    @abstractmethod
    async def step(self, encounter: Encounter) -> Encounter:
        """Do this step's work."""


def now() -> str:
    """The time as journals write it: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
