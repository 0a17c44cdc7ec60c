"""Mosaics in a shape: a circle, a letter, a map. A stencil is (h, w) of 0 to 1, how much of each pixel is open."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from layout.grid import ROW_OF_HEXAGONS, Grid
from layout.lettering import Font, typeface_for

__all__ = ["SHAPES", "Ink", "picture_stencil", "shape_stencil", "stencil_grid", "text_stencil"]

Stencil = NDArray[np.float32]
Ink = Literal["auto", "dark", "light", "alpha"]

_SIDE = 1_024
_LETTER = 512
_STROKE = 0.02  # of a letter's size, added around it: thin strokes need more cells to be read
_TRACKING = 0.01
_LINE = 1.05
_HALF = 0.5
_LEAST = 0.3  # of a cell that the stencil covers, for one that is open where columns are fixed
_OPAQUE = 250
_DARK = 128
_FAR = 4  # times as many columns as the area asks for
_FURTHER = 4  # columns more than are needed that are looked at, for the fewest cells to close


def shape_stencil(name: str) -> Stencil:
    """One of SHAPES. Raises ValueError for another name."""
    if name not in SHAPES:
        raise ValueError(f"expected one of {', '.join(SHAPES)}, got {name!r}")
    y, x = np.mgrid[:_SIDE, :_SIDE] * (2 / (_SIDE - 1)) - 1
    return _cropped(SHAPES[name](x, y).astype(np.float32))


def _heart(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    x, y = x * 1.2, 0.15 - y * 1.2
    return np.asarray((x**2 + y**2 - 1) ** 3 - x**2 * y**3 <= 0)


SHAPES: Mapping[str, Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]] = {
    "circle": lambda x, y: np.hypot(x, y) <= 1,
    "ring": lambda x, y: (np.hypot(x, y) <= 1) & (np.hypot(x, y) >= 0.45),
    "diamond": lambda x, y: abs(x) + abs(y) <= 1,
    "hexagon": lambda x, y: (abs(x) <= ROW_OF_HEXAGONS) & (abs(x) / 2 + abs(y) * ROW_OF_HEXAGONS <= ROW_OF_HEXAGONS),
    "heart": _heart,
}
"""What is open, by x to the right and y downward, both from -1 to 1."""


def text_stencil(text: str, font: str | None = None) -> Stencil:
    """Letters, in lines where `text` has several; of the font file `font`, or of one that has all of them.

    Raises ValueError for a text without anything to see, and for a font that cannot be read.
    """
    try:
        face: Font = ImageFont.truetype(font, _LETTER) if font else typeface_for([text]).font(_LETTER)
    except OSError as error:
        raise ValueError(f"{font} cannot be read as a font: {error}") from None
    lines = text.split("\n")
    stroke, gap = round(_LETTER * _STROKE), _LETTER * (2 * _STROKE + _TRACKING)
    widths = [sum(face.getlength(part) + gap for part in _parts(line)) for line in lines]
    pitch = _LETTER * _LINE
    size = (math.ceil(max(widths) + 2 * _LETTER), math.ceil(pitch * (len(lines) + 1)))
    picture = Image.new("L", size)
    draw = ImageDraw.Draw(picture)
    for number, (line, width) in enumerate(zip(lines, widths, strict=True)):
        x = (size[0] - width) / 2
        for part in _parts(line):
            draw.text((x, pitch * (number + 1)), part, font=face, fill=255, anchor="ls", stroke_width=stroke)
            x += face.getlength(part) + gap
    stencil = _cropped(np.asarray(np.asarray(picture) / 255, np.float32))
    if not stencil.size:
        raise ValueError(f"{text!r} has no letters to see")
    return stencil


def _parts(line: str) -> list[str]:
    """What is set at once: single letters, apart from each other; the whole line where letters are joined."""
    joined = any(unicodedata.combining(letter) or unicodedata.bidirectional(letter) in {"R", "AL"} for letter in line)
    return [line] if joined else list(line)


def picture_stencil(picture: Image.Image, *, ink: Ink = "auto") -> Stencil:
    """A silhouette: what is `dark`, `light` or opaque (`alpha`) is open.

    `auto` takes what is opaque where a picture has transparent parts, else what differs from most of its border: dark
    on light, or light on dark. Grey is open in part. Raises ValueError for a picture of one tone.
    """
    grey, alpha = _channels(picture)
    if ink == "auto":
        border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
        ink = "alpha" if alpha.min() < _OPAQUE else ("dark" if np.median(border) >= _DARK else "light")
    covered = {"alpha": alpha, "dark": 255 - grey, "light": grey}[ink] / np.float32(255)
    if (covered >= _HALF).all() or not (covered >= _HALF).any():
        raise ValueError(f"nothing in the picture stands out as {ink}: expected a silhouette, such as black on white")
    return _cropped(covered.astype(np.float32))


def _channels(picture: Image.Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Brightness on white, and opacity, 0 to 255, at no more than 1,024 pixels a side."""
    small = picture.convert("RGBA")
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    alpha = np.asarray(small.getchannel("A"), np.float32)
    white = Image.new("RGBA", small.size, "white")
    return np.asarray(Image.alpha_composite(white, small).convert("L"), np.float32), alpha


