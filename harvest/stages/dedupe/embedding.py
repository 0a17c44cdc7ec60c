"""Copies proposed by vectors: every image's nearest ones, whatever model made them, and a model without weights.

`structure` sums up which keypoints a picture has and not where they are, so that what a crop or a border leaves of them
still points the same way. It knows nothing of what pictures show; its pairs are guesses that `register` confirms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harvest.stages.dedupe.alignment import ORDERS, TURNS
from harvest.stages.dedupe.compiled import compiled
from harvest.stages.dedupe.keypoints import BINS, CELLS, ONE
from harvest.stages.dedupe.register import Portrait

__all__ = [
    "CHANGES",
    "LEAST_SIMILARITY",
    "NEIGHBOURS",
    "STRUCTURE",
    "Proposed",
    "candidates",
    "parts",
    "structure",
    "turned",
]

STRUCTURE: Final = "structure/1"  # the model's name, under which its vectors are kept
#: Least cosine of two `structure` vectors: crops to 60 % of each side have .2 and more, 1 in 30 unrelated pictures too.
LEAST_SIMILARITY: Final = 0.2
#: Nearest images that are proposed for each: a copy is among them for 99 of 100 crops and borders in the bench.
NEIGHBOURS: Final = 20

# What is kept of a descriptor: (row frequency, column frequency, harmonic of direction). The sixteen of the largest
# variance that turning a picture sends to one another, with the fourth root of their variance.
_PARTS: Final = (
    ((0, 0, 1), 0.489), ((0, 0, 2), 0.489), ((0, 0, 3), 0.440), ((0, 0, 4), 0.347),
    ((0, 1, 0), 0.323), ((1, 0, 0), 0.323), ((0, 1, 1), 0.397), ((1, 0, 2), 0.397),
    ((0, 1, 2), 0.323), ((1, 0, 1), 0.323), ((0, 1, 3), 0.316), ((1, 0, 3), 0.316),
    ((0, 2, 1), 0.366), ((2, 0, 2), 0.366), ((1, 1, 1), 0.313), ((1, 1, 2), 0.313),
)  # fmt: skip
# Four kinds of keypoints, each of which stands for the eight it becomes by turning: centres of k-means over those of
# drawn pictures (tests/bench/learn_words.py).
_WORDS: Final = (
    (0.32, -0.80, -0.35, -0.29, 0.03, 0.05, 0.10, 0.15, 0.10, 0.19, 0.16, 0.15, -0.14, 0.42, 0.18, -0.12),
    (0.09, -0.27, 0.07, 0.07, 0.07, 0.18, 0.44, -0.11, 0.29, 0.29, 0.16, 0.04, 0.05, 0.17, 0.23, 0.06),
    (-0.10, -0.12, -0.56, 0.25, -0.09, -0.20, -0.07, -0.41, -0.09, -0.12, 0.08, 0.12, 0.02, 0.30, 0.06, 0.15),
    (-0.64, -0.28, 0.12, 0.14, -0.14, 0.04, -0.11, -0.30, 0.29, 0.21, 0.22, -0.26, 0.37, 0.12, 0.05, 0.29),
)
_ROWS, _COLUMNS = 1024, 16_384  # vectors that are compared with one another at a time: 64 MiB of similarities


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """Pairs of row numbers, `first` < `second`, in order, each once, with the cosine of their vectors."""

    first: NDArray[np.int32] = field(repr=False)
    second: NDArray[np.int32] = field(repr=False)
    similarity: NDArray[np.float32] = field(repr=False)

    def __len__(self) -> int:
        return len(self.first)


def candidates(
    vectors: NDArray[np.floating[Any]],
    min_similarity: float,
    *,
    k: int = NEIGHBOURS,
    known: int = 0,
    turns: Sequence[str] = ("upright",),
    advance: Callable[[int], None] | None = None,
) -> Proposed:
    """All pairs of unit `vectors` (n, d), one among the `k` nearest of the other, at `min_similarity` or more.

    Exact: everything is compared with everything, block by block, so time grows with the square of n and memory with n.
    The first `known` rows were compared with each other before and are not again: pairs of them are left out, and each
    further row is compared with all. `turns`, which only vectors of `structure` have, are a group of TURNS: the nearest
    under any of them counts. `advance` hears how many rows were begun.
    """
    count = len(vectors)
    best = np.full((count, k), min_similarity - 1e-6, np.float32)
    number = np.full((count, k), -1, np.int32)
    for start in range(known - known % _ROWS, count, _ROWS):
        rows = _turns_of(vectors[start : start + _ROWS], turns)
        for other in range(0, start + len(rows[0]), _COLUMNS):
            columns = np.asarray(vectors[other : min(other + _COLUMNS, start + len(rows[0]))], dtype=np.float32)
            similarity = rows[0] @ columns.T
            for way in rows[1:]:
                np.maximum(similarity, way @ columns.T, out=similarity)
            _offer(similarity, start, other, known, best, number)
        if advance is not None:
            advance(len(rows[0]))
    one, column = np.nonzero(number >= 0)
    other_one = number[one, column].astype(np.int64)
    keys = np.minimum(one, other_one) * np.int64(max(1, count)) + np.maximum(one, other_one)
    keys, at = np.unique(keys, return_index=True)
    return Proposed(
        first=(keys // max(1, count)).astype(np.int32),
        second=(keys % max(1, count)).astype(np.int32),
        similarity=best[one[at], column[at]],
    )


def structure(picture: Portrait) -> NDArray[np.float32]:
    """The unit vector (512,) of a picture's keypoints; zeros for a picture without any.

    Vectors of locally aggregated descriptors (Jegou et al. 2010, "Aggregating local descriptors into a compact image
    representation") with residuals of unit length (Delhumeau et al. 2013, "Revisiting the VLAD image representation")
    and roots of entries. Parts and centres are chosen such that turning a picture reorders its vector, see `turned`.
    """
    sums = np.zeros((len(_CENTRES), len(_PARTS)), np.float32)
    if len(picture.descriptors):
        seen = parts(picture.descriptors)
        nearest = (seen @ _CENTRES.T - (_CENTRES * _CENTRES).sum(axis=1) / 2).argmax(axis=1)
        residual = seen - _CENTRES[nearest]
        residual /= np.linalg.norm(residual, axis=1, keepdims=True) + 1e-9
        np.add.at(sums, nearest, residual)
    sums /= np.sqrt(np.linalg.norm(sums, axis=1, keepdims=True)) + 1e-9
    vector = (np.sign(sums) * np.sqrt(np.abs(sums))).ravel()
    return np.asarray(vector / (np.linalg.norm(vector) + 1e-9), dtype=np.float32)


def parts(descriptors: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What `structure` looks at of descriptors (n, 128): (n, 16), of which each turn reorders the entries."""
    return np.asarray((descriptors.astype(np.float32) / ONE) @ _BASIS.T, dtype=np.float32)


def turned(vectors: NDArray[np.float32], turn: str) -> NDArray[np.float32]:
    """Vectors (n, 512) of `structure` as they would be of the pictures after `turn`, one of TURNS."""
    entries, signs = _TURNED[turn]
    return vectors[:, entries] * signs


def _turns_of(vectors: NDArray[np.floating[Any]], turns: Sequence[str]) -> list[NDArray[np.float32]]:
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    return [rows if turn == "upright" else turned(rows, turn) for turn in turns]


@compiled
def _offer(  # noqa: PLR0917 - compiled functions take no keywords cheaply
    similarity: Any, start: int, other: int, known: int, best: Any, number: Any
) -> None:
    """Let a block of similarities, rows from `start` and columns from `other` on, better the `best` (n, k) of both."""
    last = best.shape[1] - 1
    for i in range(similarity.shape[0]):
        row = start + i
        for j in range(min(similarity.shape[1], row - other)):
            column, value = other + j, similarity[i, j]
            if row < known or (value <= best[row, last] and value <= best[column, last]):
                continue
            for mine, theirs in ((row, column), (column, row)):
                if value > best[mine, last]:
                    place = last
                    while place > 0 and best[mine, place - 1] < value:
                        best[mine, place], number[mine, place] = best[mine, place - 1], number[mine, place - 1]
                        place -= 1
                    best[mine, place], number[mine, place] = value, theirs


def _basis() -> NDArray[np.float32]:
    """What of a descriptor each of _PARTS measures, (parts, 128), weighted."""
    cell, direction = np.arange(CELLS), np.arange(BINS) * 2 * np.pi / BINS
    rows = []
    for (down, across, harmonic), root in _PARTS:
        waves = [np.cos(np.pi * frequency * (2 * cell + 1) / (2 * CELLS)) for frequency in (down, across)]
        order = (harmonic + 1) // 2
        turning = np.sin(order * direction) if harmonic and harmonic % 2 == 0 else np.cos(order * direction)
        row = np.einsum("y,x,k->yxk", *waves, turning).ravel()
        rows.append(row / np.linalg.norm(row) / root)
    return np.array(rows, np.float32)


def _changes() -> dict[str, NDArray[np.float32]]:
    """For each turn the matrix that it applies to the parts of a descriptor: one 1 or -1 in each row."""
    unit = _BASIS / np.linalg.norm(_BASIS, axis=1, keepdims=True)
    return {turn: np.rint(unit[:, np.argsort(ORDERS[turn])] @ unit.T).astype(np.float32) for turn in TURNS}


def _turnings() -> dict[str, tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """For each turn, from where each entry of a vector comes and with which sign."""
    width, found = len(_PARTS), {}
    for turn, change in CHANGES.items():
        to = np.array([np.abs(_CENTRES - change @ centre).sum(axis=1).argmin() for centre in _CENTRES])
        entries, signs = np.empty(len(to) * width, np.intp), np.empty(len(to) * width, np.float32)
        source = np.abs(change).argmax(axis=1)
        for before, after in enumerate(to):
            entries[after * width : (after + 1) * width] = before * width + source
            signs[after * width : (after + 1) * width] = change[np.arange(width), source]
        found[turn] = (entries, signs)
    return found


_BASIS: Final = _basis()
#: For each turn of TURNS the matrix (16, 16) by which it changes `parts`.
CHANGES: Final = _changes()
_CENTRES: Final = np.array([change @ np.array(word, np.float32) for word in _WORDS for change in CHANGES.values()])
_TURNED: Final = _turnings()
