"""Sorting by windows: the map of features is smoothed, and windows of cells are solved exactly against it.

The idea of FLAS (Barthel et al. 2022, https://doi.org/10.1111/cgf.14718), with regular windows that never touch each
other in place of random ones, so that they can be solved side by side and give the same on any number of cores.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from layout.compiled import compiled, in_parts, inlined

__all__ = ["HOLE", "PINNED", "Sorted", "settle", "smoothed"]

HOLE = 0.01  # what an empty cell weighs in the smoothed map, where an image weighs 1; it stands for the mean image
PINNED = 100.0

_STRIPE = 16  # columns that are summed at once


def smoothed(
    features: NDArray[np.float32],
    occupant: NDArray[np.int32],
    weights: NDArray[np.float32],
    columns: int,
    radius: float,
) -> NDArray[np.float32]:
    """(cells, d) the mean of the features in a box of `radius` cells around each cell, weighted by `weights` (cells,).

    `features` are centred, so that empty cells, whose occupant is -1, stand for the mean. A fraction of a cell at the
    box's edge counts by that fraction. Closed cells weigh nothing.
    """
    rows, width = len(occupant) // columns, features.shape[1]
    across = np.empty((rows * columns, width + 1), np.float32)
    in_parts(_across, rows, (features, occupant, weights), (columns, radius), across, least=32)
    found = np.empty((rows * columns, width), np.float32)
    in_parts(_down, -(-columns // _STRIPE), across, (columns, radius), found, least=4)
    return found


class Sorted(NamedTuple):
    """What is sorted: `features` (n, d); by cell the `occupant`, whether it is `movable`, and what is `wanted` there.

    An image in its `home` cell (n,) gains `stay`.
    """

    features: NDArray[np.float32]
    occupant: NDArray[np.int32]
    movable: NDArray[np.bool_]
    wanted: NDArray[np.float32]
    home: NDArray[np.int64]
    stay: np.float32


def settle(what: Sorted, shape: tuple[int, int, int, int, int, int]) -> None:
    """Solve every window of one tiling exactly, in place: occupants go where the sum of |feature - wanted|^2 is least.

    `shape` is (rows, columns, side of a window in cells, stride between these, offsets of the tiling down and across).
    Cells that are not movable keep what they have.
    """
    rows, columns, side, stride, down, across = shape
    span = side * stride
    count = -(-(rows + down) // span) * -(-(columns + across) // span) * stride * stride
    in_parts(_settle, count, what, shape, least=6)


@compiled
def _across(first: int, last: int, given: Any, box: Any, found: Any) -> None:
    features, occupant, weights = given
    columns, radius = box
    whole = int(radius)
    part = np.float32(radius - whole)
    total = np.empty(features.shape[1] + 1, np.float32)
    for row in range(first, last):
        start = row * columns
        total[:] = 0
        for x in range(min(whole, columns)):
            _add(total, features, occupant[start + x], weights[start + x])
        for x in range(start, start + columns):
            if x + whole < start + columns:
                _add(total, features, occupant[x + whole], weights[x + whole])
            if x - whole - 1 >= start:
                _add(total, features, occupant[x - whole - 1], -weights[x - whole - 1])
            found[x] = total
            if x + whole + 1 < start + columns:
                _add(found[x], features, occupant[x + whole + 1], part * weights[x + whole + 1])
            if x - whole - 1 >= start:
                _add(found[x], features, occupant[x - whole - 1], part * weights[x - whole - 1])


@inlined
def _add(total: Any, features: Any, item: int, weight: float) -> None:
    width = features.shape[1]
    if item >= 0:
        for axis in range(width):
            total[axis] += weight * features[item, axis]
    total[width] += weight


@compiled
def _down(first: int, last: int, across: Any, box: Any, found: Any) -> None:
    columns, radius = box
    rows, width = len(across) // columns, found.shape[1]
    whole = int(radius)
    part = np.float32(radius - whole)
    for low in range(first * _STRIPE, last * _STRIPE, _STRIPE):
        high = min(low + _STRIPE, columns)
        total = np.zeros((high - low, width + 1), np.float32)
        mean = np.empty(width + 1, np.float32)
        for y in range(min(whole, rows)):
            for x in range(low, high):
                total[x - low] += across[y * columns + x]
        for y in range(rows):
            for x in range(low, high):
                sums = total[x - low]
                if y + whole < rows:
                    sums += across[(y + whole) * columns + x]
                if y - whole - 1 >= 0:
                    sums -= across[(y - whole - 1) * columns + x]
                mean[:] = sums
                if y + whole + 1 < rows:
                    mean += part * across[(y + whole + 1) * columns + x]
                if y - whole - 1 >= 0:
                    mean += part * across[(y - whole - 1) * columns + x]
                scale = np.float32(1) / max(mean[width], np.float32(1e-6))
                for axis in range(width):
                    found[y * columns + x, axis] = mean[axis] * scale


@compiled
def _settle(first: int, last: int, what: Any, shape: Any) -> None:
    most = shape[2] * shape[2]
    cells = np.empty(most, np.int64)
    items = np.empty(most, np.int64)
    cost = np.empty((most, most), np.float32)
    for window in range(first, last):
        count = _gathered(what, shape, window, cells)
        images = 0
        for i in range(count):
            items[i] = what.occupant[cells[i]]
            images += items[i] >= 0
        if count < 2 or images == 0:
            continue
        _priced(what, cells, items, count, cost)
        chosen = _least(cost, count)
        gain = np.float32(0)
        scale = np.float32(0)
        for i in range(count):
            gain += cost[i, i] - cost[i, chosen[i]]
            scale += abs(cost[i, i])
        if gain > np.float32(1e-5) * scale:
            for i in range(count):
                what.occupant[cells[chosen[i]]] = items[i]


@inlined
def _gathered(what: Any, shape: Any, window: int, cells: Any) -> Any:
    """The movable cells of a window, and how many they are."""
    rows, columns, side, stride, down, across = shape
    span = side * stride
    beside = -(-(columns + across) // span) * stride
    top = window // beside // stride * span + window // beside % stride - down
    left = window % beside // stride * span + window % beside % stride - across
    count = 0
    for y in range(top, top + span, stride):
        for x in range(left, left + span, stride):
            if 0 <= y < rows and 0 <= x < columns and what.movable[y * columns + x]:
                cells[count] = y * columns + x
                count += 1
    return count


@inlined
def _priced(what: Any, cells: Any, items: Any, count: int, cost: Any) -> None:
    """What each occupant costs in each cell, but for what it costs anywhere; empty cells cost nothing anywhere."""
    width = what.features.shape[1]
    for j in range(count):
        cell = cells[j]
        length = np.float32(0)
        for axis in range(width):
            length += what.wanted[cell, axis] * what.wanted[cell, axis]
        for i in range(count):
            item = items[i]
            if item < 0:
                cost[i, j] = 0
                continue
            product = np.float32(0)
            for axis in range(width):
                product += what.features[item, axis] * what.wanted[cell, axis]
            cost[i, j] = length - 2 * product
            if what.home[item] == cell:
                cost[i, j] -= what.stay


@inlined
def _least(cost: Any, count: int) -> Any:
    """The column of each row so that the sum is least: shortest augmenting paths (Jonker and Volgenant 1987)."""
    endless = np.float32(3e38)
    over_rows = np.zeros(count + 1, np.float32)
    over_columns = np.zeros(count + 1, np.float32)
    row_of = np.zeros(count + 1, np.int64)
    before = np.zeros(count + 1, np.int64)
    shortest = np.empty(count + 1, np.float32)
    seen = np.empty(count + 1, np.bool_)
    for row in range(1, count + 1):
        row_of[0] = row
        column = 0
        shortest[:] = endless
        seen[:] = False
        while row_of[column] != 0:
            seen[column] = True
            current = row_of[column]
            step = endless
            following = 0
            for j in range(1, count + 1):
                if not seen[j]:
                    reduced = cost[current - 1, j - 1] - over_rows[current] - over_columns[j]
                    if reduced < shortest[j]:
                        shortest[j] = reduced
                        before[j] = column
                    if shortest[j] < step:
                        step = shortest[j]
                        following = j
            for j in range(count + 1):
                if seen[j]:
                    over_rows[row_of[j]] += step
                    over_columns[j] -= step
                else:
                    shortest[j] -= step
            column = following
        while column:
            row_of[column] = row_of[before[column]]
            column = before[column]
    chosen = np.empty(count, np.int64)
    for j in range(1, count + 1):
        chosen[row_of[j] - 1] = j - 1
    return chosen
