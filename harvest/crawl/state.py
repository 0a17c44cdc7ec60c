"""What a running crawl knows, shared by its pipelines."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from harvest.crawl.encounter import Encounter
from harvest.items import Outcome
from harvest.ledger import KnownUrl

__all__ = ["RunState", "Tally"]

_OBTAINED = (Outcome.STORED, Outcome.KNOWN, Outcome.UNCHANGED)
_BODIES = 32  # images in memory at once, fetched and not yet stored


class Tally:
    """How many images were met, and what became of them."""

    def __init__(self) -> None:
        self.met = 0
        self._outcomes: Counter[Outcome] = Counter()

    def count(self, outcome: Outcome) -> None:
        """Count the fate of one image."""
        self.met += 1
        self._outcomes[outcome] += 1

    @property
    def obtained(self) -> int:
        """Images whose bytes are here."""
        return sum(self._outcomes[outcome] for outcome in _OBTAINED)

    def as_dict(self) -> dict[str, int]:
        """`met` and every outcome by its name, zeros included."""
        return {"met": self.met} | {outcome.value: self._outcomes[outcome] for outcome in Outcome}

    def __str__(self) -> str:
        counts = ", ".join(f"{number} {name}" for name, number in self.as_dict().items() if number and name != "met")
        return f"{self.met} met" + (f": {counts}" if counts else "")


@dataclass(slots=True, kw_only=True)
class RunState:
    """`done` is what an earlier part of the run has journaled, `known` the latest good fetch by URL, both set at the
    opening. `fetches` holds each address's fate (None when the crawl stopped under it); `bodies` bounds memory.
    """

    run_id: str | None = None
    outcome: str | None = None
    done: Collection[tuple[str, str]] = frozenset()
    known: Mapping[str, KnownUrl] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    fetches: dict[str, asyncio.Future[Encounter | None]] = field(default_factory=dict)
    bodies: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_BODIES))
