"""What the museum knows about each of its images: what it is, what it is a copy of, and what ought to become of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Final

__all__ = ["COPIES", "GOOD", "KINDS", "Fate", "Planted", "read_truth", "write_truth"]


class Fate(StrEnum):
    """What a good harvester does with an image."""

    SELECTED = "selected"  # it, or a copy of it, ends in the dataset
    SAME_IMAGE = "same_image"  # met, and known by its digest: one image, two sightings
    SAME_GROUP = "same_group"  # in one group of duplicates with its original
    FILTERED = "filtered"  # kept as bytes or refused, never in the dataset
    BROKEN = "broken"  # fetched, and found to be no usable image
    NOT_FETCHED = "not_fetched"  # refused before anything was asked for
    REFUSED = "refused"  # fetched, refused by what came with it, not stored
    GONE = "gone"  # a 404 that is recorded


#: The kinds of planted images, in the order of the scoreboard, with what ought to become of each.
KINDS: Final[dict[str, Fate]] = {
    "specimen": Fate.SELECTED,
    "flaky": Fate.SELECTED,
    "no_creator": Fate.SELECTED,
    "exact": Fate.SAME_IMAGE,
    "reencoded": Fate.SAME_GROUP,
    "resized": Fate.SAME_GROUP,
    "cropped": Fate.SAME_GROUP,
    "thumbnail": Fate.FILTERED,
    "off_topic": Fate.FILTERED,
    "synthetic": Fate.FILTERED,
    "data_mining": Fate.FILTERED,
    "no_licence": Fate.FILTERED,
    "all_rights_reserved": Fate.FILTERED,
    "robots_denied": Fate.NOT_FETCHED,
    "noai": Fate.REFUSED,
    "tdm": Fate.REFUSED,
    "truncated": Fate.BROKEN,
    "corrupt": Fate.BROKEN,
    "html_as_jpg": Fate.BROKEN,
    "bomb": Fate.BROKEN,
    "missing": Fate.GONE,
}
#: Kinds that belong into the dataset.
GOOD: Final = tuple(kind for kind, fate in KINDS.items() if fate is Fate.SELECTED)
#: Kinds that are another planted image once more.
COPIES: Final = ("exact", "reencoded", "resized", "cropped", "thumbnail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One image of the museum: `url` is where its file is (or is not), `of` the URL of what it copies.

    `license` (SPDX id) and `creator` are what the museum says beside it, None where it says nothing; `sha256` is that
    of the bytes served, None where none are. `source` is the source config that leads to it.
    """

    url: str
    host: str
    source: str
    kind: str
    fate: Fate
    of: str | None = None
    license: str | None = None
    creator: str | None = None
    title: str | None = None
    sha256: str | None = None


def write_truth(planted: Iterable[Planted]) -> str:
    """One JSON object a line, in the order given."""
    return "".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in planted)


def read_truth(text: str) -> tuple[Planted, ...]:
    """The inverse of `write_truth`."""
    names = {field.name for field in fields(Planted)}
    rows = (json.loads(line) for line in text.splitlines() if line)
    return tuple(Planted(**{**{k: v for k, v in row.items() if k in names}, "fate": Fate(row["fate"])}) for row in rows)
