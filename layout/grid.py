"""The grid that a mosaic is laid on: a rectangle of cells, square or hexagonal, some of which may be closed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ROW_OF_HEXAGONS", "Grid", "best_grid", "grid_of"]

ROW_OF_HEXAGONS = math.sqrt(3) / 2
"""How far rows of hexagons lie apart, where neighbours in a row have a distance of 1."""

_FREE_DEVIATION = 0.15
_HOLE_WEIGHT = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """`columns` x `rows` cells, numbered row by row from the top left.

    `mask` is a (rows, columns) array, True where an image may lie; without one, every cell may hold an image. Which of
    the open cells stay empty is for the assignment to say. `hexagonal` cells stand on a corner, and every other row,
    from the second on, lies half a cell to the right. Raises ValueError for a mask of another shape.
    """

    columns: int
    rows: int
    mask: NDArray[np.bool_]
    hexagonal: bool

    def __init__(
        self, columns: int, rows: int, mask: NDArray[np.bool_] | None = None, *, hexagonal: bool = False
    ) -> None:
        if columns < 1 or rows < 1:
            raise ValueError(f"expected at least one column and one row, got {columns} x {rows}")
        open_cells = np.ones((rows, columns), np.bool_) if mask is None else np.array(mask, np.bool_)
        if open_cells.shape != (rows, columns):
            raise ValueError(f"expected a mask of {rows} rows and {columns} columns, got shape {open_cells.shape}")
        open_cells.setflags(write=False)
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "mask", open_cells)
        object.__setattr__(self, "hexagonal", hexagonal)

    @property
    def cells(self) -> NDArray[np.int64]:
        """Numbers of the open cells, ascending."""
        return np.flatnonzero(self.mask).astype(np.int64)

    @property
    def capacity(self) -> int:
        """How many images the open cells can hold."""
        return int(self.mask.sum())

    def centres(self, cells: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """(n, 2) centres x, y of `cells`, by default of the open ones, where a cell is 1 wide and y points down."""
        row, column = self.rows_columns(self.cells if cells is None else cells)
        if self.hexagonal:
            return np.stack([column + 0.5 + row % 2 / 2, (row + 0.5) * ROW_OF_HEXAGONS], axis=1).astype(np.float64)
        return np.stack([column + 0.5, row + 0.5], axis=1).astype(np.float64)

    @property
    def extent(self) -> NDArray[np.float64]:
        """Width and height of the grid, in the units of `centres`."""
        if self.hexagonal:
            return np.array([self.columns + (0.5 if self.rows > 1 else 0.0), self.rows * ROW_OF_HEXAGONS])
        return np.array([self.columns, self.rows], np.float64)

    def rows_columns(self, cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of each of `cells`."""
        row, column = np.divmod(np.asarray(cells, np.int64), self.columns)
        return row, column


def grid_of(
    n: int,
    *,
    aspect: float,
    columns: int | None = None,
    rows: int | None = None,
    hexagonal: bool = False,
) -> Grid:
    """The rectangle for `n` images: with so many `columns` or `rows` where they are fixed, else near `aspect`.

    `aspect` is width / height of the picture. Raises ValueError where both are fixed and `n` images do not fit.
    """
    if columns is not None and rows is not None:
        if columns * rows < n:
            raise ValueError(f"{columns} columns and {rows} rows hold {columns * rows} images, and there are {n}")
        return Grid(columns, rows, hexagonal=hexagonal)
    if columns is not None or rows is not None:
        fixed = columns or rows or 1
        other = max(1, math.ceil(n / fixed))
        return Grid(*((fixed, other) if columns is not None else (other, fixed)), hexagonal=hexagonal)
    best = best_grid(n, aspect * ROW_OF_HEXAGONS if hexagonal else aspect)
    return Grid(best.columns, best.rows, hexagonal=hexagonal)


def best_grid(n: int, aspect: float) -> Grid:
    """The rectangle for `n` images whose columns / rows are near `aspect`, with as few holes as can be had there.

    A deviation of up to 15 % is free, so that among such rectangles the one with the fewest holes wins. Beyond that, a
    deviation by the factor e weighs as much as leaving half the cells empty. For no image there is one cell, a hole.
    """
    if n < 0 or not (aspect > 0 and math.isfinite(aspect)):
        raise ValueError(f"expected n >= 0 and an aspect > 0, got n={n} and aspect={aspect}")
    if n == 0:
        return Grid(columns=1, rows=1)

    def misfit(shape: tuple[int, int]) -> tuple[float, float]:
        columns, rows = shape
        deviation = abs(math.log(columns / rows / aspect))
        holes = 1 - n / (columns * rows)
        return max(0.0, deviation - _FREE_DEVIATION) + _HOLE_WEIGHT * holes, deviation

    around = math.sqrt(n * aspect)
    first, last = max(1, math.floor(around / 2)), min(n, math.ceil(around * 2) + 1)
    shapes = [(columns, math.ceil(n / columns)) for columns in range(min(first, n), last + 1)]
    columns, rows = min(shapes, key=misfit)
    return Grid(columns=columns, rows=rows)
