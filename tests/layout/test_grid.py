from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layout.grid import Grid, best_grid


@given(n=st.integers(1, 200_000), aspect=st.floats(0.2, 5))
def test_every_image_fits_and_no_row_or_column_is_spare(n, aspect):
    grid = best_grid(n, aspect)
    assert grid.capacity >= n
    assert (grid.rows - 1) * grid.columns < n
    assert (grid.columns - 1) * grid.rows < n + grid.rows  # a hole or two, never two columns of them


@given(n=st.integers(500, 200_000), aspect=st.floats(0.3, 3))
def test_enough_images_come_near_the_aspect_with_few_holes(n, aspect):
    grid = best_grid(n, aspect)
    assert abs(math.log(grid.columns / grid.rows / aspect)) < 0.25
    assert (grid.capacity - n) / n < 0.05


@pytest.mark.parametrize(
    ("n", "shape"),
    [(0, (1, 1)), (1, (1, 1)), (2, (2, 1)), (3, (3, 1)), (4, (2, 2)), (5, (3, 2)), (13, (5, 3)), (1056, (44, 24))],
)
def test_shapes_at_the_golden_ratio(n, shape):
    grid = best_grid(n, 1.618)
    assert (grid.columns, grid.rows) == shape


def test_cells_are_numbered_row_by_row_and_closed_ones_left_out():
    grid = Grid(columns=3, rows=2, mask=np.array([[True, False, True], [True, True, False]]))
    assert grid.cells.tolist() == [0, 2, 3, 4]
    assert grid.capacity == 4
    assert grid.centres().tolist() == [[0.5, 0.5], [2.5, 0.5], [0.5, 1.5], [1.5, 1.5]]


def test_a_grid_does_not_change_with_the_mask_it_was_made_from():
    mask = np.ones((2, 2), bool)
    grid = Grid(columns=2, rows=2, mask=mask)
    mask[0, 0] = False
    assert grid.capacity == 4
    with pytest.raises(ValueError, match="read-only"):
        grid.mask[0, 0] = False


def test_impossible_grids_are_refused():
    with pytest.raises(ValueError, match="at least one column and one row, got 0 x 3"):
        Grid(columns=0, rows=3)
    with pytest.raises(ValueError, match=r"a mask of 3 rows and 2 columns, got shape \(2, 3\)"):
        Grid(columns=2, rows=3, mask=np.ones((2, 3), bool))
    with pytest.raises(ValueError, match="an aspect > 0, got n=5 and aspect=0"):
        best_grid(5, 0)