def _cropped(covered: Stencil) -> Stencil:
    """Without rows and columns at the border that are closed; of no size where all are."""
    seen = covered >= _HALF
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return covered[:0, :0]
    return covered[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def stencil_grid(
    stencil: Stencil,
    n: int,
    *,
    columns: int | None = None,
    rows: int | None = None,
    hexagonal: bool = False,
) -> Grid:
    """The grid in the shape of `stencil`, just so fine that its open cells hold `n` images.

    Cells that the stencil covers by half are open; those beyond `n` that it covers least are closed again, so that
    nothing is left for holes. Where `columns` or `rows` are fixed, the grid is that fine, and open cells that `n`
    images do not fill are holes. Raises ValueError where it is not fine enough, saying how fine it has to be.
    """
    height, width = stencil.shape
    aspect = width / height * (ROW_OF_HEXAGONS if hexagonal else 1)
    if columns is not None or rows is not None:
        across = columns or max(1, round((rows or 1) * aspect))
        down = rows or max(1, round(across / aspect))
        cover = _cover(stencil, across, down, hexagonal)
        open_cells = cover >= _HALF
        if open_cells.sum() < n:
            open_cells = _fullest(cover, n, _LEAST)
        if open_cells.sum() < n:
            finer = stencil_grid(stencil, n, hexagonal=hexagonal)
            raise ValueError(
                f"{across} columns and {down} rows leave {int(open_cells.sum())} cells in this shape, "
                f"and there are {n} images: choose {finer.columns} columns"
            )
        return Grid(across, down, open_cells, hexagonal=hexagonal)
    across = max(1, math.floor(math.sqrt(n / float(stencil.mean()) * aspect) * 0.9))
    last = _FAR * across + 8
    fitting: list[tuple[int, NDArray[np.float32]]] = []
    while len(fitting) < _FURTHER:
        cover = _cover(stencil, across, max(1, round(across / aspect)), hexagonal)
        count = int((cover >= _HALF).sum())
        if count >= n or (across >= last and cover.size >= n):
            fitting.append((abs(count - n), cover))
        across += 1
    _, cover = min(fitting, key=lambda each: each[0])
    return Grid(cover.shape[1], cover.shape[0], _fullest(cover, max(n, 1), 0), hexagonal=hexagonal)


def _cover(stencil: Stencil, columns: int, rows: int, hexagonal: bool) -> NDArray[np.float32]:
    """(rows, columns) how much of each cell the stencil covers."""
    halves = Image.fromarray(stencil).resize((2 * columns + hexagonal, rows), Image.Resampling.BOX)
    fine = np.asarray(halves, np.float32)
    cover = fine[:, : 2 * columns].reshape(rows, columns, 2).mean(axis=2)
    if hexagonal:
        cover[1::2] = fine[1::2, 1:].reshape(-1, columns, 2).mean(axis=2)
    return np.asarray(cover, np.float32)


def _fullest(cover: NDArray[np.float32], n: int, least: float) -> NDArray[np.bool_]:
    """The `n` cells that are covered most, by `least` or more; of those covered alike, the ones furthest inside."""
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415 - heavy

    inside = gaussian_filter(cover, 2, mode="constant")
    order = np.lexsort((-inside.ravel(), -cover.ravel()))[:n]
    chosen = np.zeros(cover.size, np.bool_)
    chosen[order] = cover.ravel()[order] >= least
    return chosen.reshape(cover.shape)
