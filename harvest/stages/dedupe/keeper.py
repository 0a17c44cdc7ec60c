"""Which copy is the best one, and in what it is better."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harvest.config.dedupe import DedupeConfig
from harvest.stages.dedupe.pictures import Pictures

__all__ = ["Ranking", "rank"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """`order` (n,) lists all numbers, the best copy first; `place` (n,) says where each stands in it.

    `keys` are what was compared, in the order in which it was, each with the word for being better in it.
    """

    order: NDArray[np.int64] = field(repr=False)
    place: NDArray[np.int64] = field(repr=False)
    keys: tuple[tuple[str, NDArray[np.generic]], ...] = field(repr=False)

    def why(self, keeper: int, other: int) -> str:
        """The first thing in which the keeper is better, in a word or two."""
        for word, key in self.keys:
            if key[keeper] != key[other]:
                return word
        return "first in order"


def rank(config: DedupeConfig, pictures: Pictures, quality: NDArray[np.float64]) -> Ranking:
    """Sort by the recipe's criteria, then by sha256 to be certain.

    resolution is the number of pixels; compression the encoder's `quality` (n,) as `harvest.images.pixels` measures it,
    then bytes for each pixel; provenance whether the licence is known, then whether the creator is; date when the work
    is from as its source says, never when it was met, which differs between crawls.
    """
    size = pictures.column("width").astype(np.int64) * pictures.column("height").astype(np.int64)
    keys: dict[str, tuple[tuple[str, NDArray[np.generic]], ...]] = {
        "resolution": (("larger", -size),),
        "compression": (
            ("less compressed", -quality),
            ("heavier", -pictures.column("bytes").astype(np.float64) / np.maximum(size, 1)),
        ),
        "provenance": (
            ("better licensed", ~pictures.column("has_license").astype(bool)),
            ("better credited", ~pictures.column("has_creator").astype(bool)),
        ),
        "date": (("earlier", _sortable(pictures.column("date"))),),
    }
    chosen = tuple(key for criterion in config.keep for key in keys[criterion])
    order = np.lexsort([np.arange(len(pictures)), *(key for _, key in reversed(chosen))])
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return Ranking(order=order, place=place, keys=chosen)


def _sortable(texts: NDArray[np.generic]) -> NDArray[np.int64]:
    """Texts as numbers in their order."""
    return np.asarray(np.unique(texts.astype(str), return_inverse=True)[1], dtype=np.int64)
