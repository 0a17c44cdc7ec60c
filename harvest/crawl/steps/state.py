"""What a running crawl knows, shared by its pipelines."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from harvest import __version__
from harvest.config.source import SourceConfig
from harvest.crawl.steps.encounter import Encounter
from harvest.crawl.steps.expect import Shares
from harvest.images.tombstones import Tombstones
from harvest.items import ImageItem, Outcome, Sighting, Signal
from harvest.journal import sighting_at
from harvest.ledger import (
    Connection,
    KnownUrl,
    PutOff,
    VainAsk,
    known_sha1,
    known_urls,
    put_off,
    tombstoned_sha1,
    tombstoned_urls,
    vain_asks,
)
from harvest.ledger.memory import Memory

__all__ = ["Addresses", "Fetches", "RunState", "Tally"]

_OBTAINED = (Outcome.STORED, Outcome.KNOWN, Outcome.UNCHANGED)
_BODIES = 32  # images in memory at once, fetched and not yet stored
_FATE = frozenset(Encounter.__dataclass_fields__) & frozenset(Sighting.__dataclass_fields__)


class Tally:
    """How many images were met, and what became of them."""

    def __init__(self, shares: Shares | None = None) -> None:
        self.met = 0
        self.shares = shares or Shares({})
        self._outcomes: Counter[Outcome] = Counter()

    def count(self, outcome: Outcome, item: ImageItem) -> None:
        """Count the fate of one image."""
        self.met += 1
        self._outcomes[outcome] += 1
        if outcome in _OBTAINED:
            self.shares.count(item)

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


class Addresses:
    """What is known of addresses and digests: from the ledger at the opening, from this run as it goes on."""

    def __init__(self, folder: Path | None = None) -> None:
        self.memory = Memory(folder)
        self.met = 0

    def learn(self, con: Connection, source: SourceConfig) -> None:
        """Read from the ledger what crawls of `source` found; vain asks count where they were made like now."""
        memory, like_now = self.memory, (source.name, source.digest, __version__)
        memory.fill("known", ((known.image_url, _values(known)) for known in known_urls(con, source.name)))
        memory.fill("vain", ((vain.image_url, _vain(vain)) for vain in vain_asks(con, *like_now)))
        memory.fill("later", ((later.image_url, _values(later)) for later in put_off(con, *like_now)))
        memory.fill("sha1", known_sha1(con))
        memory.fill("taken down", tombstoned_urls(con))
        memory.fill("taken down by sha1", tombstoned_sha1(con))

    def meet(self, source_id: str, image_url: str) -> bool:
        """Note that an image is met in this run; False when it was before."""
        is_new = self.memory.add("met", f"{len(source_id)}:{source_id}{image_url}")
        self.met += is_new
        return is_new

    def known(self, url: str) -> KnownUrl | None:
        """The latest good fetch of an address."""
        values = self.memory.get("known", url)
        return values and KnownUrl(url, *values)

    def vain(self, url: str) -> VainAsk | None:
        """The latest ask for an address, where it was in vain."""
        values = self.memory.get("vain", url)
        if values is None:
            return None
        outcome, reason, status, sha256, opt_out, asked_at = values
        signals = tuple(Signal(**signal) for signal in opt_out)
        return VainAsk(url, outcome, reason, status, sha256, signals, asked_at)

    def put_off(self, url: str) -> PutOff | None:
        """Until when an address is to be left alone."""
        values = self.memory.get("later", url)
        return values and PutOff(url, *values)

    def taken_down(self, item: ImageItem) -> str | None:
        """The sha256 of what was taken down, where an image's address or its other digest leads to nothing else."""
        found: str | None = self.memory.get("taken down", item.image_url)
        if found is None and item.sha1:
            found = self.memory.get("taken down by sha1", item.sha1.lower())
        return found

    def with_sha1(self, sha1: str) -> str | None:
        """The sha256 of an image that is held, by its other digest."""
        found: str | None = self.memory.get("sha1", sha1.lower())
        return found


class Fetches:
    """What came of each address that this run asked for, so that none is asked for twice.

    Under way it is a future, which ends with None when the crawl stops; after that the journal knows.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._under_way: dict[str, asyncio.Future[Encounter | None]] = {}

    def get(self, url: str) -> asyncio.Future[Encounter | None] | None:
        """The fate of an address, None when nobody asked for it yet."""
        if url in self._under_way:
            return self._under_way[url]
        place = self._memory.get("fetched", url)
        if place is None:
            return None
        told: asyncio.Future[Encounter | None] = asyncio.get_running_loop().create_future()
        told.set_result(_encounter(sighting_at(Path(place[0]), place[1])))
        return told

    def __setitem__(self, url: str, fate: asyncio.Future[Encounter | None]) -> None:
        self._under_way[url] = fate

    def journaled(self, url: str, path: Path, offset: int) -> None:
        """Note where the journal has what came of an address that was under way."""
        if self._under_way.pop(url, None) is not None:
            self._memory.put("fetched", url, [str(path), offset])


@dataclass(slots=True, kw_only=True)
class RunState:
    """`addresses` is what is known beforehand, `fetches` what comes of each address in this run.

    `bodies` bounds memory; `announced` is how many images the source says there are. In a crawl that several workers
    share, `crawl_id` names it, `inherited` are the folders of its other runs that are here, whose images count as met,
    and `elsewhere` is how many images other workers have obtained. `tombstones` is what was taken down, and `unwanted`
    are the WARC records that hold a copy of such an image.
    """

    run_id: str | None = None
    crawl_id: str | None = None
    inherited: tuple[Path, ...] = ()
    elsewhere: int = 0
    outcome: str | None = None
    announced: int = 0
    tally: Tally = field(default_factory=Tally)
    addresses: Addresses = field(default_factory=Addresses)
    fetches: Fetches = field(init=False)
    tombstones: Tombstones = field(default_factory=Tombstones)
    unwanted: set[str] = field(default_factory=set)
    bodies: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_BODIES))

    def __post_init__(self) -> None:
        self.fetches = Fetches(self.addresses.memory)

    def remember_in(self, folder: Path) -> None:
        """Keep what is known of addresses in `folder` from now on."""
        folder.mkdir(parents=True, exist_ok=True)
        self.addresses.memory.close()
        self.addresses = Addresses(folder)
        self.fetches = Fetches(self.addresses.memory)


def _encounter(sighting: Sighting) -> Encounter:
    return Encounter(item=sighting.item, **{name: getattr(sighting, name) for name in _FATE - {"item"}})


def _values(row: KnownUrl | VainAsk | PutOff) -> list[Any]:
    """All but the address, which is the name that they go by."""
    return [getattr(row, f.name) for f in fields(row)[1:]]


def _vain(vain: VainAsk) -> list[Any]:
    *rest, opt_out, asked_at = _values(vain)
    return [*rest, [asdict(signal) for signal in opt_out], asked_at]
