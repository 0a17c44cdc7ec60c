"""How good a mosaic is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layout.assign import fitted
from layout.grid import Grid
from layout.neighbours import squared_distances

__all__ = ["distance_preservation", "mean_displacement", "trustworthiness"]

_PAIRS_AT_ONCE = 1_500_000
_LEAST_DRAWN = 100


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
    drawn = np.arange(n)
    if n > sample:
        drawn = np.sort(np.random.default_rng(seed).choice(n, min(n, max(_LEAST_DRAWN, sample**2 // n)), replace=False))
    centred = np.asarray(features, np.float32)
    centred = centred - centred.mean(axis=0)
    places = np.stack(grid.rows_columns(cells), axis=1)
    on_grid, truly = np.zeros(n - 1), np.zeros(n - 1)
    at_once = max(1, _PAIRS_AT_ONCE // n)
    for rows in np.split(drawn, range(at_once, len(drawn), at_once)):
        distances = np.sqrt(squared_distances(centred[rows], centred)).astype(np.float64)
        distances[np.arange(len(rows)), rows] = 0
        steps = np.square(places[rows, None] - places[None]).sum(axis=2)
        tie_break = 0.5 / (float(distances.max()) or 1.0)
        # Squared steps are whole numbers: half a step of room above each orders equals by feature distance, and gives
        # the distance back after sorting. An image itself is the only one at step 0, so that it comes first.
        key = np.sort(steps + distances * tie_break, axis=1)[:, 1:]
        on_grid += ((key - np.floor(key)) / tie_break).sum(axis=0)
        truly += np.sort(distances, axis=1)[:, 1:].sum(axis=0)
    mean = truly.sum() / (len(drawn) * (n - 1))
    if mean == 0:
        return 1.0
    nearest = np.arange(1, n) * len(drawn)
    gains = [np.maximum(0, 1 - np.cumsum(sums) / (nearest * mean)) for sums in (on_grid, truly)]
    achieved, possible = (float(np.linalg.norm(gain, ord=p)) for gain in gains)
    return achieved / possible if possible else 1.0


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

    Taken over at most `sample` images drawn with `seed`. Fewer than three images give 1.
    """
    chosen = np.arange(len(features))
    if len(features) > sample:
        chosen = np.sort(np.random.default_rng(seed).choice(len(features), sample, replace=False))
    n = len(chosen)
    neighbours = min(neighbours, (n - 1) // 2)
    if neighbours < 1:
        return 1.0
    centred = np.asarray(features[chosen], np.float32)
    centred = centred - centred.mean(axis=0)
    places = np.stack(grid.rows_columns(np.asarray(cells)[chosen]), axis=1)
    excess = 0
    at_once = max(1, _PAIRS_AT_ONCE // n)
    for rows in np.split(np.arange(n), range(at_once, n, at_once)):
        steps = np.square(places[rows, None] - places[None]).sum(axis=2)
        near = np.argsort(steps, axis=1, kind="stable")[:, 1 : neighbours + 1]  # an image itself is at step 0
        distances = squared_distances(centred[rows], centred)
        distances[np.arange(len(rows)), rows] = -1
        ranks = np.argsort(np.argsort(distances, axis=1, kind="stable"), axis=1, kind="stable")
        excess += int(np.maximum(0, np.take_along_axis(ranks, near, axis=1) - neighbours).sum())
    return 1 - 2 * excess / (n * neighbours * (2 * n - 3 * neighbours - 1))
