from __future__ import annotations

import numpy as np
import pytest
from sklearn import manifold
from sklearn.datasets import load_digits

from layout.assign import assign
from layout.grid import Grid, best_grid, grid_of
from layout.metrics import distance_preservation, mean_displacement, quality, trustworthiness
from layout.project import project
from layout.stencil import shape_stencil, stencil_grid


@pytest.fixture(scope="module")
def colours():
    """1,024 random RGB colours, the plainest set in the literature on sorted grids."""
    return np.random.default_rng(0).random((1024, 3), dtype=np.float32)


HEXAGONS = Grid(columns=6, rows=4, hexagonal=True)
CIRCLE = stencil_grid(shape_stencil("circle"), 24)
CIRCLE_OF_HEXAGONS = stencil_grid(shape_stencil("circle"), 24, hexagonal=True)


def steps_between(cells, grid):
    """How far cells lie apart in the plane, equals as equals."""
    places = grid.centres(cells)
    return np.linalg.norm(places[:, None] - places[None], axis=2).round(6)


def by_the_definition(features, cells, grid, p=16):
    """Distance preservation quality, one loop for each word of Barthel et al. 2022."""
    n = len(features)
    far = np.linalg.norm(features[:, None] - features[None], axis=2)
    apart = steps_between(cells, grid)
    mean = far.sum() / (n * (n - 1))
    gains = {"grid": [], "truly": []}
    for k in range(1, n):
        on_grid, truly = [], []
        for i in range(n):
            others = [j for j in range(n) if j != i]
            on_grid.append(np.mean([far[i, j] for j in sorted(others, key=lambda j: (apart[i, j], far[i, j]))[:k]]))
            truly.append(np.mean(sorted(far[i, j] for j in others)[:k]))
        gains["grid"].append(max(0, (mean - np.mean(on_grid)) / mean))
        gains["truly"].append(max(0, (mean - np.mean(truly)) / mean))
    return np.linalg.norm(gains["grid"], p) / np.linalg.norm(gains["truly"], p)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("grid", [Grid(columns=6, rows=4), HEXAGONS, CIRCLE, CIRCLE_OF_HEXAGONS])
def test_quality_is_that_of_the_definition(seed, grid, colours):
    few = colours[:23]
    cells = np.random.default_rng(seed).permutation(grid.cells)[:23]
    assert distance_preservation(few, cells, grid) == pytest.approx(by_the_definition(few, cells, grid), rel=1e-4)


@pytest.mark.parametrize("hexagonal", [False, True])
def test_a_grid_in_the_plane_is_preserved_whole(hexagonal):
    grid = Grid(columns=12, rows=9, hexagonal=hexagonal)
    assert distance_preservation(grid.centres(), grid.cells, grid) == pytest.approx(1)


def test_a_shuffle_gains_only_by_the_order_among_equally_near_ones(colours):
    grid = best_grid(len(colours), 1.0)
    shuffled = np.random.default_rng(0).permutation(grid.cells)
    assert distance_preservation(colours, shuffled, grid) < 0.4


@pytest.mark.parametrize(("method", "least", "most"), [("umap", 0.90, 0.94), ("pca", 0.60, 0.90)])
def test_random_colours_reach_what_is_published(method, least, most, colours):
    grid = best_grid(len(colours), 1.0)
    cells = assign(project(colours, method=method, seed=0), grid)
    assert least < distance_preservation(colours, cells, grid) < most


def test_digits_on_their_principal_plane_reach_what_is_known():
    digits = load_digits().data[:1764].astype(np.float32)
    grid = Grid(columns=42, rows=42)
    cells = assign(project(digits, method="pca", seed=0), grid)
    assert distance_preservation(digits, cells, grid) == pytest.approx(0.62, abs=0.03)


def test_a_sample_stands_for_the_whole(colours):
    grid = best_grid(len(colours), 1.0)
    cells = assign(project(colours, method="pca", seed=0), grid)
    whole = distance_preservation(colours, cells, grid)
    sampled = [distance_preservation(colours, cells, grid, sample=400, seed=seed) for seed in (0, 0, 1)]
    assert sampled[0] == sampled[1] != sampled[2]
    assert sampled == pytest.approx([whole] * 3, abs=0.02)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_so_few_images_cannot_be_misplaced(n, colours):
    grid = best_grid(n, 1.0)
    cells = np.arange(n)
    assert distance_preservation(colours[:n], cells, grid) == 1
    assert trustworthiness(colours[:n], cells, grid) == 1


