"""How alone points are: their distance to the k-th nearest other one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["far_out", "kth_distances"]

_PAIRS = 10_000_000_000  # of a point and another one that are looked at; 100,000 points are all compared
_ROWS = 1024
_TO_DEVIATION = 1.4826  # of a normal distribution, from the median absolute deviation
_FAR = 3.5  # Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers


def kth_distances(vectors: NDArray[np.float32], k: int, *, pairs: int = _PAIRS) -> NDArray[np.float64]:
    """1 - cosine of each row of `vectors` (n, d), of unit length, to its `k`-th nearest other row (n,).

    As Ramaswamy, Rastogi and Shim 2000 (doi:10.1145/342009.335437): a handful of odd ones that are like each other is
    still far from the k-th. Exact while n * n is at most `pairs`; above, rows are compared with a sample of all, the
    same for the same n, and `k` shrinks with it (Sugiyama and Borgwardt 2013, "Rapid distance-based outlier detection
    via sampling"). Where there are fewer than `k` others, the farthest of them counts.
    """
    n = len(vectors)
    if n < 2:
        return np.zeros(n)
    others = np.arange(n)
    if n * n > pairs:
        others = np.sort(np.random.default_rng(0).permutation(n)[: max(k + 1, pairs // n)])
    place = np.full(n, -1)
    place[others] = np.arange(len(others))
    there = np.ascontiguousarray(vectors[others].T)
    nth = min(max(1, round(k * len(others) / n)), len(others) - 1)
    found = np.empty(n)
    for start in range(0, n, _ROWS):
        cosines = vectors[start : start + _ROWS] @ there
        own = place[start : start + _ROWS]
        cosines[np.flatnonzero(own >= 0), own[own >= 0]] = -np.inf
        found[start : start + _ROWS] = np.partition(cosines, len(others) - nth, axis=1)[:, len(others) - nth]
    return np.maximum(0.0, 1 - found)


def far_out(values: NDArray[np.float64]) -> float:
    """The bound above which a value stands apart from the rest: the median and 3.5 robust standard deviations."""
    middle = float(np.median(values))
    return middle + _FAR * _TO_DEVIATION * float(np.median(np.abs(values - middle)))
