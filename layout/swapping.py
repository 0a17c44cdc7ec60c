"""A grid in the midst of swaps, and what squares and hexagons do alike, as parts of the loops that are compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from layout.compiled import inlined

__all__ = ["MARGIN", "Game", "accepted", "apart", "drawn", "homesick", "partner", "reachable", "started", "traded"]

MARGIN = 2  # no swap so near a tile's edge: what two tiles read and write never meets


class Game(NamedTuple):
    """A grid, what lies on it, and what is known of its distances: arrays by cell, but `neighbours`, `home`, `cell_of`.

    `beside` (cells, 4) holds the distances to the occupants above, below, left and right, 1e9 where there is none, and
    `costs` (cells,) what they weigh together. Hexagons have six, and lie in rows that are shifted: `around` is theirs
    alone (swapping_hexagons.py).
    """

    columns: int
    rows: int
    occupant: NDArray[np.int32]
    movable: NDArray[np.bool_]
    features: NDArray[np.float32]
    beyond: NDArray[np.float32]
    neighbours: NDArray[np.int32]
    home: NDArray[np.int64]
    cell_of: NDArray[np.int64]
    weights: tuple[np.float32, ...]
    missing: np.float32
    stay: np.float32
    beside: NDArray[np.float32]
    costs: NDArray[np.float32]
    around: NDArray[np.int32]


@inlined
def apart(game: Any, one: int, other: int) -> Any:
    """The distance of two occupants."""
    total = np.float32(0)
    for axis in range(game.features.shape[1]):
        step = game.features[one, axis] - game.features[other, axis]
        total += step * step
    return np.sqrt(total + game.beyond[one] + game.beyond[other])


@inlined
def homesick(game: Any, p: int, q: int) -> Any:
    """What a swap of the occupants of `p` and `q` costs by taking them from home, or gains by bringing them there."""
    one, other = game.occupant[p], game.occupant[q]
    left = int(game.home[one] == p) - int(game.home[one] == q)
    if other >= 0:
        left += int(game.home[other] == q) - int(game.home[other] == p)
    return game.stay * np.float32(left)


@inlined
def traded(game: Any, p: int, q: int) -> None:
    """Exchange what lies on two cells: the distances around them are the caller's."""
    for axis in range(game.features.shape[1]):
        game.features[p, axis], game.features[q, axis] = game.features[q, axis], game.features[p, axis]
    game.beyond[p], game.beyond[q] = game.beyond[q], game.beyond[p]
    game.occupant[p], game.occupant[q] = game.occupant[q], game.occupant[p]
    if game.occupant[p] >= 0:
        game.cell_of[game.occupant[p]] = p
    game.cell_of[game.occupant[q]] = q


@inlined
def drawn(state: Any) -> Any:
    """31 bits of xorshift64* (Vigna 2016), from a sequence of the tile's own."""
    word = state[0]
    word ^= word >> np.uint64(12)
    word ^= word << np.uint64(25)
    word ^= word >> np.uint64(27)
    state[0] = word
    return np.int64((word * np.uint64(2685821657736338717)) >> np.uint64(33))


@inlined
def partner(game: Any, p: int, reach: int, state: Any) -> Any:
    """Row and column of a cell to change places with: around one like the occupant of `p`, or somewhere near `p`."""
    bits = drawn(state)
    count = game.neighbours.shape[1]
    if count > 0 and bits & 7:
        like = game.cell_of[game.neighbours[game.occupant[p], (bits >> 3) % count]]
        bits = drawn(state)
        return like // game.columns + bits % 3 - 1, like % game.columns + (bits >> 8) % 3 - 1
    width = 2 * reach + 1
    bits = drawn(state)
    return p // game.columns + bits % width - reach, p % game.columns + (bits >> 12) % width - reach


@inlined
def started(state: Any, key: Any, tile: int) -> None:
    """Begin a tile's sequence of draws."""
    state[0] = (key + np.uint64(tile + 1) * np.uint64(11400714819323198485)) | np.uint64(1)


@inlined
def accepted(change: float, temperature: float, state: Any) -> Any:
    """Whether a swap that costs `change` more is made at this temperature."""
    if change < 0:
        return True
    if change > 10 * temperature:
        return False
    return np.float32(drawn(state)) * np.float32(2.0**-31) < np.exp(-change / temperature)


@inlined
def reachable(game: Any, tiles: Any, tile: int) -> Any:
    """First row and column of a tile's swaps, and those after the last: they keep away from the tiles beside it."""
    across = -(-(game.columns + tiles[3]) // tiles[1])
    top = tile // across * tiles[0] - tiles[2]
    left = tile % across * tiles[1] - tiles[3]
    high_y = top + tiles[0] - MARGIN if top + tiles[0] < game.rows else game.rows
    high_x = left + tiles[1] - MARGIN if left + tiles[1] < game.columns else game.columns
    return (top + MARGIN if top > 0 else 0), (left + MARGIN if left > 0 else 0), high_y, high_x
