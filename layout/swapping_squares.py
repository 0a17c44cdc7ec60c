"""The loops of swaps.py for squares, compiled: distances of cells, what a swap would change, and the swaps of tiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from layout.compiled import called, compiled, inlined
from layout.swapping import accepted, apart, drawn, homesick, partner, reachable, started, traded

__all__ = ["measure", "swap"]


@called
def _weighed(weights: Any, missing: Any, four_distances: Any) -> Any:
    """Four distances by rank; a neighbour that is not there is as far as the farthest, and at least `missing`."""
    one, two, three, four = four_distances
    if one > two:
        one, two = two, one
    if three > four:
        three, four = four, three
    if one > three:
        one, three = three, one
    if two > four:
        two, four = four, two
    if two > three:
        two, three = three, two
    bound = np.float32(1e8)
    if four > bound:
        four = missing
        for known in (one, two, three):
            if known < bound:
                four = max(four, known)
        three = min(three, four)
        two = min(two, four)
        one = min(one, four)
    return weights[0] * one + weights[1] * two + weights[2] * three + weights[3] * four


@inlined
def _side(columns: int, rows: int, cell: int, direction: int) -> Any:
    """The cell above, below, left or right, -1 beyond the grid. Directions 0 and 1, 2 and 3 are opposite."""
    if direction == 0:
        return cell - columns if cell >= columns else -1
    if direction == 1:
        return cell + columns if cell < columns * (rows - 1) else -1
    if direction == 2:
        return cell - 1 if cell % columns else -1
    return cell + 1 if cell % columns < columns - 1 else -1


@compiled
def measure(first: int, last: int, game: Any) -> None:
    """Fill in `beside` and `costs` for rows `first` to `last` - 1 of the grid."""
    for cell in range(first * game.columns, last * game.columns):
        for direction in range(4):
            game.beside[cell, direction] = 1e9
            other = _side(game.columns, game.rows, cell, direction)
            if game.occupant[cell] >= 0 and other >= 0 and game.occupant[other] >= 0:
                game.beside[cell, direction] = apart(game, cell, other)
        _cost_again(game, cell)


@inlined
def _cost_again(game: Any, cell: int) -> None:
    game.costs[cell] = 0
    if game.occupant[cell] >= 0:
        near = game.beside[cell]
        game.costs[cell] = _weighed(game.weights, game.missing, (near[0], near[1], near[2], near[3]))


@inlined
def _would_be_beside(game: Any, one: int, at: int, distances: Any) -> None:
    """Distances of the occupant of `one` to what would lie beside it, if it changed places with that of `at`."""
    for direction in range(4):
        distances[direction] = 1e9
        other = _side(game.columns, game.rows, at, direction)
        if other == one:
            other = at
        if game.occupant[one] >= 0 and other >= 0 and game.occupant[other] >= 0:
            distances[direction] = apart(game, one, other)


@inlined
def _farther(game: Any, one: int, at: int) -> Any:
    """What the occupant of `one` costs by its diagonal and second neighbours, once it has changed places with `at`."""
    total = np.float32(0)
    y, x = at // game.columns, at % game.columns
    for index in range(8):
        if index < 4:
            down, across = (index // 2) * 2 - 1, (index % 2) * 2 - 1
        elif index < 6:
            down, across = (index - 4) * 4 - 2, 0
        else:
            down, across = 0, (index - 6) * 4 - 2
        weight = game.weights[4] if index < 4 else game.weights[5]
        distance = game.missing
        if 0 <= y + down < game.rows and 0 <= x + across < game.columns:
            near = (y + down) * game.columns + x + across
            if near == one:
                near = at
            if game.occupant[near] >= 0:
                distance = apart(game, one, near)
        total += weight * distance
    return total


@inlined
def _neighbour_would_cost(game: Any, cell: int, p: int, q: int, new: Any) -> Any:
    """What a cell beside `p` or `q` costs more once these have changed places, with the distances each then has."""
    near = game.beside[cell]
    a, b, c, d = near[0], near[1], near[2], near[3]
    for direction in range(4):
        other = _side(game.columns, game.rows, cell, direction)
        if other == p:
            value = new[0, direction ^ 1]
        elif other == q:
            value = new[1, direction ^ 1]
        else:
            continue
        if direction == 0:
            a = value
        elif direction == 1:
            b = value
        elif direction == 2:
            c = value
        else:
            d = value
    return _weighed(game.weights, game.missing, (a, b, c, d)) - game.costs[cell]


@inlined
def _near_change(game: Any, p: int, q: int, new: Any) -> Any:
    """What a swap of the occupants of `p` and `q` changes in the costs of four neighbours; an occupant lies in `p`."""
    new_p, new_q = new[0], new[1]
    _would_be_beside(game, p, q, new_q)
    _would_be_beside(game, q, p, new_p)
    change = _weighed(game.weights, game.missing, (new_q[0], new_q[1], new_q[2], new_q[3])) - game.costs[p]
    if game.occupant[q] >= 0:
        change += _weighed(game.weights, game.missing, (new_p[0], new_p[1], new_p[2], new_p[3])) - game.costs[q]
    for direction in range(4):
        other = _side(game.columns, game.rows, p, direction)
        if other >= 0 and other != q and game.occupant[other] >= 0:
            change += _neighbour_would_cost(game, other, p, q, new)
        other = _side(game.columns, game.rows, q, direction)
        if other >= 0 and other != p and game.occupant[other] >= 0:
            steps = abs(other // game.columns - p // game.columns) + abs(other % game.columns - p % game.columns)
            if steps != 1:
                change += _neighbour_would_cost(game, other, p, q, new)
    change += homesick(game, p, q)
    return change


@inlined
def _far_change(game: Any, p: int, q: int) -> Any:
    """Likewise for diagonal and second neighbours, counted from both sides."""
    change = _farther(game, p, q) - _farther(game, p, p)
    if game.occupant[q] >= 0:
        change += _farther(game, q, p) - _farther(game, q, q)
    return np.float32(2) * change


@inlined
def _exchange(game: Any, p: int, q: int, new: Any) -> None:
    traded(game, p, q)
    for direction in range(4):
        game.beside[p, direction] = new[0, direction]
        game.beside[q, direction] = new[1, direction]
    for direction in range(4):
        beside_p, beside_q = _side(game.columns, game.rows, p, direction), _side(game.columns, game.rows, q, direction)
        if beside_p >= 0:
            game.beside[beside_p, direction ^ 1] = new[0, direction]
        if beside_q >= 0:
            game.beside[beside_q, direction ^ 1] = new[1, direction]
    for direction in range(4):
        for cell in (p, q):
            other = _side(game.columns, game.rows, cell, direction)
            if other >= 0:
                _cost_again(game, other)
    _cost_again(game, p)
    _cost_again(game, q)


@compiled
def swap(first: int, last: int, game: Any, tiles: Any, settings: Any) -> None:
    """Swaps within the tiles `first` to `last` - 1.

    `tiles` is (height, width, how far the first tile begins above and left of the grid), `settings` (key of what is
    drawn, temperature, tries for each cell, reach in cells). At the grid's own edge nothing has to be kept apart.
    """
    key, temperature, tries, reach = settings
    state = np.empty(1, np.uint64)
    new = np.empty((2, 4), np.float32)
    # Farther neighbours can make up for so much at most, by experience.
    hopeless = np.float32(10) * temperature + np.float32(2.4) * (game.weights[4] + game.weights[5])
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
            change = _near_change(game, p, q, new)
            if change > hopeless:
                continue
            change += _far_change(game, p, q)
            if accepted(change, temperature, state):
                _exchange(game, p, q, new)
