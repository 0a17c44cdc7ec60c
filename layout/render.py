"""Tiles as they are given, and the cloud of thumbnails that a mosaic came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

__all__ = [
    "LARGEST_PIXELS",
    "Tile",
    "Tiles",
    "as_image",
    "each_tile",
    "fitted",
    "hexagon",
    "scatter",
]

Tile = NDArray[np.uint8] | Image.Image
Tiles = Iterable[Tile] | Callable[[int], Tile]

LARGEST_PIXELS = 89_478_485
"""Pillow warns when it reads more, and browsers give up not far above."""

_COVER = 0.9
_MARGIN = 0.04
_SMALLEST_THUMB = 12
_LARGEST_THUMB = 256


def scatter(
    tiles: Tiles,
    points: NDArray[np.floating],
    *,
    size: int = 2048,
    thumb: int | None = None,
    background: str = "#111111",
) -> Image.Image:
    """Thumbnails at their `points` (n, 2), `size` pixels along the cloud's longer side, with one factor for both axes.

    By default thumbnails are as large as would nearly cover the picture if they lay side by side. A hairline in
    `background` keeps overlapping ones apart; those in sparse places lie on top: a crowd can spare a covered member.
    """
    points = np.asarray(points, np.float64)
    if not len(points):
        return Image.new("RGB", (size, size), background)
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    shape = extent / (extent.max() or 1.0)
    if thumb is None:
        covered = _COVER * size * size * max(float(shape.min()), 0.25) / len(points)
        thumb = int(np.clip(covered**0.5, _SMALLEST_THUMB, min(_LARGEST_THUMB, size // 4)))
    margin = round(size * _MARGIN) + thumb // 2
    inner = size - 2 * margin
    width, height = (round(2 * margin + inner * side) for side in shape)
    corners = np.rint(margin + (points - low) / (extent.max() or 1.0) * inner - thumb / 2).astype(int)
    picture = Image.new("RGB", (width, height), background)
    thumbs = [fitted(part, (thumb, thumb), "contain") for part in each_tile(tiles, len(points))]
    for index in _crowded_first(corners, thumb):
        left, top = (int(value) for value in corners[index])
        part = thumbs[index]
        left, top = left + (thumb - part.width) // 2, top + (thumb - part.height) // 2
        picture.paste(background, (left - 1, top - 1, left + part.width + 1, top + part.height + 1))
        picture.paste(part, (left, top))
    return picture


def _crowded_first(corners: NDArray[np.int64], thumb: int) -> list[int]:
    """Numbers of the thumbnails, those with many others in the squares around them first."""
    squares = corners // (2 * thumb)
    _, member, counts = np.unique(squares, axis=0, return_inverse=True, return_counts=True)
    return [int(index) for index in np.argsort(-counts[member.ravel()], kind="stable")]


def each_tile(tiles: Tiles, n: int) -> Iterator[Tile]:
    """The `n` tiles one after another, however they are given."""
    return (tiles(index) for index in range(n)) if callable(tiles) else iter(tiles)


def as_image(tile: Tile) -> Image.Image:
    """A tile as an RGB image."""
    image = tile if isinstance(tile, Image.Image) else Image.fromarray(tile)
    return image if image.mode == "RGB" else image.convert("RGB")


def fitted(part: Tile, size: tuple[int, int], fit: Literal["crop", "contain"]) -> Image.Image:
    """A tile that fills `size` (`crop`), or is whole and as large as fits into it (`contain`)."""
    image = as_image(part)
    if image.size == size:
        return image
    share = min(size[0] / image.width, size[1] / image.height)
    method = Image.Resampling.BICUBIC if share > 1 else Image.Resampling.LANCZOS
    if fit == "crop":
        return ImageOps.fit(image, size, method)
    return image.resize((max(1, round(image.width * share)), max(1, round(image.height * share))), method)


def hexagon(width: int, height: int) -> NDArray[np.bool_]:
    """(height, width): the pixels of a hexagon that stands on a corner and fills the box."""
    x = np.abs((np.arange(width) + 0.5) / width - 0.5)
    y = np.abs((np.arange(height) + 0.5) / height - 0.5)
    return np.asarray(y[:, None] <= 0.5 - x[None, :] / 2)
