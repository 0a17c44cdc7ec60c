"""From a cloud of points to a grid: every image in a cell of its own, moved as little as can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layout.grid import ROW_OF_HEXAGONS, Grid

__all__ = ["Method", "assign", "checked_pins", "fitted", "snapped"]

Method = Literal["auto", "exact", "shufflesnap"]

_FEW = 5_000
_EXACT_COSTS = 5_000_000  # a dense cost matrix of 40 MB: about a second


def assign(
    points: NDArray[np.floating],
    grid: Grid,
    *,
    method: Method = "auto",
    pins: Mapping[int, int] | None = None,
    seed: int = 0,
) -> NDArray[np.int64]:
    """The cell of each of `points` (n, 2), no two alike and none closed, so that squared displacement is least.

    `exact` solves images x open cells as a rectangular assignment (scipy), in which an empty cell costs nothing: holes
    end up where they cost least, and no stand-in tiles take part. `shufflesnap` comes within a fraction of a percent of
    it and takes a million points; it starts from a permutation drawn from `seed`. `auto` is exact up to about 2,200
    images. `pins` (row of a point: its cell) are kept, and the others assigned around them. The same points, grid and
    seed give the same cells. Raises ValueError where points are not finite or do not fit into the grid, and for pins
    that cannot be kept.
    """
    cloud = fitted(points, grid)
    if len(cloud) > grid.capacity:
        raise ValueError(f"{len(cloud)} images do not fit into {grid.capacity} open cells: choose a larger grid")
    if method not in ("auto", "exact", "shufflesnap"):
        raise ValueError(f"method: expected 'auto', 'exact' or 'shufflesnap', got {method!r}")
    pinned = checked_pins(pins, len(cloud), grid)
    cells = np.empty(len(cloud), np.int64)
    cells[list(pinned)] = list(pinned.values())
    free = np.setdiff1d(np.arange(len(cloud)), list(pinned))
    if not len(free):
        return cells
    if pinned:
        mask = np.array(grid.mask)
        mask.ravel()[list(pinned.values())] = False
        grid = Grid(columns=grid.columns, rows=grid.rows, mask=mask, hexagonal=grid.hexagonal)
    cells[free] = snapped(cloud[free], grid, method=method, seed=seed)
    return cells


def snapped(cloud: NDArray[np.float64], grid: Grid, *, method: Method, seed: int) -> NDArray[np.int64]:
    """`assign` for a `cloud` (n, 2) that lies where it should on `grid`, in the units of Grid.centres."""
    if method == "exact" or (method == "auto" and len(cloud) * grid.capacity <= _EXACT_COSTS):
        return grid.cells[_exact(cloud, grid.centres())]
    return grid.cells[_shufflesnap(cloud, grid, seed)]


def checked_pins(pins: Mapping[int, int] | None, n: int, grid: Grid) -> dict[int, int]:
    """`pins` (row of an image: its cell) of `n` images. Raises ValueError for the first that cannot be kept."""
    pinned = {int(row): int(cell) for row, cell in (pins or {}).items()}
    holder: dict[int, int] = {}
    for row, cell in pinned.items():
        if not 0 <= row < n:
            raise ValueError(f"pins: there is no row {row} among {n} images")
        if not 0 <= cell < grid.mask.size or not grid.mask.ravel()[cell]:
            raise ValueError(f"pins: cell {cell} of row {row} is closed, or not on the grid")
        if cell in holder:
            raise ValueError(f"pins: rows {holder[cell]} and {row} are both pinned to cell {cell}")
        holder[cell] = row
    return pinned


def fitted(points: NDArray[np.floating], grid: Grid) -> NDArray[np.float64]:
    """`points` (n, 2) moved and scaled onto the open cells of `grid`, in the units of Grid.centres.

    One common factor for both axes, so that the cloud keeps its shape: ImageRearranger stretches each axis to the grid,
    which squeezes neighbours together along one of them. The factor makes the cloud's spread about its centre that of
    the cells, which is the displacement's least among all factors to first order. A cloud that lies across the grid
    is turned by a quarter.
    """
    cloud: NDArray[np.float64] = np.array(points, np.float64)
    if cloud.ndim != 2 or cloud.shape[1] != 2:
        raise ValueError(f"expected points of shape (n, 2), got {cloud.shape}")
    if not np.isfinite(cloud).all():
        rows = np.flatnonzero(~np.isfinite(cloud).all(axis=1))
        raise ValueError(f"{len(rows)} points are not finite, the first of them in row {rows[0]}")
    centres = grid.centres()
    if not len(cloud) or not len(centres):
        return cloud
    cloud -= cloud.mean(axis=0)
    target = centres.std(axis=0)
    spread = cloud.std(axis=0)
    if (spread[0] - spread[1]) * (target[0] - target[1]) < 0:
        cloud = np.stack([-cloud[:, 1], cloud[:, 0]], axis=1)
    scale = float(np.hypot(*target) / (np.hypot(*spread) or 1.0))
    return np.asarray(cloud * scale + centres.mean(axis=0), np.float64)


def _exact(cloud: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.int64]:
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - heavy
    from scipy.spatial.distance import cdist  # noqa: PLC0415

    _, chosen = linear_sum_assignment(cdist(cloud, centres, "sqeuclidean"))
    return np.asarray(chosen, np.int64)


def _shufflesnap(cloud: NDArray[np.float64], grid: Grid, seed: int) -> NDArray[np.int64]:
    import shufflesnap  # noqa: PLC0415 - compiled, optional

    # Its cell centres lie on whole numbers, the grid's on halves; it numbers the open cells row by row, as Grid.cells.
    # It knows squares alone: hexagons are taken for squares, each row a quarter of a cell away from where it is.
    lattice = cloud / [1, ROW_OF_HEXAGONS] - [0.75, 0.5] if grid.hexagonal else cloud - 0.5
    squares = shufflesnap.Grid.from_mask(np.array(grid.mask))
    # Its threads wait in a loop, which on a busy machine takes longer than the work on a few. They change no result.
    threads = 1 if len(cloud) < _FEW else 0
    solved = shufflesnap.assign(lattice, squares, normalize="none", seed=seed, threads=threads)
    return np.asarray(solved.cell, np.int64)
