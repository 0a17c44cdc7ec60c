"""Two planes of pixels, one laid over the other by an affine map: fitted, warped, compared window by window."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harvest.stages.dedupe.compiled import compiled

__all__ = ["WINDOW", "agreement", "box_mean", "corner_fill", "refined", "warped"]

WINDOW: Final = 15  # pixels of the windows that are compared
_STEPS = ((2, 10), (1, 4))  # every how-many-th pixel, and refinements at most
_STILL = 0.02  # pixels of movement that end the refinement
_STRIDE = 6.0  # most pixels of movement in one refinement
_REACH = 50.0  # pixels from the middle that turn coefficients into movements
_HUBER = 0.5  # residual from which on a pixel counts less: what is drawn over one picture must not pull
_LEAST = 0.7  # share of a window that has to be covered
_FILL = 8.0  # grey values within which a corner's colour is one fill


def box_mean(plane: NDArray[np.float32], window: int = WINDOW) -> NDArray[np.float32]:
    """Means over `window` squared pixels around each, the plane's edges repeated outside."""
    means: NDArray[np.float32] = _box_mean(np.ascontiguousarray(plane, dtype=np.float32), window)
    return means


def refined(one: NDArray[np.float32], other: NDArray[np.float32], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """The `affine` map (2, 3) from pixels of `one` to those of `other` nearby, at which they differ least.

    Gauss-Newton on all six coefficients with Huber weights (Baker and Matthews 2004, "Lucas-Kanade 20 years on"),
    first on every other pixel. Both planes have their contrast levelled.
    """
    down, across = np.gradient(other)
    planes = np.ascontiguousarray(np.dstack([other, across, down]).astype(np.float32))
    found = affine.copy()
    for step, most in _STEPS:
        found = _gauss_newton(one, planes, found, step, most)
    return found


def warped(planes: NDArray[np.float32], affine: NDArray[np.float64], height: int, width: int) -> NDArray[np.float32]:
    """`planes` (h, w, n) seen from a picture of `height` x `width`, bilinearly; plane n + 1 is 1 where any are."""
    out: NDArray[np.float32] = _warped(planes, affine, height, width)
    return out


def agreement(
    one: NDArray[np.float32], other: NDArray[np.float32], inside: NDArray[np.bool_], floor: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Correlation of the two planes in each window that is mostly `inside`, and the larger standard deviation there.

    `floor` is a variance that both are given in common, so that noise on flat ground agrees with flat ground.
    """
    weight = inside.astype(np.float32)
    x, y = one * weight, other * weight
    share = box_mean(weight)
    covered = share > _LEAST
    share = np.maximum(share, 1e-3)
    mean_x, mean_y = box_mean(x) / share, box_mean(y) / share
    var_x = np.maximum(box_mean(x * x) / share - mean_x * mean_x, 0)[covered]
    var_y = np.maximum(box_mean(y * y) / share - mean_y * mean_y, 0)[covered]
    common = (box_mean(x * y) / share - mean_x * mean_y)[covered]
    correlation = (common + floor / 2) / np.sqrt((var_x + floor / 2) * (var_y + floor / 2))
    return correlation, np.sqrt(np.maximum(var_x, var_y))


def corner_fill(pixels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a picture (h, w, 3 or more) goes on with the colour of one of its corners: the fill of turned pictures."""
    filled: NDArray[np.bool_] = _corner_fill(np.ascontiguousarray(pixels[..., :3]))
    return filled


@compiled
def _box_mean(plane: Any, window: int) -> Any:
    height, width = plane.shape
    reach = window // 2
    across = np.empty((height, width), np.float64)
    for y in range(height):
        total = 0.0
        for x in range(-reach, reach + 1):
            total += plane[y, min(max(x, 0), width - 1)]
        for x in range(width):
            across[y, x] = total
            total += plane[y, min(x + reach + 1, width - 1)] - plane[y, max(x - reach, 0)]
    out, sums = np.empty((height, width), np.float32), np.zeros(width, np.float64)
    for y in range(-reach, reach + 1):
        sums += across[min(max(y, 0), height - 1)]
    for y in range(height):
        out[y] = sums / (window * window)
        sums += across[min(y + reach + 1, height - 1)] - across[max(y - reach, 0)]
    return out


@compiled
def _corner_fill(pixels: Any) -> Any:
    height, width = pixels.shape[:2]
    out = np.zeros((height, width), np.bool_)
    stack = np.empty((height * width + 1, 2), np.int64)
    for corner in range(4):
        top_row, left = (0 if corner < 2 else height - 1), (0 if corner % 2 == 0 else width - 1)
        if out[top_row, left]:
            continue
        colour = pixels[top_row, left]
        stack[0, 0], stack[0, 1] = top_row, left
        out[top_row, left] = True
        waiting = 1
        while waiting > 0:
            waiting -= 1
            y, x = stack[waiting, 0], stack[waiting, 1]
            for down, across in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                v, u = y + down, x + across
                if v < 0 or u < 0 or v >= height or u >= width or out[v, u]:
                    continue
                here = pixels[v, u]
                if max(abs(here[0] - colour[0]), abs(here[1] - colour[1]), abs(here[2] - colour[2])) <= _FILL:
                    out[v, u] = True
                    stack[waiting, 0], stack[waiting, 1] = v, u
                    waiting += 1
    return out


@compiled
def _sampled(planes: Any, plane: Any, u: Any, v: Any) -> Any:
    i, j = min(int(v), planes.shape[0] - 2), min(int(u), planes.shape[1] - 2)
    down, across = v - i, u - j
    above = (1 - across) * planes[i, j, plane] + across * planes[i, j + 1, plane]
    below = (1 - across) * planes[i + 1, j, plane] + across * planes[i + 1, j + 1, plane]
    return (1 - down) * above + down * below


@compiled
def _gauss_newton(one: Any, planes: Any, affine: Any, stride: int, most: int) -> Any:
    height, width = one.shape
    bottom, right = planes.shape[0] - 1, planes.shape[1] - 1
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    slope = np.empty(6)
    for _ in range(most):
        curvature, force, count = np.zeros((6, 6)), np.zeros(6), 0
        for y in range(0, height, stride):
            for x in range(0, width, stride):
                u = affine[0, 0] * x + affine[0, 1] * y + affine[0, 2]
                v = affine[1, 0] * x + affine[1, 1] * y + affine[1, 2]
                if u < 0 or v < 0 or u > right or v > bottom:
                    continue
                off = _sampled(planes, 0, u, v) - one[y, x]
                weight = 1.0 if abs(off) < _HUBER else _HUBER / abs(off)
                across, down = _sampled(planes, 1, u, v), _sampled(planes, 2, u, v)
                far_x, far_y = (x - middle_x) / _REACH, (y - middle_y) / _REACH
                slope[0], slope[1], slope[2] = across * far_x, across * far_y, across
                slope[3], slope[4], slope[5] = down * far_x, down * far_y, down
                for p in range(6):
                    force[p] += weight * slope[p] * off
                    for q in range(6):
                        curvature[p, q] += weight * slope[p] * slope[q]
                count += 1
        if count * stride * stride < 300:
            break
        for p in range(6):
            curvature[p, p] += 1e-5 * count + 1e-6
        move = -np.linalg.solve(curvature, force)
        far = max(abs(move[0]) + abs(move[1]), abs(move[3]) + abs(move[4])) * 2 + abs(move[2]) + abs(move[5])
        if far > _STRIDE:
            move *= _STRIDE / far
        for row in range(2):
            affine[row, 0] += move[3 * row] / _REACH
            affine[row, 1] += move[3 * row + 1] / _REACH
            affine[row, 2] += move[3 * row + 2] - (move[3 * row] * middle_x + move[3 * row + 1] * middle_y) / _REACH
        if far < _STILL:
            break
    return affine


@compiled
def _warped(planes: Any, affine: Any, height: int, width: int) -> Any:
    count = planes.shape[2]
    out = np.zeros((height, width, count + 1), np.float32)
    for y in range(height):
        for x in range(width):
            u = affine[0, 0] * x + affine[0, 1] * y + affine[0, 2]
            v = affine[1, 0] * x + affine[1, 1] * y + affine[1, 2]
            if u < 0 or v < 0 or u > planes.shape[1] - 1 or v > planes.shape[0] - 1:
                continue
            for plane in range(count):
                out[y, x, plane] = _sampled(planes, plane, u, v)
            out[y, x, count] = 1
    return out
