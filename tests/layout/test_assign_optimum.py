"""The assignment is the best there is, or next to it, and holes lie where they cost least."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from layout.assign import assign, fitted
from layout.grid import Grid, best_grid

METHODS = ["exact", "shufflesnap"]


def cost(points, cells, grid):
    """Squared displacement altogether, in cells."""
    return float(np.square(fitted(points, grid) - grid.centres(cells)).sum())


@st.composite
def clouds_on_grids(draw):
    """A cloud of any finite points, many of them alike at times, and a masked grid with room for them."""
    columns, rows = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    mask = draw(arrays.arrays(bool, (rows, columns)).filter(np.any))
    n = draw(st.integers(0, int(mask.sum())))
    points = draw(arrays.arrays(float, (n, 2), elements=st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0])))
    return points, Grid(columns=columns, rows=rows, mask=mask)


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=50)
@given(clouds_on_grids())
def test_any_cloud_has_an_open_cell_for_each_point_and_the_same_one_again(method, case):
    points, grid = case
    cells = assign(points, grid, method=method, seed=1)
    assert len(set(cells.tolist())) == len(points) == len(cells)
    assert grid.mask.ravel()[cells].all()
    assert assign(points, grid, method=method, seed=1).tolist() == cells.tolist()


@settings(deadline=None, max_examples=25)
@given(arrays.arrays(float, st.tuples(st.integers(1, 4), st.just(2)), elements=st.floats(-10, 10)))
def test_exact_is_as_good_as_trying_everything(points):
    grid = Grid(columns=3, rows=2)
    least = min(cost(points, np.array(cells), grid) for cells in permutations(range(6), len(points)))
    assert cost(points, assign(points, grid, method="exact"), grid) == pytest.approx(least, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_far_better_than_a_shuffle(method):
    generator = np.random.default_rng(0)
    points = np.concatenate([generator.normal(centre, 0.4, (101, 2)) for centre in generator.uniform(0, 5, (9, 2))])
    grid = best_grid(len(points), 1.618)
    shuffled = generator.permutation(grid.cells)[: len(points)]
    assert cost(points, assign(points, grid, method=method), grid) < 0.15 * cost(points, shuffled, grid)


def test_shufflesnap_comes_within_a_percent_of_the_least_cost_and_never_below():
    points = np.random.default_rng(3).normal(size=(997, 2))
    grid = best_grid(1000, 1.5)
    exact, snapped = (cost(points, assign(points, grid, method=method), grid) for method in METHODS)
    assert exact <= snapped * (1 + 1e-9)
    assert snapped < 1.01 * exact


def test_a_hole_lies_where_the_cloud_has_its_gap():
    grid = Grid(columns=5, rows=5)
    around = np.delete(grid.centres(), 12, axis=0)
    assert set(range(25)) - set(assign(around, grid).tolist()) == {12}


def test_a_tall_cloud_is_laid_down_for_a_wide_grid():
    cloud = fitted(Grid(columns=2, rows=8).centres(), Grid(columns=8, rows=2))
    assert np.ptp(cloud, axis=0).tolist() == pytest.approx([7, 1])


def test_one_factor_for_both_axes():
    points = np.random.default_rng(0).normal(size=(300, 2)) * [3, 2]
    cloud = fitted(points, Grid(columns=30, rows=10))
    ratio = np.ptp(cloud, axis=0) / np.ptp(points, axis=0)
    assert ratio[0] == pytest.approx(ratio[1])
    assert cloud.mean(axis=0).tolist() == pytest.approx([15, 5])


def test_large_layouts_are_snapped():
    points = np.random.default_rng(0).normal(size=(9_999, 2))
    grid = best_grid(len(points), 1.0)
    assert assign(points, grid).tolist() == assign(points, grid, method="shufflesnap").tolist()


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="method: expected 'auto', 'exact' or 'shufflesnap', got 'lapjv'"):
        assign(np.zeros((2, 2)), Grid(columns=2, rows=2), method="lapjv")
