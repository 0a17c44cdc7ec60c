"""A layout that goes on: images come and go, and most of the rest stay where they are known to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layout.assign import checked_pins, snapped
from layout.compiled import one_thread_a_product
from layout.features import require_finite
from layout.grid import Grid
from layout.neighbours import squared_distances
from layout.reduced import Reduced, reduced
from layout.refine import Effort, refined

__all__ = ["Grown", "grow"]

_STAY = 0.15
_RADIUS = 2.5
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """The cell of each image, and the `moved` share of those that had one before."""

    cells: NDArray[np.int64]
    moved: float


def grow(
    features: NDArray[np.floating],
    cells: NDArray[np.int64],
    grid: Grid,
    *,
    stay: float = _STAY,
    tries: int | None = None,
    pins: Mapping[int, int] | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Grown:
    """Cells for `features` (n, d) of which some have their cell in `cells` (n,) from an earlier layout, others -1.

    A new image goes to the empty cell nearest to the image that it is most like. Then all is refined, but an image that
    leaves its earlier cell has to gain `stay` by it, in units of the mean distance of images: few do. Images that were
    taken down are left out, and leave empty cells behind. Where the cells run out, rows added at the end keep the
    numbers of all cells. `pins` stay in any case. The same input and seed give the same cells. Raises ValueError where
    there are too few empty cells, for cells that are closed or held twice, and for features that are not finite.
    """
    require_finite(features)
    before = np.array(cells, np.int64)
    n = len(features)
    if before.shape != (n,):
        raise ValueError(f"expected one cell for each row of features, -1 for new ones, got {len(before)} for {n}")
    old, new = np.flatnonzero(before >= 0), np.flatnonzero(before < 0)
    pinned = checked_pins(pins, n, grid)
    astray = [row for row, cell in pinned.items() if before[row] != cell]
    if astray:
        raise ValueError(f"pins: row {astray[0]} does not lie in cell {pinned[astray[0]]}")
    empty = np.setdiff1d(grid.cells, before[old])
    if grid.capacity - len(empty) != len(old):
        raise ValueError("two images in one cell, or one in a cell that is closed or not on the grid")
    if len(empty) < len(new):
        raise ValueError(f"{len(new)} new images do not fit into {len(empty)} empty cells: add rows to the grid")
    if not n:
        return Grown(cells=before, moved=0.0)
    found = before.copy()
    small = reduced(features, seed=seed)
    if len(new):
        mask = np.zeros(grid.mask.shape, np.bool_)
        mask.ravel()[empty] = True
        holes = Grid(grid.columns, grid.rows, mask, hexagonal=grid.hexagonal)
        found[new] = snapped(_places(small, before, old, new, grid), holes, method="auto", seed=seed)
    if n > 1:
        effort = Effort(radius=_RADIUS, tries=tries)
        found = refined(
            small, found, grid, effort=effort, pins=pinned, home=before, stay=stay, seed=seed, progress=progress
        )
    return Grown(cells=found, moved=float(np.mean(found[old] != before[old])) if len(old) else 0.0)


def _places(
    small: Reduced, before: NDArray[np.int64], old: NDArray[np.int64], new: NDArray[np.int64], grid: Grid
) -> NDArray[np.float64]:
    """(len(new), 2) where the placed image most like each new one lies; the middle where none is placed."""
    if not len(old):
        return np.tile(grid.centres().mean(axis=0), (len(new), 1))
    like = np.empty(len(new), np.int64)
    with one_thread_a_product():
        for start in range(0, len(new), _ROWS_AT_ONCE):
            rows = new[start : start + _ROWS_AT_ONCE]
            squared = squared_distances(small.features[rows], small.features[old]) + small.beyond[old]
            like[start : start + len(rows)] = squared.argmin(axis=1)
    return grid.centres(before[old[like]])