def test_images_all_alike_cannot_be_misplaced():
    grid = Grid(columns=4, rows=3)
    assert distance_preservation(np.full((12, 7), 0.1), grid.cells, grid) == 1


def test_displacement_is_in_cells():
    grid = Grid(columns=4, rows=1)
    assert mean_displacement(grid.centres(), np.array([0, 1, 2, 3]), grid) == pytest.approx(0)
    assert mean_displacement(grid.centres(), np.array([1, 0, 3, 2]), grid) == pytest.approx(1)
    assert mean_displacement(np.empty((0, 2)), np.empty(0, int), grid) == 0


@pytest.mark.parametrize("n", [5, 24, 300])
@pytest.mark.parametrize("hexagonal", [False, True])
def test_trust_is_that_of_scikit_learn(n, hexagonal, colours):
    grid = grid_of(n, aspect=1.0, hexagonal=hexagonal)
    cells = np.random.default_rng(n).permutation(grid.cells)[:n]
    # Ties on the grid are broken by number: here by an axis for each image, on which it alone is a little away.
    places = np.hstack([grid.centres(cells), np.diag(np.sqrt(np.arange(n) * 1e-9))])
    neighbours = min(8, (n - 1) // 2)
    expected = manifold.trustworthiness(colours[:n], places, n_neighbors=neighbours)
    assert trustworthiness(colours[:n], cells, grid) == pytest.approx(expected, abs=0.01)


def test_trust_tells_a_layout_from_a_shuffle(colours):
    grid = best_grid(len(colours), 1.0)
    cells = assign(project(colours, method="pca", seed=0), grid)
    shuffled = np.random.default_rng(0).permutation(grid.cells)
    assert trustworthiness(colours, cells, grid) > 0.8
    assert trustworthiness(colours, shuffled, grid) < 0.6


def test_features_and_cells_must_match(colours):
    with pytest.raises(ValueError, match="expected one cell for each row of features, got 3 for 4"):
        distance_preservation(colours[:4], np.arange(3), Grid(columns=2, rows=2))


def test_all_figures_in_one_pass_are_those_of_their_own_functions(colours):
    few, grid = colours[:300], Grid(columns=20, rows=15)
    cells = np.random.default_rng(0).permutation(300)
    found = quality(few, cells, grid)
    assert found.distance_preservation.value == pytest.approx(distance_preservation(few, cells, grid))
    assert found.trustworthiness.value == pytest.approx(trustworthiness(few, cells, grid))
    assert (found.distance_preservation.error, found.drawn, found.neighbours) == (0, 300, 8)


@pytest.mark.parametrize("hexagonal", [False, True])
@pytest.mark.parametrize("shape", [None, "ring"])
def test_recall_is_the_share_of_nearest_images_among_the_nearest_cells(hexagonal, shape, colours):
    few, grid = colours[:60], Grid(columns=10, rows=6, hexagonal=hexagonal)
    if shape is not None:
        grid = stencil_grid(shape_stencil(shape), 60, hexagonal=hexagonal)
    cells = np.random.default_rng(0).permutation(grid.cells)
    far = np.linalg.norm(few[:, None] - few[None], axis=2)
    steps = steps_between(cells, grid)
    near, beside = (np.argsort(apart, axis=1, kind="stable")[:, 1:9] for apart in (far, steps))
    expected = np.mean([len(set(a) & set(b)) / 8 for a, b in zip(near, beside, strict=True)])
    assert quality(few, cells, grid).recall.value == pytest.approx(expected)


def test_errors_say_how_far_a_sample_is_off(colours):
    grid = best_grid(len(colours), 1.0)
    cells = assign(project(colours, method="pca", seed=0), grid)
    whole = quality(colours, cells, grid)
    drawn = [quality(colours, cells, grid, sample=320, seed=seed) for seed in range(10)]
    assert {found.drawn for found in drawn} == {100}
    for name in ("distance_preservation", "trustworthiness", "recall"):
        truth = getattr(whole, name).value
        off = [abs(getattr(found, name).value - truth) / getattr(found, name).error for found in drawn]
        assert np.median(off) < 2, name
        assert all(getattr(found, name).error < 0.05 for found in drawn)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_so_few_have_no_quality_to_lose(n, colours):
    found = quality(colours[:n], np.arange(n), best_grid(n, 1.0))
    assert (found.distance_preservation.value, found.trustworthiness.value, found.recall.value) == (1, 1, 1)
