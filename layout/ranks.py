"""What a neighbour counts for, by its rank among the neighbours on the grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layout.grid import Grid
from layout.reduced import Reduced

__all__ = ["rank_weights"]

_RANKS = 60
_SAMPLE, _LEAST_SAMPLE = 512, 64
_PAIRS = 2_000_000  # distances that are looked at, about
_POWER = 15  # DPQ16's derivative


def rank_weights(
    small: Reduced, occupant: NDArray[np.int32], grid: Grid, *, seed: int
) -> tuple[NDArray[np.float32], float]:
    """What distances to neighbours weigh, by rank: how much DPQ16 changes with each of them.

    DPQ_16 is the norm of gains 1 - d_k over k, with d_k the mean distance to the k nearest; its derivative by the
    distance to the j-th is the sum over k >= j of (1 - d_k)^15 / k. The d_k are taken half way between what the layout
    has now and the truly nearest, which is where it will come to lie.
    """
    held = np.flatnonzero(occupant >= 0)
    drawn = held
    wanted = int(np.clip(_PAIRS / max(1, len(held)), _LEAST_SAMPLE, _SAMPLE))
    if len(held) > wanted:
        drawn = np.random.default_rng(seed).choice(held, wanted, replace=False)
    truly = small.profile(occupant[drawn], _RANKS)
    rows, columns = grid.rows, grid.columns
    offsets = [(y, x) for y in range(-4, 5) for x in range(-4, 5) if 0 < y * y + x * x <= 20]
    offsets.sort(key=lambda step: step[0] ** 2 + step[1] ** 2)
    here = np.full((len(drawn), len(offsets)), np.nan)
    row, column = np.divmod(drawn, columns)
    for index, (down, across) in enumerate(offsets):
        y, x = row + down, column + across
        inside = (y >= 0) & (x >= 0) & (y < rows) & (x < columns)
        other = np.where(inside, occupant[np.where(inside, y * columns + x, 0)], -1)
        there = other >= 0
        here[there, index] = small.between(occupant[drawn[there]], other[there])
    here[:, :4].sort(axis=1)
    known = np.isfinite(here).any(axis=0)
    now = np.ones(len(offsets))
    now[known] = np.nanmean(here[:, known], axis=0)
    count = min(len(now), len(truly))
    ranks = np.arange(1, count + 1)
    middle = (np.cumsum(now[:count]) / ranks + np.cumsum(truly[:count]) / ranks) / 2
    gains = np.maximum(0, 1 - middle) ** _POWER
    by_rank = np.cumsum((gains / ranks)[::-1])[::-1]
    padded = np.zeros(12)
    padded[: min(12, count)] = by_rank[:12]
    if not padded[0]:
        padded[:] = 1 / np.arange(1, 13)
    padded /= padded[0]
    groups = [*padded[:4], padded[4:8].mean(), padded[8:12].mean()]
    return np.array(groups, np.float32), float(now[4 : min(8, count)].mean()) if count > 4 else 1.0
