"""What the museum's hosts say about an image in words: title, creator, licence, date."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from harvest.demo.specimens import OFF_TOPIC, describe

__all__ = ["LICENCES", "RESERVED", "SILENT", "Card", "Terms", "card_of", "slug_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One licence as its publishers write it: SPDX id, Flickr's number, deed, and what a label on a wall says."""

    license: str | None
    flickr: str
    url: str
    label: str


_CC: Final = "creativecommons.org"
#: The free licences in the museum, and how much of the collection is under each.
LICENCES: Final[tuple[tuple[Terms, float], ...]] = (
    (Terms(license="CC0-1.0", flickr="9", url=f"https://{_CC}/publicdomain/zero/1.0/", label="CC0 1.0"), 0.28),
    (Terms(license="CC-PDM-1.0", flickr="10", url=f"https://{_CC}/publicdomain/mark/1.0/", label="PDM 1.0"), 0.24),
    (Terms(license="CC-BY-4.0", flickr="11", url=f"https://{_CC}/licenses/by/4.0/", label="CC BY 4.0"), 0.22),
    (Terms(license="CC-BY-2.0", flickr="4", url=f"http://{_CC}/licenses/by/2.0/deed.en", label="CC BY 2.0"), 0.14),
    (Terms(license="CC-BY-SA-4.0", flickr="12", url=f"https://{_CC}/licenses/by-sa/4.0/", label="CC BY-SA 4.0"), 0.12),
)
RESERVED: Final = Terms(license=None, flickr="0", url="", label="All rights reserved")
SILENT: Final = Terms(license=None, flickr="", url="", label="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The label beside an image; `creator` is None where none is named."""

    title: str
    caption: str
    creator: str | None
    year: int
    tags: tuple[str, ...]
    terms: Terms


def card_of(kind: str, seed: int, terms: Terms) -> Card:
    """The card of a specimen; an off-topic picture goes by the name that a scanner or a clerk gave it."""
    if kind in OFF_TOPIC:
        return Card(
            title=f"{kind.replace('_', ' ').capitalize()} {seed}",
            caption="From the papers of the museum.",
            creator="Museum office",
            year=1900 + seed % 40,
            tags=("archive",),
            terms=terms,
        )
    specimen = describe(kind, seed)
    return Card(
        title=specimen.title,
        caption=specimen.caption,
        creator=specimen.creator,
        year=specimen.year,
        tags=specimen.tags,
        terms=terms,
    )


def slug_of(title: str, number: int) -> str:
    """A file name of a title: small letters, digits and '-', unique by its number."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return f"{words}-{number:04d}"
