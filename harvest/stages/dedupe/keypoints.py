"""Places of a picture that are found again in its copies, each with what the picture looks like around it.

Differences of Gaussians and their upright descriptors, after Lowe 2004, "Distinctive Image Features from
Scale-Invariant Keypoints"; descriptors normalised as in Arandjelovic and Zisserman 2012, "Three things everyone should
know to improve object retrieval" (RootSIFT). They are not turned to a main direction: copies are seldom rotated by more
than a few degrees, a picture that is mirrored or turned by right angles only has the entries of its descriptors in
another order, and what stands upright in one picture is not mistaken for what lies in another.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harvest.stages.dedupe.compiled import compiled

__all__ = ["BINS", "CELLS", "MOST", "ONE", "blurred", "keypoints"]

MOST = 256  # keypoints of a picture, the strongest of each of its regions
CELLS, BINS = 4, 8  # a descriptor has CELLS x CELLS x BINS entries: rows, columns, directions from +x towards +y
ONE = 512  # the length of a descriptor
_INTERVALS = 3  # scales an octave
_LEVELS = _INTERVALS + 3
_FIRST, _GIVEN = 1.1, 0.6  # blur in pixels at which an octave begins, and that which a reduced picture has by itself
_LEAST_SIDE = 12  # pixels of the smallest octave
_CONTRAST = 0.6  # grey values of 256
_EDGE = 20.0  # largest ratio of principal curvatures
_REACH = 3.0  # a cell's width in units of the keypoint's scale
_CAP = 0.2  # largest entry of a unit descriptor, so that one bright edge does not decide
_REGIONS = 4  # across and down: each keeps its strongest, so that a crop keeps enough


def keypoints(grey: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Keypoints of a picture (h, w) of grey values 0 to 255: x, y, scale (n, 3) in pixels, descriptors (n, 128).

    At most MOST, in the order of octave, level, row and column. A descriptor's entries are roots, so that dot products
    compare distributions; they are ONE long.
    """
    found, descriptors = [np.empty((0, 4), np.float32)], [np.empty((0, CELLS * CELLS * BINS), np.uint8)]
    base = blurred(grey, math.sqrt(_FIRST**2 - _GIVEN**2))
    step = 1.0
    pyramid = []
    while min(base.shape) >= _LEAST_SIDE:
        levels = _octave(base)
        places = _extrema(levels)
        pyramid.append((levels, places, step))
        base = np.ascontiguousarray(levels[_INTERVALS, ::2, ::2])
        step *= 2
    if not pyramid:
        return found[0][:, :3], descriptors[0]
    chosen = _strongest(
        np.concatenate([places[:, 3] for _, places, _ in pyramid]),
        np.concatenate([places[:, :2] * step for _, places, step in pyramid]),
        grey.shape,
    )
    start = 0
    for levels, places, step in pyramid:
        kept = places[chosen[start : start + len(places)]]
        start += len(places)
        descriptors.append(_described(levels, kept))
        found.append(kept * np.array([step, step, step, 1], np.float32))
    points = np.concatenate(found)[:, :3]
    return points, np.concatenate(descriptors)


