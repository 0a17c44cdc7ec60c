"""What swapping_squares.py does, where cells are hexagons: six share an edge with each, twelve lie two steps away."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from layout.compiled import compiled, inlined
from layout.swapping import accepted, apart, drawn, homesick, partner, reachable, started, traded

__all__ = ["around", "measure", "swap"]

# Rows down, cells to the right, and how many more of these from an odd row, which lies half a cell to the right.
# Directions d and 5 - d are opposite.
_BESIDE = np.array([(-1, -1, 1), (-1, 0, 1), (0, -1, 0), (0, 1, 0), (1, -1, 1), (1, 0, 1)])
_FARTHER = np.array(
    [
        *((-2, 0, 0), (2, 0, 0), (-1, -2, 1), (-1, 1, 1), (1, -2, 1), (1, 1, 1)),  # between two that share an edge
        *((0, -2, 0), (0, 2, 0), (-2, -1, 0), (-2, 1, 0), (2, -1, 0), (2, 1, 0)),  # straight behind one
    ]
)


def around(columns: int, rows: int) -> NDArray[np.int32]:
    """(cells, 18) the cells that share an edge with each, then those two steps away; -1 beyond the grid.

    Looked up, for there are a hundred of them to a swap, and each would take a division.
    """
    y, x = np.divmod(np.arange(columns * rows)[:, None], columns)
    down, across, odd = np.concatenate([_BESIDE, _FARTHER]).T
    there_y, there_x = y + down, x + across + odd * (y % 2)
    inside = (there_y >= 0) & (there_y < rows) & (there_x >= 0) & (there_x < columns)
    return np.where(inside, there_y * columns + there_x, -1).astype(np.int32)


@inlined
def _weighed(weights: Any, missing: Any, near: Any) -> Any:
    """Six distances by rank, sorted in place; one that is not there is the farthest, and at least `missing`."""
    bound = np.float32(1e8)
    for count in range(1, 6):
        value = near[count]
        place = count
        while place > 0 and near[place - 1] > value:
            near[place] = near[place - 1]
            place -= 1
        near[place] = value
    if near[5] > bound:
        farthest = missing
        for rank in range(6):
            if near[rank] < bound:
                farthest = max(farthest, near[rank])
        for rank in range(6):
            near[rank] = min(near[rank], farthest)
    total = np.float32(0)
    for rank in range(6):
        total += weights[rank] * near[rank]
    return total


@compiled
def measure(first: int, last: int, game: Any) -> None:
    """Fill in `beside` and `costs` for rows `first` to `last` - 1 of the grid."""
    near = np.empty(6, np.float32)
    for cell in range(first * game.columns, last * game.columns):
        for direction in range(6):
            game.beside[cell, direction] = 1e9
            other = game.around[cell, direction]
            if game.occupant[cell] >= 0 and other >= 0 and game.occupant[other] >= 0:
                game.beside[cell, direction] = apart(game, cell, other)
        _cost_again(game, cell, near)


@inlined
def _cost_again(game: Any, cell: int, near: Any) -> None:
    game.costs[cell] = 0
    if game.occupant[cell] >= 0:
        near[:] = game.beside[cell]
        game.costs[cell] = _weighed(game.weights, game.missing, near)


@inlined
def _would_cost(game: Any, one: int, at: int, distances: Any, near: Any) -> Any:
    """What the occupant of `one` would cost if it changed places with that of `at`; its distances there."""
    for direction in range(6):
        distances[direction] = 1e9
        other = game.around[at, direction]
        if other == one:
            other = at
        if game.occupant[one] >= 0 and other >= 0 and game.occupant[other] >= 0:
            distances[direction] = apart(game, one, other)
    near[:] = distances
    return _weighed(game.weights, game.missing, near) if game.occupant[one] >= 0 else np.float32(0)


@inlined
def _neighbour_would_cost(game: Any, cell: int, swapped: Any, new: Any, near: Any) -> Any:
    """What a cell beside one of two costs more once these have changed places, with the distances each then has."""
    for direction in range(6):
        other = game.around[cell, direction]
        near[direction] = game.beside[cell, direction]
        for place in range(2):
            if other == swapped[place]:
                near[direction] = new[place, 5 - direction]
    return _weighed(game.weights, game.missing, near) - game.costs[cell]


@inlined
def _are_beside(game: Any, one: int, other: int) -> Any:
    found = False
    for direction in range(6):
        found |= game.around[one, direction] == other
    return found


@inlined
def _near_change(game: Any, p: int, q: int, new: Any, near: Any) -> Any:
    """What a swap of the occupants of `p` and `q` changes in the costs of six neighbours; an occupant lies in `p`."""
    change = _would_cost(game, p, q, new[1], near) - game.costs[p]
    change += _would_cost(game, q, p, new[0], near) - game.costs[q]
    for direction in range(6):
        other = game.around[p, direction]
        if other >= 0 and other != q and game.occupant[other] >= 0:
            change += _neighbour_would_cost(game, other, (p, q), new, near)
        other = game.around[q, direction]
        if other >= 0 and other != p and game.occupant[other] >= 0 and not _are_beside(game, other, p):
            change += _neighbour_would_cost(game, other, (p, q), new, near)
    change += homesick(game, p, q)
    return change


@inlined
def _farther(game: Any, one: int, at: int) -> Any:
    """What the occupant of `one` costs by those two steps away, once it has changed places with `at`."""
    total = np.float32(0)
    for index in range(12):
        distance = game.missing
        other = game.around[at, 6 + index]
        if other == one:
            other = at
        if other >= 0 and game.occupant[other] >= 0:
            distance = apart(game, one, other)
        total += (game.weights[6] if index < 6 else game.weights[7]) * distance
    return total


@inlined
def _far_change(game: Any, p: int, q: int) -> Any:
    """Likewise for those two steps away, counted from both sides."""
    change = _farther(game, p, q) - _farther(game, p, p)
    if game.occupant[q] >= 0:
        change += _farther(game, q, p) - _farther(game, q, q)
    return np.float32(2) * change


@inlined
def _exchange(game: Any, p: int, q: int, new: Any, near: Any) -> None:
    traded(game, p, q)
    for place, cell in enumerate((p, q)):
        for direction in range(6):
            game.beside[cell, direction] = new[place, direction]
            other = game.around[cell, direction]
            if other >= 0:
                game.beside[other, 5 - direction] = new[place, direction]
    for cell in (p, q):
        for direction in range(6):
            other = game.around[cell, direction]
            if other >= 0:
                _cost_again(game, other, near)
        _cost_again(game, cell, near)


@compiled
def swap(first: int, last: int, game: Any, tiles: Any, settings: Any) -> None:
    """Swaps within the tiles `first` to `last` - 1; swapping_squares.swap says what `tiles` and `settings` are."""
    key, temperature, tries, reach = settings
    state = np.empty(1, np.uint64)
    new = np.empty((2, 6), np.float32)
    near = np.empty(6, np.float32)
    hopeless = np.float32(10) * temperature + np.float32(3.6) * (game.weights[6] + game.weights[7])
    for tile in range(first, last):
        started(state, key, tile)
        low_y, low_x, high_y, high_x = reachable(game, tiles, tile)
        tall, wide = high_y - low_y, high_x - low_x
        if tall < 1 or wide < 1:
            continue
        for _ in range(tries * tall * wide):
            p = (low_y + drawn(state) % tall) * game.columns + low_x + drawn(state) % wide
            if game.occupant[p] < 0 or not game.movable[p]:
                continue
            y, x = partner(game, p, reach, state)
            q = y * game.columns + x
            if y < low_y or x < low_x or y >= high_y or x >= high_x or q == p or not game.movable[q]:
                continue
            change = _near_change(game, p, q, new, near)
            if change > hopeless:
                continue
            change += _far_change(game, p, q)
            if accepted(change, temperature, state):
                _exchange(game, p, q, new, near)
