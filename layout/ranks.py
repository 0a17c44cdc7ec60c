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
    near, offsets = _around(grid)
    here = np.full((len(drawn), len(offsets)), np.nan)
    row, column = grid.rows_columns(drawn)
    for index, (down, across) in enumerate(offsets):
        y = row + down
        x = column + (across + (row % 2 - y % 2 if grid.hexagonal else 0)) // 2
        inside = (y >= 0) & (x >= 0) & (y < grid.rows) & (x < grid.columns)
        other = np.where(inside, occupant[np.where(inside, y * grid.columns + x, 0)], -1)
        there = other >= 0
        here[there, index] = small.between(occupant[drawn[there]], other[there])
    here[:, :near].sort(axis=1)
    known = np.isfinite(here).any(axis=0)
    now = np.ones(len(offsets))
    now[known] = np.nanmean(here[:, known], axis=0)
    count = min(len(now), len(truly))
    ranks = np.arange(1, count + 1)
    middle = (np.cumsum(now[:count]) / ranks + np.cumsum(truly[:count]) / ranks) / 2
    gains = np.maximum(0, 1 - middle) ** _POWER
    by_rank = np.cumsum((gains / ranks)[::-1])[::-1]
    padded = np.zeros(3 * near)
    padded[: min(3 * near, count)] = by_rank[: 3 * near]
    if not padded[0]:
        padded[:] = 1 / np.arange(1, 3 * near + 1)
    padded /= padded[0]
    groups = [*padded[:near], padded[near : 2 * near].mean(), padded[2 * near :].mean()]
    missing = float(now[near : min(2 * near, count)].mean()) if count > near else 1.0
    return np.array(groups, np.float32), missing


def _around(grid: Grid) -> tuple[int, list[tuple[int, int]]]:
    """How many cells share an edge with one; steps to these and others around it, nearest first: rows, half columns.

    Rows of hexagons lie the square root of 3/4 apart, and each half a cell beside the next.
    """
    tall = 3 if grid.hexagonal else 4
    steps = [
        (down, across)
        for down in range(-5, 6)
        for across in range(-9, 10)
        if (across + (down if grid.hexagonal else 0)) % 2 == 0 and 0 < tall * down**2 + across**2 <= 80
    ]
    return (6 if grid.hexagonal else 4), sorted(steps, key=lambda step: tall * step[0] ** 2 + step[1] ** 2)
