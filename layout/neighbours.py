"""Distances, nearest neighbours, and the graph of them that umap lays out."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["fuzzy_graph", "nearest", "squared_distances", "umap_functions"]

_ROWS_AT_ONCE = 512
_EXACT_ROWS = 16_384
_TINY = 1e-6
_HALVINGS = 64
_LEAST_SCALE = 1e-3


def squared_distances(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """(len(some), len(others)) squared Euclidean distances, through one matrix product: for wide rows near the origin.

    What rounding leaves between equal rows is cut to 0, so that it does not order ties by chance.
    """
    lengths = [np.square(rows, dtype=np.float64).sum(axis=1).astype(np.float32) for rows in (some, others)]
    squared = some @ others.T
    squared *= -2
    squared += lengths[0][:, None]
    squared += lengths[1][None]
    longest = max((float(part.max()) for part in lengths if len(part)), default=0.0)
    squared[squared < _TINY * longest] = 0
    return squared


def nearest(features: NDArray[np.float32], k: int, *, seed: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """(n, k) rows of the `k` nearest of each row, itself first, and their Euclidean distances, ascending.

    Exact up to 16,384 rows; above, by nearest neighbour descent (pynndescent) from `seed`.
    """
    if len(features) > _EXACT_ROWS:
        state = np.random.RandomState(seed)
        rows, distances, _ = umap_functions().nearest_neighbors(features, k, "euclidean", {}, False, state, n_jobs=1)
        return np.asarray(rows, np.int32), np.asarray(distances, np.float32)
    centred = features - features.mean(axis=0)
    rows = np.empty((len(features), k), np.int32)
    distances = np.zeros((len(features), k), np.float32)
    for start in range(0, len(features), _ROWS_AT_ONCE):
        block = centred[start : start + _ROWS_AT_ONCE]
        own = np.arange(start, start + len(block))
        squared = squared_distances(block, centred)
        squared[np.arange(len(block)), own] = np.inf
        near = np.sort(np.argpartition(squared, k - 2, axis=1)[:, : k - 1], axis=1)
        exact = np.linalg.norm(centred[near] - block[:, None], axis=2)
        order = np.argsort(exact, axis=1, kind="stable")
        rows[own, 0] = own
        rows[own, 1:] = np.take_along_axis(near, order, axis=1)
        distances[own, 1:] = np.take_along_axis(exact, order, axis=1)
    return rows, distances


def fuzzy_graph(rows: NDArray[np.int32], distances: NDArray[np.float32]) -> Any:
    """The (n, n) sparse fuzzy union of umap, section 3.1 of McInnes et al. 2018 (https://arxiv.org/abs/1802.03426).

    umap's own function gives the same, after several seconds of compiling in every process; this one is numpy.
    """
    from scipy.sparse import coo_array  # noqa: PLC0415 - heavy

    n, k = rows.shape
    to_others = distances[:, 1:].astype(np.float64)
    nearest_other = np.where(distances > 0, distances, np.inf).min(axis=1)
    nearest_other[~np.isfinite(nearest_other)] = 0
    beyond = np.maximum(0, to_others - nearest_other[:, None])
    weights = np.exp(-beyond / _bandwidths(beyond, distances, nearest_other)[:, None])
    heads = np.repeat(np.arange(n), k - 1)
    directed = coo_array((weights.ravel(), (heads, rows[:, 1:].ravel())), shape=(n, n)).tocsr()
    mirrored = directed.T.tocsr()
    union = directed + mirrored - directed.multiply(mirrored)
    union.eliminate_zeros()
    return union.tocsr()


def _bandwidths(
    beyond: NDArray[np.float64], distances: NDArray[np.float32], nearest_other: NDArray[np.floating]
) -> NDArray[np.float64]:
    """(n,) scales under which the weights of each row's neighbours sum to log2(k), bounded from below as in umap."""
    target = np.log2(distances.shape[1])
    low, high = np.zeros(len(beyond)), np.full(len(beyond), np.inf)
    scale = np.ones(len(beyond))
    for _ in range(_HALVINGS):
        too_wide = np.exp(-beyond / scale[:, None]).sum(axis=1) > target
        high[too_wide], low[~too_wide] = scale[too_wide], scale[~too_wide]
        scale = np.where(np.isinf(high), scale * 2, (low + np.where(np.isinf(high), 0, high)) / 2)
    floor = np.where(nearest_other > 0, distances.mean(axis=1), distances.mean())
    return np.asarray(np.maximum(scale, np.maximum(_LEAST_SCALE * floor, np.finfo(np.float64).tiny)), np.float64)


def umap_functions() -> Any:
    """The module `umap.umap_`, seconds in importing, without its warning that TensorFlow is missing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap import umap_  # noqa: PLC0415
    return umap_
