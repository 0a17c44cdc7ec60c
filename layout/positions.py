"""Positions as JSON in ImageRearranger's form, so that its viewers open a mosaic of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from layout.grid import Grid

__all__ = ["GridPositions", "Place", "Point", "grid_positions", "umap_positions"]


class Point(TypedDict):
    """Where an image lies in the cloud, both in [0, 1], y downward."""

    x: float
    y: float


class Place(TypedDict):
    """Where an image lies on the grid, from 0 at the top left."""

    col: int
    row: int


class GridSize(TypedDict):
    """Columns and rows."""

    nx: int
    ny: int


class GridPositions(TypedDict):
    """What `grid_positions.json` holds."""

    grid_size: GridSize
    positions: dict[str, Place]


def grid_positions(names: Sequence[str], cells: NDArray[np.int64], grid: Grid) -> GridPositions:
    """`{"grid_size": {"nx", "ny"}, "positions": {name: {"col", "row"}}}`.

    Raises ValueError for a name that comes twice.
    """
    _each_once(names, len(cells))
    row, column = grid.rows_columns(cells)
    places = zip(column.tolist(), row.tolist(), strict=True)
    return {
        "grid_size": {"nx": grid.columns, "ny": grid.rows},
        "positions": {name: {"col": x, "row": y} for name, (x, y) in zip(names, places, strict=True)},
    }


def umap_positions(names: Sequence[str], points: NDArray[np.floating]) -> dict[str, Point]:
    """`{name: {"x", "y"}}` to six decimals. Raises ValueError where a name comes twice."""
    _each_once(names, len(points))
    return {
        name: {"x": round(x, 6), "y": round(y, 6)}
        for name, (x, y) in zip(names, np.asarray(points, np.float64).tolist(), strict=True)
    }


def _each_once(names: Sequence[str], n: int) -> None:
    if len(names) != n:
        raise ValueError(f"expected {n} names, got {len(names)}")
    if len(set(names)) < n:
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise ValueError(f"names must differ, and {twice!r} comes twice")
