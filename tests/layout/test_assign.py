"""Every image in a cell of its own, near where the cloud had it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from layout.assign import Method, assign
from layout.grid import Grid, best_grid
from layout.metrics import mean_displacement

METHODS: list[Method] = ["exact", "shufflesnap"]


def cloud(n: int, seed: int) -> NDArray[np.float64]:
    """Clusters, as a projection makes them."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(5, 2))[rng.integers(0, 5, n)] + rng.normal(scale=0.1, size=(n, 2))


@st.composite
def masked_grids(draw: st.DrawFn) -> tuple[Grid, int]:
    columns, rows = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    cells = draw(st.lists(st.booleans(), min_size=columns * rows, max_size=columns * rows))
    grid = Grid(columns=columns, rows=rows, mask=np.array(cells).reshape(rows, columns))
    return grid, draw(st.integers(0, grid.capacity))


@given(masked_grids(), st.integers(0, 9), st.sampled_from(METHODS))
@settings(deadline=None, max_examples=60)
def test_each_image_has_an_open_cell_of_its_own(case: tuple[Grid, int], seed: int, method: Method) -> None:
    grid, n = case
    cells = assign(cloud(n, seed), grid, method=method, seed=seed)
    assert cells.shape == (n,)
    assert len(set(cells.tolist())) == n
    assert set(cells.tolist()) <= set(grid.cells.tolist())


@given(masked_grids(), st.data(), st.sampled_from(METHODS))
@settings(deadline=None, max_examples=40)
def test_pins_are_kept_and_the_others_lie_around_them(
    case: tuple[Grid, int], data: st.DataObject, method: Method
) -> None:
    grid, n = case
    rows = data.draw(st.lists(st.integers(0, max(0, n - 1)), max_size=min(n, 4), unique=True))
    cells = data.draw(st.permutations(grid.cells.tolist()))
    pins = dict(zip(rows, cells, strict=False))
    found = assign(cloud(n, 1), grid, method=method, pins=pins, seed=1)
    assert all(found[row] == cell for row, cell in pins.items())
    assert len(set(found.tolist())) == n
    assert set(found.tolist()) <= set(grid.cells.tolist())


@pytest.mark.parametrize(
    ("pins", "said"),
    [
        ({4: 0}, "there is no row 4 among 4 images"),
        ({0: 1}, "cell 1 of row 0 is closed, or not on the grid"),
        ({0: 6}, "cell 6 of row 0 is closed, or not on the grid"),
        ({0: 2, 3: 2}, "rows 0 and 3 are both pinned to cell 2"),
    ],
)
def test_refuses_pins_that_cannot_be_kept(pins: dict[int, int], said: str) -> None:
    grid = Grid(columns=3, rows=2, mask=np.array([[True, False, True], [True, True, True]]))
    with pytest.raises(ValueError, match=f"^pins: {said}$"):
        assign(np.zeros((4, 2)), grid, pins=pins)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 97, 211])
def test_same_points_and_seed_give_the_same_cells(n: int, method: Method) -> None:
    grid = best_grid(n, 1.618)
    one, other = (assign(cloud(n, 3), grid, method=method, seed=5) for _ in range(2))
    assert one.tolist() == other.tolist()


@pytest.mark.parametrize("method", METHODS)
def test_images_stay_twice_as_near_as_shuffled(method: Method) -> None:
    points, grid = cloud(397, 1), best_grid(397, 1.618)
    cells = assign(points, grid, method=method, seed=1)
    shuffled = np.random.default_rng(1).permutation(grid.cells)[:397]
    assert mean_displacement(points, cells, grid) < mean_displacement(points, shuffled, grid) / 2


def test_points_on_cells_stay_there() -> None:
    grid = Grid(columns=5, rows=3)
    assert assign(grid.centres() * 7 + 2, grid, seed=0).tolist() == grid.cells.tolist()


def test_shufflesnap_comes_within_two_percent_of_the_optimum() -> None:
    points, grid = cloud(300, 2), best_grid(300, 1.0)
    costs = [mean_displacement(points, assign(points, grid, method=method, seed=0), grid) for method in METHODS]
    assert costs[1] <= costs[0] * 1.02


@pytest.mark.parametrize("method", METHODS)
def test_points_all_alike_still_fill_the_grid(method: Method) -> None:
    assert sorted(assign(np.full((12, 2), 0.5), Grid(columns=4, rows=3), method=method).tolist()) == list(range(12))


def test_no_images_have_no_cells() -> None:
    assert assign(np.empty((0, 2)), best_grid(0, 1.6)).tolist() == []


def test_refuses_points_that_are_not_finite() -> None:
    points = np.zeros((4, 2))
    points[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"^1 points are not finite, the first of them in row 2$"):
        assign(points, Grid(columns=2, rows=2))


def test_refuses_more_images_than_cells() -> None:
    with pytest.raises(ValueError, match=r"^5 images do not fit into 4 open cells: choose a larger grid$"):
        assign(np.zeros((5, 2)), Grid(columns=2, rows=2))
