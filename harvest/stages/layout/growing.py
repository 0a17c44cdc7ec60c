"""Layouts that grow: where a layout of the same parameters is, images that came and went move few of the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harvest.config.layout import AxesConfig
from harvest.ledger import Connection, StageRun, layout_of
from harvest.ledger.rows import LayoutRow
from harvest.stages.layout.cells import Work, grid_for, pinned_cells
from harvest.stages.layout.choose import Chosen

if TYPE_CHECKING:
    from layout.grid import Grid

__all__ = ["Earlier", "Growth", "earlier_of", "growth_of", "points_of"]

_MOST_CHANGED = 0.2  # of the images, for a layout that grows unasked
_MOST_HOLES = 0.1  # of the cells, or one row
_MOST_STRETCHED = 0.35  # natural logarithm of the aspect over the one asked for
_LIKE = 5  # images that tell where in the cloud a new one lies
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A layout of the same parameters: its places by sha256, and what its stage run says of it."""

    places: Mapping[str, LayoutRow]
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What a layout goes on from: the `cells` (n,) and `points` (n, 2) that images had, -1 and NaN for new ones."""

    grid: Grid
    cells: NDArray[np.int64]
    points: NDArray[np.float64]
    pinned: Mapping[int, int]
    added: int
    removed: int


def earlier_of(con: Connection, name: str, last: StageRun | None, recipe_digest: str) -> Earlier | None:
    """The layout in force, where it was made with these parameters."""
    if last is None or last.recipe_digest != recipe_digest or not last.detail.get("images"):
        return None
    return Earlier(places={row.sha256: row for row in layout_of(con, name)}, figures=last.detail)


def growth_of(work: Work, chosen: Chosen, earlier: Earlier | None) -> Growth | None:
    """What to go on from; None where the layout is to be made anew.

    That is: where the recipe says so, or there is none of the same parameters; where nothing is refined, for refining
    is how images find their places; and, unless `grow: always` asks for it, where more than a fifth of the images came
    or went, a tenth of the cells would be empty, or the grid would be stretched.
    """
    config, n = work.config, len(chosen.images)
    axes = isinstance(config.project, AxesConfig)
    if earlier is None or config.grow == "never" or not config.refine or axes:
        return None
    before = [earlier.places.get(image.sha256) for image in chosen.images]
    added = sum(place is None for place in before)
    removed = len(earlier.places) - (n - added)
    grid = _grown_grid(work, earlier, n)
    if grid is None or (added == n):
        return None
    if config.grow == "auto" and added + removed:
        changed = (added + removed) / len(earlier.places)
        most = max(_MOST_HOLES * grid.capacity, grid.columns)
        if changed > _MOST_CHANGED or grid.capacity - n > most or _stretched(work, grid, earlier):
            return None
    cells = np.array([-1 if place is None else place.row * grid.columns + place.col for place in before], np.int64)
    points = np.array([(np.nan, np.nan) if place is None else (place.x, place.y) for place in before], np.float64)
    pinned = pinned_cells(work, chosen, grid)
    if pinned:  # whoever lies where another is pinned has to find a new place
        cells[np.isin(cells, list(pinned.values()))] = -1
        cells[list(pinned)] = list(pinned.values())
    return Growth(grid=grid, cells=cells, points=points.reshape(n, 2), pinned=pinned, added=added, removed=removed)


def _grown_grid(work: Work, earlier: Earlier, n: int) -> Grid | None:
    """The earlier grid with as many rows more as the images need; None where it cannot have more."""
    from layout.grid import Grid  # noqa: PLC0415 - only when there is something to lay out

    wanted, figures = work.config.cells, earlier.figures
    columns, rows = int(figures["columns"]), int(figures["rows"])
    if wanted.shape or wanted.picture or wanted.text:
        grid = grid_for(work, int(figures["grid_of"]))
        return grid if (grid.columns, grid.rows) == (columns, rows) and grid.capacity >= n else None
    if columns * rows < n:
        rows = math.ceil(n / columns)
        if wanted.rows is not None:
            return None
    return Grid(columns, rows, hexagonal=wanted.cells == "hexagons")


def _stretched(work: Work, grid: Grid, earlier: Earlier) -> bool:
    """Whether several rows that were added made another aspect of the one asked for.

    Fixed columns and shapes ask for none.
    """
    wanted = work.config.cells
    if wanted.columns or wanted.rows or wanted.shape or wanted.picture or wanted.text:
        return False
    if grid.rows - grid_for(work, int(earlier.figures["grid_of"])).rows <= 1:
        return False
    across, down = np.ptp(grid.centres(), axis=0) + 1
    return abs(math.log(float(across / down) / work.config.aspect)) > _MOST_STRETCHED


def points_of(growth: Growth, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, 2) points of all: new images lie amid those that they are most like."""
    from layout.neighbours import squared_distances  # noqa: PLC0415

    points = growth.points.copy()
    new = np.flatnonzero(np.isnan(points[:, 0]))
    old = np.flatnonzero(~np.isnan(points[:, 0]))
    centred = features - features.mean(axis=0)
    like = min(_LIKE, len(old))
    for start in range(0, len(new), _ROWS_AT_ONCE):
        rows = new[start : start + _ROWS_AT_ONCE]
        squared = squared_distances(centred[rows], centred[old])
        nearest = np.argpartition(squared, like - 1, axis=1)[:, :like]
        points[rows] = points[old[nearest]].mean(axis=1)
    return points
