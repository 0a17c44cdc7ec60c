"""From features straight to the grid, without a cloud in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layout.assign import assign, checked_pins
from layout.features import require_finite
from layout.grid import Grid
from layout.reduced import Reduced, reduced
from layout.refine import Effort, refined

__all__ = ["Arrangement", "arrange"]

Arrangement = Literal["refine", "flas"]

_DECAY, _SWAPS = 0.93, 9  # vc-flas's own
_FINE_DECAY, _FINE_SWAPS = 0.98, 81


def arrange(
    features: NDArray[np.floating],
    grid: Grid,
    *,
    method: Arrangement = "refine",
    fine: bool = False,
    pins: Mapping[int, int] | None = None,
    tries: int | None = None,
    seed: int = 0,
    seconds: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.int64]:
    """The cell of each of `features` (n, d), no two alike and none closed, so that like lies by like.

    `refine` snaps the principal plane to the grid and refines it from half the longer side down (layout.refine, where
    `tries` and `seconds` are explained). `flas` is Fast Linear Assignment Sorting as its authors have it (vc-flas;
    Barthel et al. 2022, https://doi.org/10.1111/cgf.14718), as fast or as `fine` as they set it. `pins` (row of an
    image: its cell) are kept. The same input and seed give the same cells. Raises ValueError for features that are not
    finite, naming the rows, for more images than cells, and for pins that cannot be kept.
    """
    require_finite(features)
    if method not in ("refine", "flas"):
        raise ValueError(f"method: expected 'refine' or 'flas', got {method!r}")
    n = len(features)
    if n > grid.capacity:
        raise ValueError(f"{n} images do not fit into {grid.capacity} open cells: choose a larger grid")
    pinned = checked_pins(pins, n, grid)
    if n < 2:
        return assign(np.zeros((n, 2)), grid, pins=pinned)
    small = reduced(features, seed=seed)
    if method == "flas" and min(grid.rows, grid.columns) > 1:  # it refuses grids of one row or column
        return _flas(small, grid, pinned, fine, seed)
    plane = np.zeros((n, 2))
    plane[:, : min(2, small.features.shape[1])] = small.features[:, :2]
    cells = assign(plane, grid, method="shufflesnap", pins=pinned, seed=seed)
    return refined(
        small,
        cells,
        grid,
        effort=Effort(radius=max(grid.rows, grid.columns) / 2, tries=tries, seconds=seconds),
        pins=pinned,
        home=np.full(n, -1, np.int64),
        stay=0.0,
        seed=seed,
        progress=progress,
    )


def _flas(small: Reduced, grid: Grid, pins: Mapping[int, int], fine: bool, seed: int) -> NDArray[np.int64]:
    import vc_flas  # noqa: PLC0415 - compiled, optional

    n = len(small.features)
    ids = np.full(grid.columns * grid.rows, -1, np.int32)
    frozen = ~grid.mask.ravel()
    held = np.fromiter(pins.values(), np.int64, len(pins))
    rows = np.fromiter(pins.keys(), np.int64, len(pins))
    ids[held], frozen[held] = rows, True
    free = np.setdiff1d(np.arange(n), rows)
    ids[np.setdiff1d(grid.cells, held)[: len(free)]] = free
    shape = (grid.rows, grid.columns)
    features = np.ascontiguousarray(small.features)
    labels = np.arange(n, dtype=np.int32)
    given = vc_flas.Grid(features, ids.reshape(shape), frozen.reshape(shape), labels)
    decay, swaps = (_FINE_DECAY, _FINE_SWAPS) if fine else (_DECAY, _SWAPS)
    found = vc_flas.flas(given, radius_decay=decay, max_swap_positions=swaps, seed=seed)
    places = np.asarray(found.get_sorted_labels()).ravel()
    cells = np.empty(n, np.int64)
    cells[places[places >= 0]] = np.flatnonzero(places >= 0)
    return cells
