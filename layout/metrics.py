"""How good a mosaic is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layout.assign import fitted
from layout.grid import Grid
from layout.neighbours import squared_distances

__all__ = ["distance_preservation", "mean_displacement", "trustworthiness"]

_ROWS_AT_ONCE = 256


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
    feature distance), and h_k that to the k truly nearest images, both averaged over all images, and m the mean
    distance altogether: DPQ_p = |max(0, (m - d) / m)|_p / |max(0, (m - h) / m)|_p over k = 1 .. n - 1. A random
    layout is near 0. Time and memory grow with the square of n, so above `sample` images it is taken over that many of
    them, drawn with `seed`, as if the others were not there. Fewer than three images, or images all alike, give 1.
    """
    if len(features) != len(cells):
        raise ValueError(f"expected one cell for each row of features, got {len(cells)} for {len(features)}")
    chosen = np.arange(len(features))
    if len(features) > sample:
        chosen = np.sort(np.random.default_rng(seed).choice(len(features), sample, replace=False))
    distances = _distances(np.asarray(features[chosen], np.float32))
    n = len(distances)
    mean = float(distances.sum()) / max(1, n * (n - 1))
    if n < 3 or mean == 0:
        return 1.0
    places = np.stack(grid.rows_columns(np.asarray(cells)[chosen]), axis=1)
    on_grid, truly = np.zeros(n - 1), np.zeros(n - 1)
    tie_break = 0.5 / float(distances.max())
    for start in range(0, n, _ROWS_AT_ONCE):
        block = distances[start : start + _ROWS_AT_ONCE].astype(np.float64)
        steps = np.square(places[start : start + _ROWS_AT_ONCE, None] - places[None]).sum(axis=2)
        # Squared steps are whole numbers: half a step of room below each orders equals by feature distance, and gives
        # the distance back after sorting. An image itself is the only one at step 0, so that it comes first.
        key = np.sort(steps + block * tie_break, axis=1)[:, 1:]
        on_grid += ((key - np.floor(key)) / tie_break).sum(axis=0)
        truly += np.sort(block, axis=1)[:, 1:].sum(axis=0)
    nearest = np.arange(1, n)
    gains = [np.maximum(0, 1 - np.cumsum(sums) / (nearest * n * mean)) for sums in (on_grid, truly)]
    achieved, possible = (float(np.linalg.norm(gain, ord=p)) for gain in gains)
    return achieved / possible if possible else 1.0


def _distances(features: NDArray[np.float32]) -> NDArray[np.float32]:
    if not len(features):
        return np.zeros((0, 0), np.float32)
    centred = features - features.mean(axis=0)
    squared = squared_distances(centred, centred)
    np.fill_diagonal(squared, 0)
    return np.asarray(np.sqrt(squared, out=squared), np.float32)


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
    from sklearn import manifold  # noqa: PLC0415 - heavy, comes with umap-learn

    chosen = np.arange(len(features))
    if len(features) > sample:
        chosen = np.sort(np.random.default_rng(seed).choice(len(features), sample, replace=False))
    neighbours = min(neighbours, (len(chosen) - 1) // 2)
    if neighbours < 1:
        return 1.0
    places = grid.centres(np.asarray(cells)[chosen])
    return float(manifold.trustworthiness(features[chosen], places, n_neighbors=neighbours))
