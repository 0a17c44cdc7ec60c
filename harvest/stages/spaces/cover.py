"""A few points that stand for all: by the farthest one left out (k-centre), or by all together (facility location).

Points are rows of unit length. Both take one after the other whatever helps most, which comes near to the best set: the
k-centre radius is at most twice the smallest possible one (Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5); the sum of
likenesses is at least 1 - 1/e of the largest possible one (Nemhauser, Wolsey and Fisher 1978, doi:10.1007/BF01588971).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["facility_location", "k_centre", "middle", "represented"]

_LEVELS = 255
_CELLS = 2_500_000_000  # bytes of likenesses held at once
_ROWS = 1024
_STALE = 64  # gains worked out anew in one go


def middle(vectors: NDArray[np.float32]) -> int:
    """The row that is most like all others taken together."""
    return int(np.argmax(vectors @ vectors.mean(axis=0, dtype=np.float64).astype(np.float32)))


def k_centre(vectors: NDArray[np.float32], count: int, *, first: Sequence[int] = ()) -> NDArray[np.int64]:
    """`count` rows of `vectors` (n, d), each the one farthest from those before it; all rows where there are no more.

    They begin with `first`, or with the middle. Exact for any n: `count` products of a matrix with a vector.
    """
    chosen = list(first) or [middle(vectors)]
    likeness = np.full(len(vectors), -np.inf, np.float32)
    for row in chosen:
        np.maximum(likeness, vectors @ vectors[row], out=likeness)
    likeness[chosen] = np.inf
    while len(chosen) < min(count, len(vectors)):
        row = int(np.argmin(likeness))
        np.maximum(likeness, vectors @ vectors[row], out=likeness)
        likeness[row] = np.inf
        chosen.append(row)
    return np.array(chosen[:count], np.int64)


def facility_location(
    vectors: NDArray[np.float32], count: int, *, first: Sequence[int] = (), cells: int = _CELLS
) -> NDArray[np.int64]:
    """`count` rows of `vectors` (n, d), so that the cosines of all rows to their nearest chosen one sum up to the most.

    They begin with `first`, or with the middle, which is the best single row. Gains are worked out anew for those alone
    that may still be the largest (Minoux 1978, doi:10.1007/BFb0006528). Likenesses lie in memory as bytes, at most
    `cells` of them; where n * n is more, the sum is taken over a sample of rows, the same for the same n.
    """
    n = len(vectors)
    chosen = list(first) or [middle(vectors)]
    witnesses = vectors
    if n * n > cells:
        witnesses = vectors[np.sort(np.random.default_rng(0).permutation(n)[: max(1, cells // n)])]
    closest = (vectors[chosen] @ witnesses.T).max(axis=0)
    likeness = _in_levels(vectors, witnesses, floor=float(closest.min()))
    best = likeness[chosen].max(axis=0)
    gain = np.full(n, np.iinfo(np.int64).max)
    fresh = np.zeros(n, np.bool_)
    gain[chosen], fresh[chosen] = -1, True
    while len(chosen) < min(count, n):
        while not fresh[row := int(np.argmax(gain))]:
            foremost = np.argpartition(gain, max(0, n - _STALE))[-_STALE:]
            stale = foremost[~fresh[foremost]]
            gain[stale], fresh[stale] = _gains(likeness[stale], best), True
        chosen.append(row)
        np.maximum(best, likeness[row], out=best)
        fresh[:] = False
        gain[row], fresh[chosen] = -1, True
    return np.array(chosen[:count], np.int64)


def represented(
    vectors: NDArray[np.float32], chosen: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each row of `vectors` (n, d) the place in `chosen` (k,) of the one that is most like it, and their cosine.

    A chosen row stands for itself, at 1.
    """
    place, cosine = np.empty(len(vectors), np.int64), np.empty(len(vectors))
    there = vectors[chosen]
    for start in range(0, len(vectors), _ROWS):
        cosines = vectors[start : start + _ROWS] @ there.T
        place[start : start + _ROWS], cosine[start : start + _ROWS] = cosines.argmax(axis=1), cosines.max(axis=1)
    place[chosen], cosine[chosen] = np.arange(len(chosen)), 1.0
    return place, cosine


def _in_levels(vectors: NDArray[np.float32], witnesses: NDArray[np.float32], *, floor: float) -> NDArray[np.uint8]:
    """Cosines (n, m) of all rows with the witnesses, from `floor` to 1 in equal steps: what is less like is 0.

    Nothing is lost below the floor where every witness has a chosen row at least so near already.
    """
    likeness = np.empty((len(vectors), len(witnesses)), np.uint8)
    scale = np.float32(_LEVELS / max(1 - floor, 1e-6))
    scaled = witnesses * scale
    is_symmetric = witnesses is vectors
    for start in range(0, len(vectors), _ROWS):
        end, left = start + _ROWS, start if is_symmetric else 0
        block = vectors[start:end] @ scaled[left:].T
        block -= np.float32(floor) * scale - np.float32(0.5)  # bytes are cut, not rounded
        likeness[start:end, left:] = np.clip(block, 0, _LEVELS, out=block)
        if is_symmetric:
            likeness[end:, start:end] = likeness[start:end, end:].T
    return likeness


def _gains(likeness: NDArray[np.uint8], best: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How much nearer all witnesses together would get, in levels, by each of these rows."""
    nearer = np.maximum(likeness, best).sum(axis=1, dtype=np.int64)
    return np.asarray(nearer - int(best.sum(dtype=np.int64)), np.int64)