def _strongest(strength: NDArray[np.float32], places: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    chosen = np.zeros(len(strength), np.bool_)
    if len(strength) <= MOST:
        chosen[:] = True
        return chosen
    down = np.minimum(places[:, 1] * _REGIONS // shape[0], _REGIONS - 1)
    region = (down * _REGIONS + np.minimum(places[:, 0] * _REGIONS // shape[1], _REGIONS - 1)).astype(np.int64)
    order = np.lexsort((np.arange(len(strength)), -strength, region))
    rank = np.empty(len(order), np.int64)
    begin = np.searchsorted(region[order], np.arange(_REGIONS**2))
    rank[order] = np.arange(len(order)) - begin[region[order]]
    best = np.lexsort((np.arange(len(strength)), -strength, rank >= MOST // _REGIONS**2))[:MOST]
    chosen[best] = True
    return chosen


def _octave(base: NDArray[np.float32]) -> NDArray[np.float32]:
    levels = np.empty((_LEVELS, *base.shape), np.float32)
    levels[0] = base
    for level in range(1, _LEVELS):
        before, after = (_FIRST * 2 ** (number / _INTERVALS) for number in (level - 1, level))
        levels[level] = blurred(levels[level - 1], math.sqrt(after**2 - before**2))
    return levels


def blurred(plane: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """`plane` (h, w) under a Gaussian of `sigma` pixels, its edges repeated outside."""
    reach = math.ceil(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    out: NDArray[np.float32] = _convolved(
        np.ascontiguousarray(plane, dtype=np.float32), (kernel / kernel.sum()).astype(np.float32)
    )
    return out


@compiled
def _convolved(plane: Any, kernel: Any) -> Any:
    height, width = plane.shape
    reach = len(kernel) // 2
    across = np.empty_like(plane)
    padded = np.empty(width + 2 * reach, np.float32)
    for y in range(height):
        padded[:reach] = plane[y, 0]
        padded[reach : reach + width] = plane[y]
        padded[reach + width :] = plane[y, width - 1]
        for x in range(width):
            total = np.float32(0)
            for k in range(len(kernel)):
                total += kernel[k] * padded[x + k]
            across[y, x] = total
    out = np.zeros_like(plane)
    for y in range(height):
        for k in range(len(kernel)):
            row = min(max(y + k - reach, 0), height - 1)
            for x in range(width):
                out[y, x] += kernel[k] * across[row, x]
    return out


@compiled
def _is_extreme(planes: Any, level: int, y: int, x: int) -> Any:
    """Whether a value lies above, or below, all 26 beside it."""
    value = planes[level, y, x]
    sign = 1.0 if value > 0 else -1.0
    for coarser in range(-1, 2):
        for down in range(-1, 2):
            for across in range(-1, 2):
                is_itself = coarser == 0 and down == 0 and across == 0
                if not is_itself and sign * planes[level + coarser, y + down, x + across] >= sign * value:
                    return False
    return True


@compiled
def _extrema(levels: Any) -> Any:
    """Extrema of the differences between levels: x, y, scale in the octave's pixels, and contrast."""
    count, height, width = levels.shape
    planes = levels[1:] - levels[:-1]
    found = []
    for level in range(1, count - 2):
        for y in range(1, height - 1):
            for x in range(1, width - 1):
                value = planes[level, y, x]
                if abs(value) < _CONTRAST or not _is_extreme(planes, level, y, x):
                    continue
                here = planes[level]
                xx = here[y, x + 1] + here[y, x - 1] - 2 * value
                yy = here[y + 1, x] + here[y - 1, x] - 2 * value
                xy = (here[y + 1, x + 1] - here[y + 1, x - 1] - here[y - 1, x + 1] + here[y - 1, x - 1]) / 4
                determinant = xx * yy - xy * xy
                if determinant <= 0 or (xx + yy) ** 2 * _EDGE >= (_EDGE + 1) ** 2 * determinant:
                    continue
                zz = planes[level + 1, y, x] + planes[level - 1, y, x] - 2 * value
                right = -(here[y, x + 1] - here[y, x - 1]) / (2 * xx)
                below = -(here[y + 1, x] - here[y - 1, x]) / (2 * yy)
                coarser = -(planes[level + 1, y, x] - planes[level - 1, y, x]) / (2 * zz)
                scale = _FIRST * 2 ** ((level + min(max(coarser, -0.5), 0.5)) / _INTERVALS)
                found.append((x + min(max(right, -0.5), 0.5), y + min(max(below, -0.5), 0.5), scale, abs(value)))
    out = np.empty((len(found), 4), np.float32)
    for number in range(len(found)):
        out[number, 0], out[number, 1], out[number, 2], out[number, 3] = found[number]
    return out


@compiled
def _described(levels: Any, places: Any) -> Any:
    out = np.zeros((len(places), CELLS * CELLS * BINS), np.uint8)
    for number in range(len(places)):
        scale = places[number, 2]
        level = min(max(round(math.log2(scale / _FIRST) * _INTERVALS), 0), _LEVELS - 1)
        out[number] = _descriptor(levels[level], places[number, 0], places[number, 1], scale)
    return out


@compiled
def _descriptor(plane: Any, x: Any, y: Any, scale: Any) -> Any:
    height, width = plane.shape
    cell = _REACH * scale
    reach = cell * (CELLS + 1) / 2
    bins = np.zeros((CELLS + 2, CELLS + 2, BINS), np.float32)
    for row in range(max(1, math.ceil(y - reach)), min(height - 2, int(y + reach)) + 1):
        for column in range(max(1, math.ceil(x - reach)), min(width - 2, int(x + reach)) + 1):
            gx = plane[row, column + 1] - plane[row, column - 1]
            gy = plane[row + 1, column] - plane[row - 1, column]
            size = math.sqrt(gx * gx + gy * gy)
            if size == 0:
                continue
            across, down = (column - x) / cell, (row - y) / cell
            size *= math.exp(-(across * across + down * down) / (0.5 * CELLS * CELLS))
            u, v = across + CELLS / 2 + 0.5, down + CELLS / 2 + 0.5
            turn = math.atan2(gy, gx) / (2 * math.pi) * BINS
            if turn < 0:
                turn += BINS
            i, j, k = int(v), int(u), int(turn)
            fv, fu, fk = v - i, u - j, turn - k
            k %= BINS
            after = (k + 1) % BINS
            for a in range(2):
                for b in range(2):
                    if i + a > CELLS + 1 or j + b > CELLS + 1:
                        continue
                    part = size * (fv if a else 1 - fv) * (fu if b else 1 - fu)
                    bins[i + a, j + b, k] += part * (1 - fk)
                    bins[i + a, j + b, after] += part * fk
    flat = bins[1:-1, 1:-1].copy().reshape(CELLS * CELLS * BINS)
    length = math.sqrt((flat * flat).sum()) + 1e-6
    flat = np.minimum(flat / length, _CAP)
    total = flat.sum() + 1e-6
    out = np.empty(len(flat), np.uint8)
    for number in range(len(flat)):
        out[number] = min(255, int(ONE * math.sqrt(flat[number] / total) + 0.5))
    return out
