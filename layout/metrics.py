"""How good a mosaic is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layout.assign import fitted
from layout.grid import Grid
from layout.neighbours import squared_distances

__all__ = ["Measure", "Quality", "distance_preservation", "mean_displacement", "quality", "trustworthiness"]

_PAIRS_AT_ONCE = 1_500_000
_LEAST_DRAWN = 100
_ROWS_AT_ONCE = 65_536
_GROUPS = 10  # of drawn images, whose differences tell the error


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A figure of merit, and its standard error, 0 where it was taken over all images."""

    value: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How good a layout is: each in [0, 1], 1 the best. `drawn` is over how many images the averages were taken.

    `distance_preservation` and `trustworthiness` are the functions of these names; `recall` is the share of the nearest
    images in feature space that are among the nearest on the grid.
    """

    distance_preservation: Measure
    trustworthiness: Measure
    recall: Measure
    neighbours: int
    drawn: int


def quality(
    features: NDArray[np.floating],
    cells: NDArray[np.int64],
    grid: Grid,
    *,
    neighbours: int = 8,
    sample: int = 5_000,
    seed: int = 0,
) -> Quality:
    """All figures of `features` (n, d) in `cells` (n,), in one pass; seconds for a million images.

    Averages are taken over all images up to `sample`, and above over so many drawn with `seed` that the time stays
    about the same, but at least 100; each is held against all the others in any case. The error is that of ten groups
    of the drawn. Fewer than three images give 1.
    """
    n = len(features)
    if n != len(cells):
        raise ValueError(f"expected one cell for each row of features, got {len(cells)} for {n}")
    drawn = _drawn(n, sample, seed)
    near = min(neighbours, (n - 1) // 2)
    if near < 1:
        perfect = Measure(value=1.0, error=0.0)
        return Quality(distance_preservation=perfect, trustworthiness=perfect, recall=perfect, neighbours=0, drawn=n)
    groups = 1 if len(drawn) == n else _GROUPS
    sums = np.zeros((groups, 2, n - 1))
    trust, recall = np.zeros(len(drawn)), np.zeros(len(drawn))
    for first, distances, steps in _pairs(features, cells, grid, drawn):
        own = np.arange(first, first + len(distances))
        for row in range(len(distances)):
            sums[own[row] * groups // len(drawn)] += _sorted(distances[row : row + 1], steps[row : row + 1])
        trust[own], recall[own] = _neighbourhoods(distances, steps, drawn[own], near)
    counts = np.bincount(np.arange(len(drawn)) * groups // len(drawn), minlength=groups)
    parts = [_preserved(of_group[0], of_group[1], int(count)) for of_group, count in zip(sums, counts, strict=True)]
    exact = groups == 1
    error = 0.0 if exact else float(np.std(parts, ddof=1) / math.sqrt(groups))
    return Quality(
        distance_preservation=Measure(
            value=_preserved(sums[:, 0].sum(axis=0), sums[:, 1].sum(axis=0), len(drawn)), error=error
        ),
        trustworthiness=_mean(trust, exact),
        recall=_mean(recall, exact),
        neighbours=near,
        drawn=len(drawn),
    )


def distance_preservation(
    features: NDArray[np.floating],
    cells: NDArray[np.int64],
    grid: Grid,
    *,
    p: float = 16,
    sample: int = 5_000,
    seed: int = 0,
) -> float:
    """Distance preservation quality DPQ_p of Barthel et al. 2022 (https://doi.org/10.1111/cgf.14718); 1 is the best.

    With d_k the mean distance in feature space to the k images nearest on the grid (equally near ones ordered by
    feature distance), h_k that to the k truly nearest images, both averaged over images, and m the mean distance
    altogether: DPQ_p = |max(0, (m - d) / m)|_p / |max(0, (m - h) / m)|_p over k = 1 .. n - 1. The order among equally
    near ones flatters every layout: shuffled random colours reach 0.35. Up to `sample` images the average is taken
    over all of them; above, over so many drawn with `seed` that the time stays about the same, but at least 100.
    Neighbours are sought among all images in any case. Fewer than three images, or images all alike, give 1.
    """
    n = len(features)
    if n != len(cells):
        raise ValueError(f"expected one cell for each row of features, got {len(cells)} for {n}")
    if n < 3:
        return 1.0
    drawn = _drawn(n, sample, seed)
    sums = np.zeros((2, n - 1))
    for _, distances, steps in _pairs(features, cells, grid, drawn):
        sums += _sorted(distances, steps)
    return _preserved(sums[0], sums[1], len(drawn), p)


def mean_displacement(points: NDArray[np.floating], cells: NDArray[np.int64], grid: Grid) -> float:
    """How far images lie from their point of the fitted cloud, on average, in cells."""
    if not len(points):
        return 0.0
    return float(np.linalg.norm(fitted(points, grid) - grid.centres(cells), axis=1).mean())


def trustworthiness(
    features: NDArray[np.floating],
    cells: NDArray[np.int64],
    grid: Grid,
    *,
    neighbours: int = 8,
    sample: int = 5_000,
    seed: int = 0,
) -> float:
    """Share of trust in [0, 1] that neighbours on the grid are neighbours in feature space (Venna and Kaski 2001).

    Averaged over images drawn as for `distance_preservation`, each held against all others. Fewer than three give 1.
    """
    n = len(features)
    drawn = _drawn(n, sample, seed)
    near = min(neighbours, (n - 1) // 2)
    if near < 1:
        return 1.0
    trust = [
        _neighbourhoods(distances, steps, drawn[first : first + len(distances)], near)[0]
        for first, distances, steps in _pairs(features, cells, grid, drawn)
    ]
    return float(np.concatenate(trust).mean())


def _drawn(n: int, sample: int, seed: int) -> NDArray[np.int64]:
    """Rows over which averages are taken, in an order without meaning."""
    if n <= sample:
        return np.arange(n)
    count = min(n, max(_LEAST_DRAWN, sample**2 // n))
    return np.random.default_rng(seed).choice(n, count, replace=False).astype(np.int64)


def _pairs(
    features: NDArray[np.floating], cells: NDArray[np.int64], grid: Grid, drawn: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.int64]]]:
    """Blocks of `drawn` images against all: where the block begins, distances and squared steps on the grid, (b, n).

    Steps are those of `Grid.centres`, for squares and for hexagons.
    """
    n = len(features)
    mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    row, column = (part.astype(np.int32) for part in grid.rows_columns(np.asarray(cells)))
    if grid.hexagonal:
        column = 2 * column + row % 2  # in half cells, for every other row lies half a cell to the right
    at_once = max(1, _PAIRS_AT_ONCE // max(1, n))
    for first in range(0, len(drawn), at_once):
        rows = drawn[first : first + at_once]
        some = np.asarray(features[rows], np.float32) - mean
        distances = np.empty((len(rows), n), np.float32)
        for start in range(0, n, _ROWS_AT_ONCE):
            others = np.asarray(features[start : start + _ROWS_AT_ONCE], np.float32) - mean
            distances[:, start : start + len(others)] = squared_distances(some, others)
        distances[np.arange(len(rows)), rows] = 0
        down, across = np.square(row[rows, None] - row[None]), np.square(column[rows, None] - column[None])
        # Squared distances of hexagons are whole numbers too: rows lie the square root of 3/4 apart.
        steps = (across + 3 * down) // 4 if grid.hexagonal else across + down
        yield first, np.sqrt(distances), steps.astype(np.int64)


def _sorted(distances: NDArray[np.float32], steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """(2, n - 1) sums over images of the distances to their 1st, 2nd ... neighbour, on the grid and truly."""
    tie_break = 0.5 / (float(distances.max()) or 1.0)
    # Squared steps are whole numbers: half a step of room above each orders equals by feature distance, and gives the
    # distance back after sorting. An image itself is the only one at step 0, so that it comes first.
    key = np.sort(steps + distances.astype(np.float64) * tie_break, axis=1)[:, 1:]
    on_grid = ((key - np.floor(key)) / tie_break).sum(axis=0)
    return np.stack([on_grid, np.sort(distances, axis=1)[:, 1:].sum(axis=0, dtype=np.float64)])


def _preserved(on_grid: NDArray[np.float64], truly: NDArray[np.float64], count: int, p: float = 16) -> float:
    """DPQ_p of these sums over `count` images."""
    n = len(truly) + 1
    mean = truly.sum() / (count * (n - 1))
    if mean == 0:
        return 1.0
    nearest = np.arange(1, n) * count
    gains = [np.maximum(0, 1 - np.cumsum(sums) / (nearest * mean)) for sums in (on_grid, truly)]
    achieved, possible = (float(np.linalg.norm(gain, ord=p)) for gain in gains)
    return achieved / possible if possible else 1.0


def _neighbourhoods(
    distances: NDArray[np.float32], steps: NDArray[np.int64], rows: NDArray[np.int64], near: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each image, how far its `near` nearest on the grid can be trusted; the share of the truly nearest there."""
    n = distances.shape[1]
    trust, recall = np.empty(len(rows)), np.empty(len(rows))
    for index, own in enumerate(rows):
        far = distances[index].copy()
        far[own] = -1
        beside = _least(steps[index], near + 1)[1:]  # the image itself is at step 0
        # Equally far ones before it in number are nearer, as in a stable order.
        ranks = np.array([(far < far[other]).sum() + (far[:other] == far[other]).sum() for other in beside])
        trust[index] = 1 - 2 * np.maximum(0, ranks - near).sum() / (near * (2 * n - 3 * near - 1))
        recall[index] = np.mean(ranks <= near)
    return trust, recall


def _least(steps: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The `count` places with the fewest steps, equals by number."""
    found = np.flatnonzero(steps <= np.partition(steps, count)[count])
    return found[np.argsort(steps[found], kind="stable")][:count]


def _mean(values: NDArray[np.float64], exact: bool) -> Measure:
    error = 0.0 if exact else float(values.std(ddof=1) / math.sqrt(len(values)))
    return Measure(value=float(values.mean()), error=error)
