"""What a running crawl knows, shared by its pipelines."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from harvest import __version__
from harvest.config.source import SourceConfig
from harvest.crawl.encounter import Encounter
from harvest.items import Outcome, Signal
from harvest.ledger import Connection, KnownUrl

__all__ = ["Fate", "RunState", "Tally", "fates"]

# The latest ask for each address, where it brought nothing that can be kept and this very config and code asked.
_FATES = """
    SELECT s.image_url, s.outcome, s.reason, s.http_status, s.sha256, s.opt_out, epoch(s.fetched_at)
    FROM sightings s JOIN runs r USING (run_id)
    WHERE s.source = ? AND r.config_digest = ? AND r.code_version = ? AND s.fetched_at IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY s.image_url ORDER BY s.fetched_at DESC, run_id DESC, s.seq DESC) = 1
        AND s.outcome IN ('broken', 'gone', 'refused')"""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What the latest ask for an address came to when it brought nothing to keep; `asked_at` is a unix time."""

    outcome: Outcome
    reason: str | None
    http_status: int | None
    sha256: str | None
    opt_out: tuple[Signal, ...]
    asked_at: float


def fates(con: Connection, source: SourceConfig) -> dict[str, Fate]:
    """By address, the asks of `source` as it is configured now that came to BROKEN, GONE or REFUSED last."""
    rows = con.execute(_FATES, [source.name, source.digest, __version__]).fetchall()
    return {
        url: Fate(
            outcome=Outcome(outcome),
            reason=reason,
            http_status=status,
            sha256=sha256,
            opt_out=tuple(Signal(**signal) for signal in json.loads(opt_out)),
            asked_at=asked_at,
        )
        for url, outcome, reason, status, sha256, opt_out, asked_at in rows
    }


@dataclass(slots=True, kw_only=True)
class RunState:
    """`done` is what an earlier part of the run has journaled, `known` the latest good fetch by URL and `fates` the
    latest vain one, all set at the opening. `fetches` holds what comes of each address in this run, None when the crawl
    stopped under it; `bodies` bounds memory. `announced` is how many images the source says there are. In a crawl that
    several workers share, `crawl_id` names it, `inherited` are images that its dead runs have journaled here, and
    `elsewhere` is how many images other workers have obtained.
    """

    run_id: str | None = None
    crawl_id: str | None = None
    inherited: Collection[tuple[str, str]] = frozenset()
    elsewhere: int = 0
    outcome: str | None = None
    done: Collection[tuple[str, str]] = frozenset()
    known: Mapping[str, KnownUrl] = field(default_factory=dict)
    fates: Mapping[str, Fate] = field(default_factory=dict)
    announced: int = 0
    tally: Tally = field(default_factory=Tally)
    fetches: dict[str, asyncio.Future[Encounter | None]] = field(default_factory=dict)
    bodies: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_BODIES))
