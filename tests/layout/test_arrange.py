"""From features straight to the grid, and layouts that go on growing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layout.arrange import arrange
from layout.assign import assign
from layout.grid import Grid, best_grid
from layout.grow import grow
from layout.metrics import distance_preservation
from layout.project import project

METHODS = ["refine", "flas"]


@given(st.integers(0, 40), st.integers(0, 9), st.sampled_from(METHODS), st.data())
@settings(deadline=None, max_examples=30)
def test_each_image_has_an_open_cell_of_its_own_and_pins_theirs(n, seed, method, data):
    rng = np.random.default_rng(seed)
    mask = np.ones((8, 9), np.bool_)
    mask.ravel()[rng.permutation(72)[:30]] = False
    grid = Grid(columns=9, rows=8, mask=mask)
    rows = data.draw(st.lists(st.integers(0, max(0, n - 1)), max_size=min(n, 3), unique=True))
    pins = {row: int(cell) for row, cell in zip(rows, rng.permutation(grid.cells), strict=False)}
    cells = arrange(rng.normal(size=(n, 3)), grid, method=method, pins=pins, tries=5, seed=seed)
    assert len(set(cells.tolist())) == len(cells) == n
    assert set(cells.tolist()) <= set(grid.cells.tolist())
    assert all(cells[row] == cell for row, cell in pins.items())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [0, 1, 2, 97])
def test_the_same_seed_gives_the_same_cells(method, n, colours):
    grid = best_grid(n, 1.618)
    one, other = (arrange(colours[:n], grid, method=method, tries=20, seed=3) for _ in range(2))
    assert one.tolist() == other.tolist()


@pytest.mark.parametrize("method", METHODS)
def test_images_all_alike_fill_the_grid(method):
    assert sorted(arrange(np.full((12, 5), 0.2), Grid(columns=4, rows=3), method=method)) == list(range(12))


def test_straight_sorting_is_beaten_as_is_snapping_and_umap(colours):
    grid = best_grid(len(colours), 1.0)
    ours = arrange(colours, grid, tries=300)
    flas = arrange(colours, grid, method="flas")
    snapped = assign(project(colours, method="umap", seed=0), grid)
    best = max(distance_preservation(colours, cells, grid) for cells in (flas, snapped))
    assert distance_preservation(colours, ours, grid) > best + 0.01


@pytest.mark.parametrize(
    ("method", "n", "said"),
    [
        ("refine", 13, "13 images do not fit into 12 open cells: choose a larger grid"),
        ("som", 3, "method: expected 'refine' or 'flas', got 'som'"),
    ],
)
def test_what_cannot_be_arranged_is_refused(method, n, said, colours):
    with pytest.raises(ValueError, match=f"^{said}$"):
        arrange(colours[:n], Grid(columns=4, rows=3), method=method)


def test_one_percent_more_moves_few_and_stays_within_a_percent_of_a_fresh_layout(colours):
    rng = np.random.default_rng(0)
    known = np.sort(rng.permutation(len(colours))[: len(colours) - 10])
    before = np.full(len(colours), -1)
    before[known] = arrange(colours[known], Grid(columns=32, rows=32), tries=400)
    grid = Grid(columns=32, rows=33)

    grown = grow(colours, before, grid, tries=100)

    fresh = arrange(colours, grid, tries=400)
    qualities = [distance_preservation(colours, cells, grid) for cells in (grown.cells, fresh)]
    assert qualities[0] > 0.99 * qualities[1]
    assert grown.moved < 0.05
    assert grown.moved == np.mean(grown.cells[known] != before[known])
    assert len(set(grown.cells.tolist())) == len(colours)


def test_images_that_are_taken_down_leave_holes(colours):
    grid = Grid(columns=32, rows=32)
    before = arrange(colours, grid, tries=100)
    left = np.delete(np.arange(len(colours)), [3, 99, 500])
    grown = grow(colours[left], before[left], grid, tries=50)
    assert grown.moved < 0.05
    assert len(set(grown.cells.tolist())) == len(left)


@given(st.integers(0, 30), st.integers(0, 9), st.integers(0, 9))
@settings(deadline=None, max_examples=30)
def test_growing_keeps_every_image_and_every_pin(old, new, seed):
    rng = np.random.default_rng(seed)
    mask = np.ones((7, 8), np.bool_)
    mask.ravel()[rng.permutation(56)[:10]] = False
    grid = Grid(columns=8, rows=7, mask=mask)
    before = np.concatenate([rng.permutation(grid.cells)[:old], np.full(new, -1)]).astype(np.int64)
    pins = {0: int(before[0])} if old else {}
    cells = grow(rng.normal(size=(old + new, 3)), before, grid, pins=pins, tries=10, seed=seed).cells
    assert len(set(cells.tolist())) == old + new
    assert set(cells.tolist()) <= set(grid.cells.tolist())
    assert all(cells[row] == cell for row, cell in pins.items())


@pytest.mark.parametrize(
    ("before", "pins", "said"),
    [
        ([0, 1, -1, -1, -1, -1], {}, "4 new images do not fit into 3 empty cells: add rows to the grid"),
        ([0, 0, -1, -1, -1, -1], {}, "two images in one cell, or one in a cell that is closed or not on the grid"),
        ([0, 5, -1, -1, -1, -1], {}, "two images in one cell, or one in a cell that is closed or not on the grid"),
        ([0, 1], {}, "expected one cell for each row of features, -1 for new ones, got 2 for 6"),
        ([0, 1, -1, -1, -1, -1], {2: 3}, "pins: row 2 does not lie in cell 3"),
    ],
)
def test_what_cannot_grow_is_refused(before, pins, said, colours):
    mask = np.array([[True, True, True], [True, True, False]])
    with pytest.raises(ValueError, match=f"^{said}$"):
        grow(colours[:6], np.array(before), Grid(3, 2, mask), pins=pins)
