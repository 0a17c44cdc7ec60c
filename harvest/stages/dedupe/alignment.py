"""How one picture may lie upon another, as far as their keypoints tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harvest.stages.dedupe.compiled import compiled
from harvest.stages.dedupe.keypoints import BINS, CELLS, ONE

__all__ = ["DIHEDRAL", "ORDERS", "TURNS", "Alignment", "align"]

_MATCH: Final = 0.80  # least dot product of the unit descriptors of one place
_LEAST = 4  # keypoints that a proposal needs
_COARSE, _FINE = 7.0, 3.0  # pixels by which a keypoint may be off: under one match's proposal, under the fit
_OCTAVE = 0.5  # octaves by which a keypoint's scale may be off
_ENOUGH, _SPREAD = 8, 9.0  # keypoints, and pixels of their lesser spread, that settle all of an affine map

_Turn = Callable[[NDArray[Any]], NDArray[Any]]
#: A picture's pixels (h, w, ...), mirrored or turned.
TURNS: Final[dict[str, _Turn]] = {
    "upright": lambda pixels: pixels,
    "mirrored": lambda pixels: pixels[:, ::-1],
    "upside down": lambda pixels: pixels[::-1],
    "turned 180": lambda pixels: pixels[::-1, ::-1],
    "transposed": lambda pixels: pixels.swapaxes(0, 1),
    "turned 90": lambda pixels: pixels.swapaxes(0, 1)[:, ::-1],
    "turned 270": lambda pixels: pixels.swapaxes(0, 1)[::-1],
    "transversed": lambda pixels: pixels.swapaxes(0, 1)[::-1, ::-1],
}
#: The turns that each word of a recipe's `dihedral` allows.
DIHEDRAL: Final = {
    "none": ("upright",),
    "flips": ("upright", "mirrored", "upside down", "turned 180"),
    "all": tuple(TURNS),
}
_HALF, _QUARTER = BINS // 2, BINS // 4
_DIRECTIONS: Final[dict[str, tuple[int, int]]] = {  # direction k was, before the turn, sign * k + offset
    "upright": (1, 0),
    "mirrored": (-1, _HALF),
    "upside down": (-1, 0),
    "turned 180": (1, _HALF),
    "transposed": (-1, _QUARTER),
    "turned 90": (1, -_QUARTER),
    "turned 270": (1, _QUARTER),
    "transversed": (-1, -_QUARTER),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """`affine` (2, 3) maps pixels of one picture to those of the other, turned; `support` keypoints agree."""

    turn: str
    affine: NDArray[np.float64] = field(repr=False)
    support: int


def align(
    one: tuple[NDArray[np.float32], NDArray[np.uint8]],
    other: tuple[NDArray[np.float32], NDArray[np.uint8]],
    shape: tuple[int, ...],
    *,
    dihedral: str,
) -> Alignment | None:
    """The best supported way in which `other`, of `shape` (h, w) pixels, may be a copy of `one`; None without any.

    Both are keypoints as `keypoints` gives them. Every match proposes scale and place by itself; the proposal that most
    others support is fitted by least squares, as a similarity or, with many keypoints far apart, an affine map.
    """
    best: Alignment | None = None
    for turn in DIHEDRAL[dihedral]:
        points = _turned(other[0], turn, shape)
        descriptors = np.ascontiguousarray(other[1][:, ORDERS[turn]])
        pairs = _matches(one[1], descriptors, int(_MATCH * ONE * ONE))
        if len(pairs) >= _LEAST:
            found = _fitted(one[0][pairs[:, 0]].astype(np.float64), points[pairs[:, 1]].astype(np.float64))
            if found is not None and (best is None or found[1] > best.support):
                best = Alignment(turn=turn, affine=found[0], support=found[1])
    return best


def _turned(points: NDArray[np.float32], turn: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Keypoints of a picture of `shape` as they lie after the turn."""
    right, below = shape[1] - 1, shape[0] - 1
    x, y = points[:, 0], points[:, 1]
    x, y = {
        "upright": (x, y),
        "mirrored": (right - x, y),
        "upside down": (x, below - y),
        "turned 180": (right - x, below - y),
        "transposed": (y, x),
        "turned 90": (below - y, x),
        "turned 270": (y, right - x),
        "transversed": (below - y, right - x),
    }[turn]
    return np.stack([x, y, points[:, 2]], axis=1)


