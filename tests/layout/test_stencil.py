"""Grids in a shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from layout.grid import ROW_OF_HEXAGONS, Grid, grid_of
from layout.stencil import SHAPES, picture_stencil, shape_stencil, stencil_grid, text_stencil


def drawn(grid: Grid) -> list[str]:
    return ["".join(".#"[int(cell)] for cell in row) for row in grid.mask]


@given(n=st.integers(0, 3_000), shape=st.sampled_from(sorted(SHAPES)), hexagonal=st.booleans())
@settings(deadline=None, max_examples=40)
def test_a_shape_has_just_as_many_cells_as_there_are_images(n: int, shape: str, hexagonal: bool) -> None:
    grid = stencil_grid(shape_stencil(shape), n, hexagonal=hexagonal)

    assert grid.capacity == max(n, 1)


@given(n=st.integers(0, 500), columns=st.integers(1, 60), shape=st.sampled_from(sorted(SHAPES)))
@settings(deadline=None, max_examples=40)
def test_fixed_columns_are_kept_or_refused_with_columns_that_do(n: int, columns: int, shape: str) -> None:
    try:
        grid = stencil_grid(shape_stencil(shape), n, columns=columns)
    except ValueError as error:
        enough = int(str(error).rpartition("choose ")[2].split()[0])
        grid, columns = stencil_grid(shape_stencil(shape), n, columns=enough), enough
    assert grid.columns == columns
    assert grid.capacity >= n


def test_a_circle_is_round() -> None:
    grid = stencil_grid(shape_stencil("circle"), 1_000)
    centres = grid.centres() - np.array([grid.columns, grid.rows]) / 2

    assert grid.columns == grid.rows
    assert np.hypot(*centres.T).max() < (1_000 / np.pi) ** 0.5 + 0.75


def test_a_letter_is_itself() -> None:
    rows = drawn(stencil_grid(text_stencil("L"), 60, columns=12))

    upright, foot = rows[0], rows[-1]
    assert rows[: len(rows) // 2] == [upright] * (len(rows) // 2)
    assert upright.lstrip("#") == "." * upright.count(".")
    assert foot == "#" * 12


def test_letters_stand_apart_and_lines_below_each_other() -> None:
    word, two = stencil_grid(text_stencil("ill"), 300), stencil_grid(text_stencil("il\nli"), 300)

    assert (~word.mask.any(axis=0)).sum() >= 2
    assert (~two.mask.any(axis=1)).any()


@pytest.mark.parametrize(
    ("paper", "figure"), [("white", "black"), ("black", "white"), ((0, 0, 0, 0), (200, 180, 90, 255))]
)
def test_a_silhouette_is_what_stands_out(paper: object, figure: object) -> None:
    picture = Image.new("RGBA", (300, 200), paper)
    ImageDraw.Draw(picture).rectangle((50, 40, 249, 139), fill=figure)

    grid = stencil_grid(picture_stencil(picture), 50)

    assert (grid.columns, grid.rows, grid.capacity) == (10, 5, 50)


def test_what_is_no_silhouette_is_refused() -> None:
    expected = "^nothing in the picture stands out as dark: expected a silhouette, such as black on white$"
    with pytest.raises(ValueError, match=expected):
        picture_stencil(Image.new("L", (20, 20), 255))
    with pytest.raises(ValueError, match=r"^' ' has no letters to see$"):
        text_stencil(" ")
    with pytest.raises(ValueError, match=r"^4 columns and 4 rows leave 16 cells in this shape, and there are 40"):
        stencil_grid(shape_stencil("circle"), 40, columns=4)


def test_hexagons_have_six_neighbours_at_one_distance() -> None:
    grid = Grid(5, 5, hexagonal=True)
    steps = np.linalg.norm(grid.centres() - grid.centres(np.array([12])), axis=1)

    assert np.isclose(steps, 1).sum() == 6
    assert steps[steps > 1.01].min() == pytest.approx(3**0.5)


def test_a_picture_of_hexagons_has_the_aspect_asked_for() -> None:
    grid = grid_of(1_000, aspect=1.5, hexagonal=True)

    assert grid.columns / (grid.rows * ROW_OF_HEXAGONS) == pytest.approx(1.5, rel=0.17)


def test_fixed_columns_and_rows() -> None:
    shapes = [grid_of(10, aspect=9, columns=3), grid_of(10, aspect=9, rows=3), grid_of(10, aspect=9, columns=5, rows=4)]

    assert [(grid.columns, grid.rows) for grid in shapes] == [(3, 4), (4, 3), (5, 4)]
    with pytest.raises(ValueError, match=r"^3 columns and 3 rows hold 9 images, and there are 10$"):
        grid_of(10, aspect=1, columns=3, rows=3)
