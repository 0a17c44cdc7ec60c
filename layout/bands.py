"""Pictures that are never whole in memory: rows of pixels, handed on from the top downwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["Bands", "checked", "regrouped", "whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """A picture of `width` x `height` pixels; `rows` gives it once, as (h, width, 3) uint8 arrays of whatever heights.

    An array belongs to whoever takes it: it is not changed afterwards.
    """

    width: int
    height: int
    rows: Iterable[NDArray[np.uint8]]


def checked(bands: Bands) -> Iterator[NDArray[np.uint8]]:
    """The rows as they come. Raises ValueError where there are others, or another number, than `bands` says."""
    total = 0
    for rows in bands.rows:
        if rows.ndim != 3 or rows.shape[1:] != (bands.width, 3) or rows.dtype != np.uint8:
            raise ValueError(f"expected rows of {bands.width} RGB pixels, got {rows.dtype} of shape {rows.shape}")
        total += len(rows)
        yield rows
    if total != bands.height:
        raise ValueError(f"expected {bands.height} rows of pixels, got {total}")


def regrouped(bands: Bands, height: int) -> Iterator[NDArray[np.uint8]]:
    """The same rows, `height` at a time; the last may be fewer. Raises ValueError as `checked` does."""
    held = np.empty((height, bands.width, 3), np.uint8)
    count = 0
    for rows in checked(bands):
        first = 0
        while first < len(rows):
            some = rows[first : first + height - count]
            held[count : count + len(some)] = some
            first, count = first + len(some), count + len(some)
            if count == height:
                yield held
                held, count = np.empty_like(held), 0
    if count:
        yield held[:count]


def whole(bands: Bands) -> Image.Image:
    """The picture in one piece, for what cannot take it in rows. Raises ValueError as `checked` does."""
    picture = Image.new("RGB", (bands.width, bands.height))
    top = 0
    for rows in checked(bands):
        picture.paste(Image.fromarray(rows), (0, top))
        top += len(rows)
    return picture