def _orders() -> dict[str, NDArray[np.intp]]:
    """For each turn, which entry of a descriptor comes to stand where."""
    entries, directions = np.arange(CELLS * CELLS * BINS).reshape(CELLS, CELLS, BINS), np.arange(BINS)
    orders: dict[str, NDArray[np.intp]] = {}
    for turn, change in TURNS.items():
        sign, offset = _DIRECTIONS[turn]
        orders[turn] = change(entries)[:, :, (sign * directions + offset) % BINS].ravel()
    return orders


#: For each turn, which entry of a descriptor comes to stand where.
ORDERS: Final = _orders()


@compiled
def _matches(one: Any, other: Any, floor: int) -> Any:
    """Pairs of descriptors that are each other's nearest, with a dot product of at least `floor`."""
    best, back = np.full(len(one), -1), np.full(len(other), -1)
    best_dot, back_dot = np.full(len(one), floor), np.full(len(other), floor)
    for i in range(len(one)):
        for j in range(len(other)):
            dot = np.int32(0)
            for k in range(one.shape[1]):
                dot += np.int32(one[i, k]) * np.int32(other[j, k])
            if dot > best_dot[i]:
                best_dot[i], best[i] = dot, j
            if dot > back_dot[j]:
                back_dot[j], back[j] = dot, i
    out = np.empty((len(one), 2), np.int64)
    count = 0
    for i in range(len(one)):
        if best[i] >= 0 and back[best[i]] == i:
            out[count, 0], out[count, 1] = i, best[i]
            count += 1
    return out[:count]


def _fitted(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[NDArray[np.float64], int] | None:
    """The affine map of matched keypoints (n, 3) and how many it holds for."""
    ratio = other[:, 2] / one[:, 2]
    shift = other[:, :2] - ratio[:, None] * one[:, :2]
    off = np.abs(ratio[:, None, None] * one[None, :, :2] + shift[:, None] - other[None, :, :2]).max(axis=2)
    octaves = np.abs(np.log2(ratio)[None, :] - np.log2(ratio)[:, None])
    supports = (off <= _COARSE * np.maximum(1, ratio)[:, None]) & (octaves <= _OCTAVE)
    inside = supports[int(supports.sum(axis=1).argmax())]
    for tolerance in (_COARSE, _FINE, _FINE):
        if inside.sum() < _LEAST:
            return None
        affine = _least_squares(one[inside, :2], other[inside, :2])
        size = abs(np.linalg.det(affine[:, :2]))
        if size < 1e-3:
            return None
        error = np.abs(one[:, :2] @ affine[:, :2].T + affine[:, 2] - other[:, :2]).max(axis=1)
        inside = error <= tolerance * max(1.0, size**0.5)
    support = int(inside.sum())
    return (affine, support) if support >= _LEAST else None


def _least_squares(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    middle, target = one.mean(axis=0), other.mean(axis=0)
    x, y = (one - middle).T
    u, v = (other - target).T
    spread = np.linalg.svd(one - middle, compute_uv=False)[-1] / len(one) ** 0.5
    if len(one) >= _ENOUGH and spread >= _SPREAD:
        linear = np.linalg.lstsq(one - middle, other - target, rcond=None)[0].T
    else:
        total = max(float((x * x + y * y).sum()), 1e-9)
        same, turned = float((x * u + y * v).sum()) / total, float((x * v - y * u).sum()) / total
        linear = np.array([[same, -turned], [turned, same]])
    return np.column_stack([linear, target - linear @ middle])
