"""What a museum's card says about a specimen: title, caption, creator, year and tags, true to the drawing."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

__all__ = ["Specimen", "describe"]

_CREATORS = ("Ada Winterbourne", "Tomas Kellner", "Ines Abreu", "Studio of M. Roux", "Hanna Lindqvist")


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """A specimen's card; `year` is the year of the plate, `tags` are words true to the drawing."""

    kind: str
    seed: int
    title: str
    caption: str
    creator: str
    year: int
    tags: tuple[str, ...]


def describe(kind: str, seed: int) -> Specimen:
    """The card of the specimen `seed` of `kind`; agrees with `draw(kind, seed)`."""
    rng = np.random.default_rng([zlib.crc32(kind.encode()), seed])
    return Specimen(
        kind=kind,
        seed=seed,
        title=f"{kind.capitalize()} no. {seed}",
        caption=f"A drawing of a {kind}.",
        creator=_CREATORS[int(rng.integers(len(_CREATORS)))],
        year=int(rng.integers(1788, 1932)),
        tags=(kind,),
    )
