"""The last step of a refined layout: images change places so that neighbours on the grid are near in feature space.

What distance preservation quality rewards is a sum over images of the distances to their neighbours on the grid, the
nearest ones weighing most. Here that sum is lowered by swaps of two cells, accepted as in simulated annealing
(Kirkpatrick et al. 1983, https://doi.org/10.1126/science.220.4598.671). The grid is cut into tiles, whose swaps cannot
reach each other and are therefore done side by side; every tile draws from a sequence of its own, so that the number of
cores changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from layout import swapping_hexagons, swapping_squares
from layout.compiled import in_parts
from layout.swapping import Game

__all__ = ["Board"]

_TILE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A grid and what lies on it, changed in place: `occupant` (cells,) and what goes with it."""

    game: Game
    hexagonal: bool

    @classmethod
    def of(
        cls,
        *,
        columns: int,
        hexagonal: bool,
        occupant: NDArray[np.int32],
        movable: NDArray[np.bool_],
        features: NDArray[np.float32],
        beyond: NDArray[np.float32],
        neighbours: NDArray[np.int32],
        home: NDArray[np.int64],
        stay: float,
        weights: NDArray[np.float32],
        missing: float,
    ) -> Board:
        """The board for images with `features` (n, d), of which `occupant` (cells,) names one a cell, -1 for none.

        The squared distance of two images is that of their features and the sum of their `beyond` (n,). `neighbours`
        (n, k) are the nearest images of each, or has no columns; `home` (n,) cells that are left at the cost `stay`.
        `weights` are those of the four neighbours that share an edge, nearest first, then of each that shares a corner
        and of each two steps away in a row or column; with hexagons, of six that share an edge, of the six behind a
        corner and the six behind an edge. `missing` is how far a neighbour is that is not there.
        """
        held = np.flatnonzero(occupant >= 0)
        placed = np.zeros((len(occupant), features.shape[1]), np.float32)
        placed[held] = features[occupant[held]]
        placed_beyond = np.zeros(len(occupant), np.float32)
        placed_beyond[held] = beyond[occupant[held]]
        cell_of = np.empty(len(features), np.int64)
        cell_of[occupant[held]] = held
        rows = len(occupant) // columns
        game = Game(
            columns=columns,
            rows=rows,
            occupant=occupant,
            movable=movable,
            features=placed,
            beyond=placed_beyond,
            neighbours=neighbours,
            home=home,
            cell_of=cell_of,
            weights=tuple(weights),
            missing=np.float32(missing),
            stay=np.float32(stay),
            beside=np.empty((len(occupant), 6 if hexagonal else 4), np.float32),
            costs=np.empty(len(occupant), np.float32),
            around=swapping_hexagons.around(columns, rows) if hexagonal else np.empty((0, 0), np.int32),
        )
        board = cls(game=game, hexagonal=hexagonal)
        in_parts(board._rule.measure, game.rows, game)
        return board

    @property
    def _rule(self) -> ModuleType:
        """The compiled loops for such cells."""
        return swapping_hexagons if self.hexagonal else swapping_squares

    def anneal(self, temperature: float, *, tries: int, reach: int, phase: int, seed: int) -> None:
        """Try `tries` swaps for each cell at a temperature in units of the weighted distances.

        `reach` is how far apart, in cells, two may lie that are tried at random; where neighbours are known, seven of
        eight tries bring an image beside one that is like it. `phase` says where the grid is cut, and counts up.
        """
        generator = np.random.default_rng((seed, phase))
        tiles = _tiles(self.game.rows, self.game.columns, phase, generator)
        count = -(-(self.game.rows + tiles[2]) // tiles[0]) * -(-(self.game.columns + tiles[3]) // tiles[1])
        key = np.uint64(generator.integers(1, 2**63))
        in_parts(self._rule.swap, count, self.game, tiles, (key, np.float32(temperature), tries, reach))


def _tiles(rows: int, columns: int, phase: int, generator: np.random.Generator) -> tuple[int, int, int, int]:
    """Height and width of the tiles, and how far the first one begins above and left of the grid."""
    if rows * columns <= _TILE * _TILE:
        # Two halves, cut now across, now down, never in the same place: swaps reach far, and two cores have work.
        length, breadth = (rows, columns) if phase % 2 == 0 else (columns, rows)
        cut = int(generator.integers(3 * length // 8, length - 3 * length // 8 + 1)) or length
        half = max(cut, length - cut)
        return (half, breadth, half - cut, 0) if phase % 2 == 0 else (breadth, half, 0, half - cut)
    down, across = generator.integers(0, _TILE, 2)
    return (_TILE, _TILE, int(down), int(across))
