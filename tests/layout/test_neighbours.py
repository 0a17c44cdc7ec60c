from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from layout.neighbours import fuzzy_graph, nearest, squared_distances, umap_functions


@pytest.fixture(scope="module")
def colours():
    """1,024 random RGB colours, the plainest set in the literature on sorted grids."""
    return np.random.default_rng(0).random((1024, 3), dtype=np.float32)


def test_distances_are_those_of_the_definition(colours):
    squared = squared_distances(colours[:50], colours)
    np.testing.assert_allclose(squared, cdist(colours[:50], colours, "sqeuclidean"), atol=1e-5)


def test_equal_rows_are_at_distance_zero_exactly():
    rows = np.repeat(np.random.default_rng(0).random((5, 300), dtype=np.float32), 2, axis=0)
    assert squared_distances(rows, rows)[::2, 1::2].diagonal().tolist() == [0] * 5


def test_nearest_agree_with_sorting_all_distances(colours):
    rows, distances = nearest(colours, 15, seed=0)
    everything = cdist(colours, colours)
    np.testing.assert_allclose(distances, np.sort(everything, axis=1)[:, :15], atol=1e-6)
    assert (rows[:, 0] == np.arange(len(colours))).all()
    assert all(len(set(row)) == 15 for row in rows.tolist())


def test_the_fuzzy_graph_is_that_of_umap(colours):
    few = np.vstack([colours[:100], colours[:20]])  # some of them twice
    rows, distances = nearest(few, 15, seed=0)
    umap = umap_functions()  # its functions are run uncompiled: compiling takes longer
    scales, offsets = umap.smooth_knn_dist.py_func(distances, 15.0)
    heads, tails, weights, _ = umap.compute_membership_strengths.py_func(rows, distances, scales, offsets)
    directed = np.zeros((120, 120))
    directed[heads, tails] = weights
    union = directed + directed.T - directed * directed.T
    np.testing.assert_allclose(fuzzy_graph(rows, distances).toarray(), union, atol=1e-4)
