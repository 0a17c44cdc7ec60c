"""How far the grid had to take images from where the cloud has them: displacement as arrows."""

from __future__ import annotations

import colorsys
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from layout.assign import fitted
from layout.grid import Grid

__all__ = ["arrows"]

_EACH = 2_500  # images up to which each has its arrow; of more, each arrow stands for a neighbourhood
_FINER = 2  # drawn so many times larger, then reduced: Pillow's polygons have hard edges
_STEPS = 5  # pieces of an arrow, from faint at its tail to strong at its head
_SATURATION, _VALUE = 0.62, 0.98
_DOT = (255, 255, 255, 40)


def arrows(
    points: NDArray[np.floating],
    cells: NDArray[np.int64],
    grid: Grid,
    *,
    size: int = 2048,
    background: str = "#111111",
) -> Image.Image:
    """Arrows from the fitted cloud to the cells, `size` pixels along the grid's longer side, coloured by direction.

    Each is thin and faint where an image came from, and strong where it lies. Above 2,500 images an arrow stands for
    those in a patch of the grid: from their mean point to their mean cell, the wider the more go the same way.
    """
    there = grid.centres(cells)
    here = fitted(points, grid)
    # The cloud may reach beyond the grid.
    low = np.minimum(here.min(axis=0, initial=0.0), 0.0)
    high = np.maximum(here.max(axis=0, initial=0.0), grid.extent)
    scale = size * _FINER / float((high - low).max())
    width, height = (max(1, round(side * scale)) for side in high - low)
    picture = Image.new("RGB", (width, height), background)
    if not len(there):
        return picture.reduce(_FINER)
    here, there, extent = here - low, there - low, high - low
    weight = np.ones(len(there))
    draw = ImageDraw.Draw(picture, "RGBA")
    if len(there) > _EACH:
        _dots(draw, here * scale, _FINER)
        here, there, weight = _patches(here, there, extent)
    # A typical neighbour's distance: heads as wide as there is room for.
    room = scale * math.sqrt(grid.capacity / len(there))
    order = np.argsort(np.linalg.norm(there - here, axis=1), kind="stable")[::-1]  # short ones on top
    for index in order:
        _arrow(draw, here[index] * scale, there[index] * scale, room * (0.10 + 0.18 * float(weight[index])))
    return picture.reduce(_FINER)


def _patches(
    here: NDArray[np.float64], there: NDArray[np.float64], extent: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean points and mean cells by patch of the grid, and in [0, 1] how much its images go the same way."""
    side = math.sqrt(float(extent.prod()) / _EACH * 2)
    columns = math.ceil(extent[0] / side)
    number = (there[:, 1] // side).astype(np.int64) * columns + (there[:, 0] // side).astype(np.int64)
    _, member, counts = np.unique(number, return_inverse=True, return_counts=True)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([np.bincount(member, column) / counts for column in values.T], axis=1)

    moved = there - here
    lengths = np.bincount(member, np.linalg.norm(moved, axis=1)) / counts
    agreement = np.linalg.norm(mean(moved), axis=1) / np.maximum(lengths, 1e-12)
    return mean(here), mean(there), agreement


def _arrow(draw: ImageDraw.ImageDraw, tail: NDArray[np.float64], head: NDArray[np.float64], half: float) -> None:
    way = head - tail
    length = float(np.linalg.norm(way))
    angle = math.atan2(way[1], way[0])
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(angle / math.tau % 1, _SATURATION, _VALUE))
    half = max(1.0, min(half, length / 3))
    if length < 2:
        x, y = head
        draw.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill=(red, green, blue, 130))
        return
    along = way / length
    across = np.array([-along[1], along[0]])
    point = min(length * 0.6, 2.6 * half)  # the head's length
    neck = head - along * point
    shaft = half * 0.42
    for step in range(_STEPS):
        begin, end = step / _STEPS, (step + 1) / _STEPS
        corners = [
            tail + (neck - tail) * share + across * shaft * share * sign
            for share, sign in ((begin, 1), (end, 1), (end, -1), (begin, -1))
        ]
        draw.polygon([(x, y) for x, y in corners], fill=(red, green, blue, round(30 + 190 * end)))
    tip = [head, neck + across * half, neck - across * half]
    draw.polygon([(x, y) for x, y in tip], fill=(red, green, blue, 235))


def _dots(draw: ImageDraw.ImageDraw, here: NDArray[np.float64], pixel: int) -> None:
    """Where the cloud is, behind arrows that stand for many."""
    for x, y in here:
        draw.rectangle((x, y, x + pixel - 1, y + pixel - 1), fill=_DOT)
