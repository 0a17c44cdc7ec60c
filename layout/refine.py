"""A refine in feature space: what a projection loses is won back by looking at the features again, on the grid."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layout.assign import checked_pins
from layout.features import require_finite
from layout.grid import Grid
from layout.ranks import rank_weights
from layout.reduced import Reduced, reduced
from layout.swaps import Board
from layout.windows import HOLE, PINNED, Sorted, settle, smoothed

__all__ = ["Effort", "refine", "refined"]

_MANY = 50_000
_NARROW_FEATURES = 16  # numbers an image, of which windows are so cheap that more and larger ones are solved
_LAST_RADIUS = 0.7
_NARROW = 2.5
_NEIGHBOURS = 10
_SEARCHED = 5_000  # images up to which the nearest are looked up, and brought beside each other
_LEAST_PHASES, _PHASES = 12, 48
_TRIES_OF_PHASE = 5  # for each cell
_SWAPS, _SWAPS_OF_NARROW = 1_000_000, 4_000_000
_HOT, _HOT_OF_LONG, _COLD = 0.04, 0.08, 0.002
_LONG = 2_500  # swaps tried for each cell, from which on a hotter start pays
_REACH = 4


def refine(
    features: NDArray[np.floating],
    cells: NDArray[np.int64],
    grid: Grid,
    *,
    radius: float | None = None,
    tries: int | None = None,
    pins: Mapping[int, int] | None = None,
    home: NDArray[np.int64] | None = None,
    stay: float = 0.0,
    small: Reduced | None = None,
    seed: int = 0,
    seconds: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.int64]:
    """Cells for `features` (n, d) in which like lies by like, found from `cells` (n,): a permutation of the open ones.

    First, windows of cells are sorted against the smoothed map of the features, from `radius` cells down: 2.5 mends a
    layout that a projection made, half of the longer side sorts anew. Then cells are swapped, `tries` times each, so
    that neighbours on the grid are near in feature space. By default this is chosen by n: some hundreds for small
    layouts, some dozens for a million. Hexagons are swapped beside their six neighbours, at two to four times the cost;
    windows take their rows for straight ones. Empty cells weigh little, and come to lie where they cost least: at the
    edge, or between images that are unlike in any case. `pins` (row of an image: its cell) stay, and weigh much. An
    image that leaves its cell in `home`, -1 where it has none, has to gain `stay` by it, in units of the mean distance
    of images. `small` is what `reduced` makes of the features, where that is at hand.

    The same input and seed give the same cells on any number of cores, unless `seconds` end it before; then what was
    reached is returned. `progress(done, steps)` is called after each step. Raises ValueError for features that are not
    finite, naming the rows, and for cells that are closed or held twice.
    """
    require_finite(features)
    pins = checked_pins(pins, len(features), grid)
    cells = _checked(features, cells, grid, pins)
    n = len(features)
    if n < 2 or grid.capacity < 2:
        return cells
    effort = Effort(radius=_NARROW if radius is None else radius, tries=tries, seconds=seconds)
    small = small or reduced(features, seed=seed)
    home = np.full(n, -1, np.int64) if home is None else np.asarray(home, np.int64)
    return refined(small, cells, grid, effort=effort, pins=pins, home=home, stay=stay, seed=seed, progress=progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """From which radius on windows are sorted, how many swaps are tried for each cell, and when to stop."""

    radius: float
    tries: int | None = None
    seconds: float | None = None


def refined(
    small: Reduced,
    cells: NDArray[np.int64],
    grid: Grid,
    *,
    effort: Effort,
    pins: Mapping[int, int],
    home: NDArray[np.int64],
    stay: float,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> NDArray[np.int64]:
    """`refine` for features that are reduced already, and for cells and pins that are known to be right."""
    if not small.mean_distance:
        return cells
    n = len(cells)
    until = None if effort.seconds is None else time.monotonic() + effort.seconds
    state = _State.of(small=small, cells=cells, grid=grid, pins=pins, home=home, stay=stay)
    sorting = _Sorting.of(small)
    radii = _radii(effort.radius, grid, sorting.decay)
    tries = _tries(*small.features.shape) if effort.tries is None else effort.tries
    phases = int(np.clip(tries // _TRIES_OF_PHASE, _LEAST_PHASES, _PHASES)) if tries else 0
    hot = _HOT_OF_LONG if tries > _LONG else _HOT
    report = progress or (lambda _done, _steps: None)
    generator = np.random.default_rng(seed)
    for done, wide in enumerate(radii):
        _sort(state, wide, sorting, generator)
        report(done + 1, len(radii) + phases)
        if until is not None and time.monotonic() > until:
            return state.cells(n)
    if tries:
        board = state.board(seed)
        for phase, temperature in enumerate(np.geomspace(hot, _COLD, phases)):
            board.anneal(float(temperature), tries=-(-tries // phases), reach=_REACH, phase=phase, seed=seed)
            report(len(radii) + phase + 1, len(radii) + phases)
            if until is not None and time.monotonic() > until:
                break
    return state.cells(n)


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What is sorted: `occupant` (cells,) is changed in place."""

    small: Reduced
    grid: Grid
    occupant: NDArray[np.int32]
    movable: NDArray[np.bool_]
    heavy: NDArray[np.bool_]
    home: NDArray[np.int64]
    stay: float

    @classmethod
    def of(
        cls,
        *,
        small: Reduced,
        cells: NDArray[np.int64],
        grid: Grid,
        pins: Mapping[int, int],
        home: NDArray[np.int64],
        stay: float,
    ) -> _State:
        occupant = np.full(grid.columns * grid.rows, -1, np.int32)
        occupant[cells] = np.arange(len(cells))
        movable = grid.mask.ravel().copy()
        heavy = np.zeros(len(occupant), np.bool_)
        held = np.fromiter(pins.values(), np.int64, len(pins))
        movable[held] = False
        heavy[held] = True
        return cls(small=small, grid=grid, occupant=occupant, movable=movable, heavy=heavy, home=home, stay=stay)

    def weights(self) -> NDArray[np.float32]:
        """(cells,) what each cell's occupant weighs in the smoothed map."""
        weights = np.where(self.occupant >= 0, 1.0, HOLE) * np.where(self.heavy, PINNED, 1.0) * self.grid.mask.ravel()
        return weights.astype(np.float32)

    def cells(self, n: int) -> NDArray[np.int64]:
        """(n,) the cell of each image."""
        found = np.empty(n, np.int64)
        held = np.flatnonzero(self.occupant >= 0)
        found[self.occupant[held]] = held
        return found

    def board(self, seed: int) -> Board:
        """The same for swaps; `occupant` is shared."""
        n = len(self.home)
        weights, missing = rank_weights(self.small, self.occupant, self.grid, seed=seed)
        near = np.empty((n, 0), np.int32)
        if _NEIGHBOURS < n <= _SEARCHED:
            near = self.small.nearest(_NEIGHBOURS)
        return Board.of(
            columns=self.grid.columns,
            hexagonal=self.grid.hexagonal,
            occupant=self.occupant,
            movable=self.movable,
            features=self.small.features,
            beyond=self.small.beyond,
            neighbours=near,
            home=self.home,
            stay=self.stay,
            weights=weights,
            missing=missing,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorting:
    """By what the radius shrinks, how many tilings are solved at each, and how many cells a window is wide."""

    decay: float
    rounds: int
    window: int

    @classmethod
    def of(cls, small: Reduced) -> _Sorting:
        n, width = small.features.shape
        if n > _MANY:
            return cls(decay=0.8, rounds=2, window=6)
        if width <= _NARROW_FEATURES:
            return cls(decay=0.95, rounds=8, window=8)
        return cls(decay=0.9 if n <= _SEARCHED else 0.85, rounds=4, window=6)


def _sort(state: _State, radius: float, sorting: _Sorting, generator: np.random.Generator) -> None:
    """One radius: the map smoothed, and windows as wide as it solved against it, in several tilings."""
    grid = state.grid
    side = max(grid.rows, grid.columns)
    for turn in range(sorting.rounds):
        wanted = smoothed(state.small.features, state.occupant, state.weights(), grid.columns, radius)
        widest = max(1, min(round(radius * 2 / (sorting.window - 1)), side // sorting.window))
        stride = max(1, widest >> (turn % 2))
        span = sorting.window * stride
        down, across = (int(offset) for offset in generator.integers(0, span, 2))
        shape = (grid.rows, grid.columns, sorting.window, stride, down, across)
        what = Sorted(
            features=state.small.features,
            occupant=state.occupant,
            movable=state.movable,
            wanted=wanted,
            home=state.home,
            stay=np.float32(state.stay),
        )
        settle(what, shape)


def _radii(first: float, grid: Grid, decay: float) -> list[float]:
    side = max(grid.rows, grid.columns)
    radii = []
    radius = min(first, side / 2)
    while radius > _LAST_RADIUS:
        radii.append(radius)
        radius *= decay
    return radii


def _tries(n: int, width: int) -> int:
    """Swaps tried for each cell: what half a second to a minute allow."""
    return int(np.clip((_SWAPS_OF_NARROW if width <= _NARROW_FEATURES else _SWAPS) / n, 60, 4_000))


def _checked(
    features: NDArray[np.floating], cells: NDArray[np.int64], grid: Grid, pins: Mapping[int, int]
) -> NDArray[np.int64]:
    cells = np.array(cells, np.int64)
    if cells.shape != (len(features),):
        raise ValueError(f"expected one cell for each row of features, got {len(cells)} for {len(features)}")
    open_cells = grid.mask.ravel()
    if len(cells) and (cells.min() < 0 or cells.max() >= len(open_cells) or not open_cells[cells].all()):
        wrong = next(row for row, cell in enumerate(cells) if not (0 <= cell < len(open_cells) and open_cells[cell]))
        raise ValueError(f"row {wrong}: cell {cells[wrong]} is closed, or not on the grid")
    if len(np.unique(cells)) != len(cells):
        raise ValueError("two images in one cell")
    astray = [row for row, cell in pins.items() if cells[row] != cell]
    if astray:
        raise ValueError(
            f"pins: row {astray[0]} does not lie in cell {pins[astray[0]]}: assign with the same pins first"
        )
    return cells
