"""Axes of what is known about images: numbers and words as features, and as places on a plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["even_places", "indicators", "levels"]

_MOST_WORDS = 256
_GAP = 0.05  # of an axis, before images whose value is not known


def even_places(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) places in [0, 1] in the order of `values` (n,), each at the mean rank of those that have the same value.

    Ranks, not values: so images fill an axis evenly, and one from long ago does not press all others together; and
    words, numbered by `levels`, have as much of the axis as they have images. NaN stands for a value that is not known:
    these lie together at the end, after a gap.
    """
    values = np.asarray(values, np.float64)
    known = np.flatnonzero(np.isfinite(values))
    places = np.ones(len(values))
    _, which, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    middles = np.cumsum(counts) - (counts - 1) / 2 - 1
    room = 1.0 if len(known) == len(values) else (1 - _GAP) * len(known) / len(values)
    places[known] = middles[which.ravel()] * room / max(1, len(known) - 1) if len(counts) > 1 else room / 2
    return places


def levels(words: Sequence[str | None]) -> NDArray[np.float64]:
    """(n,) the number of each word in their alphabetical order, without regard to case; NaN where there is none."""
    order = {
        word: number for number, word in enumerate(sorted({w for w in words if w}, key=lambda w: (w.casefold(), w)))
    }
    return np.array([order[word] if word else np.nan for word in words], np.float64)


def indicators(words: Sequence[str | None]) -> NDArray[np.float32]:
    """(n, k) of 0 and 1: each word as far from any other as from the next; without a word, all numbers are 1 / k.

    Beyond the 256 words that come most often, all others are one.
    """
    numbers = levels(words)
    known = np.flatnonzero(np.isfinite(numbers))
    values, which, counts = np.unique(numbers[known], return_inverse=True, return_counts=True)
    column = np.full(len(values), _MOST_WORDS)
    column[np.argsort(-counts, kind="stable")[:_MOST_WORDS]] = np.arange(min(len(values), _MOST_WORDS))
    width = max(1, min(len(values), _MOST_WORDS + 1))
    found = np.full((len(words), width), 1 / width, np.float32)
    found[known] = 0
    found[known, column[which.ravel()]] = 1
    return found
