"""The mosaic, a row of tiles at a time: of any size, in the memory of two rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw

from layout.bands import Bands
from layout.grid import ROW_OF_HEXAGONS, Grid
from layout.lettering import Typeface, typeface_for
from layout.render import Tile, fitted, hexagon

__all__ = ["Advance", "MosaicStyle", "TileSource", "mosaic_bands"]

TileSource = Callable[[int], Tile]
"""The i-th tile. It is asked in several threads, for the tiles of a row at once, row by row."""

Advance = Callable[[int], object]
"""Told how many more tiles are drawn."""

_LINE = 1.35  # of a caption's letters: from one baseline to the next
_DARK, _LIGHT = (29, 28, 26), (244, 241, 234)
_FAINT = 0.7  # share of ink in a caption


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicStyle:
    """How a mosaic looks: tiles of `tile` by `tile` pixels, `gutter` pixels of `background` between and around them.

    Pictures of another shape are cropped to the square, or lie whole within it (`contain`). `lines` of captions have
    room under each tile. Hexagons of a hexagonal grid are `tile` pixels wide, higher than wide, and filled; they have
    no captions.
    """

    tile: int = 128
    gutter: int = 0
    background: str = "#111111"
    fit: Literal["crop", "contain"] = "crop"
    lines: int = 0

    @property
    def letters(self) -> int:
        """Pixels of a caption's type."""
        return max(8, min(18, round(self.tile * 0.095)))

    @property
    def caption(self) -> int:
        """Pixels between a tile's lower edge and that of its captions."""
        return round(self.letters * (0.65 + _LINE * self.lines)) if self.lines else 0

    def shape(self, grid: Grid) -> tuple[int, int]:
        """Width and height in pixels of what a cell shows, without captions."""
        return self.tile, round(self.tile / ROW_OF_HEXAGONS) if grid.hexagonal else self.tile

    def pitch(self, grid: Grid) -> tuple[int, int]:
        """Pixels from one cell to the next, to the right and down."""
        across = self.tile + self.gutter
        return across, round(across * ROW_OF_HEXAGONS) if grid.hexagonal else across + self.caption

    def size(self, grid: Grid) -> tuple[int, int]:
        """Width and height of the mosaic in pixels."""
        across, down = self.pitch(grid)
        shift = across // 2 if grid.hexagonal and grid.rows > 1 else 0
        _, tall = self.shape(grid)
        return grid.columns * across + self.gutter + shift, (
            grid.rows - 1
        ) * down + tall + self.caption + 2 * self.gutter

    def box(self, cell: int, grid: Grid) -> tuple[int, int, int, int]:
        """Left, top, right and bottom pixel of a cell's tile in the mosaic."""
        row, column = divmod(int(cell), grid.columns)
        across, down = self.pitch(grid)
        wide, tall = self.shape(grid)
        left = self.gutter + column * across + (across // 2 if grid.hexagonal and row % 2 else 0)
        top = self.gutter + row * down
        return left, top, left + wide, top + tall


def mosaic_bands(
    tiles: TileSource,
    cells: NDArray[np.int64],
    grid: Grid,
    style: MosaicStyle,
    *,
    captions: Sequence[str | None] = (),
    progress: Advance | None = None,
) -> Bands:
    """The mosaic as rows of pixels: tile i in `cells[i]`, `captions[i]` under it, holes and gutters in the background.

    Captions are lines of words, of which `style.lines` are shown, cut to the width of a tile. Rows of tiles are drawn
    while the one before is used, in as many threads as cores. Raises ValueError for cells that are not of the grid, or
    come twice, and for captions that are not as many as cells.
    """
    cells = np.asarray(cells, np.int64)
    low, high = cells.min(initial=0), cells.max(initial=0)
    if low < 0 or high >= grid.columns * grid.rows:
        raise ValueError(f"expected cells of a grid of {grid.columns} x {grid.rows}, got {low} to {high}")
    if len(np.unique(cells)) < len(cells):
        raise ValueError("expected a cell of its own for each tile, and some come twice")
    if style.lines and (grid.hexagonal or len(captions) != len(cells)):
        raise ValueError(
            "hexagons have no room for captions: expected lines=0"
            if grid.hexagonal
            else f"expected a caption for each of {len(cells)} tiles, got {len(captions)}"
        )
    width, height = style.size(grid)
    return Bands(width=width, height=height, rows=_Painter(tiles, cells, grid, style, captions).rows(progress))


class _Painter:
    """Draws row after row; hexagons reach into the row below theirs, whose rows of pixels are then begun already."""

    def __init__(
        self,
        tiles: TileSource,
        cells: NDArray[np.int64],
        grid: Grid,
        style: MosaicStyle,
        captions: Sequence[str | None],
    ) -> None:
        self._tiles, self._cells, self._grid, self._style = tiles, cells, grid, style
        self._captions = captions if style.lines else ()
        self._width, _ = style.size(grid)
        self._ground = np.array(ImageColor.getrgb(style.background)[:3], np.uint8)
        self._typeface = typeface_for(caption for caption in self._captions if caption)
        self._mask = hexagon(*style.shape(grid)) if grid.hexagonal else None

    def rows(self, progress: Advance | None) -> Iterator[NDArray[np.uint8]]:
        grid, style = self._grid, self._style
        order = np.argsort(self._cells, kind="stable")
        ends = np.searchsorted(self._cells[order], np.arange(1, grid.rows + 1) * grid.columns)
        members = [part.tolist() for part in np.split(order, ends[:-1])]
        down = style.pitch(grid)[1]
        full = style.shape(grid)[1] + style.caption  # of a row that none reaches into
        begun = self._blank(0)
        if style.gutter:
            yield self._blank(style.gutter)
        pool = ThreadPoolExecutor(_threads())
        try:
            coming = pool.map(self._drawn, members[0])
            for row, indices in enumerate(members):
                now, coming = coming, pool.map(self._drawn, members[row + 1] if row + 1 < grid.rows else ())
                band = self._blank(max(full, down))
                band[: len(begun)] = begun
                for index, picture in zip(indices, now, strict=True):
                    self._place(band, index, picture)
                if progress is not None:
                    progress(len(indices))
                begun = band[down:]
                yield band[:down] if row + 1 < grid.rows else band[:full]
        finally:
            pool.shutdown(cancel_futures=True)
        if style.gutter:
            yield self._blank(style.gutter)

    def _blank(self, height: int) -> NDArray[np.uint8]:
        band = np.empty((height, self._width, 3), np.uint8)
        band[:] = self._ground
        return band

    def _drawn(self, index: int) -> NDArray[np.uint8]:
        """A tile with its caption, as it lies in its cell."""
        wide, tall = self._style.shape(self._grid)
        picture = np.asarray(fitted(self._tiles(index), (wide, tall), self._style.fit))
        if not self._style.lines and picture.shape[:2] == (tall, wide):
            return picture
        cell = np.empty((tall + self._style.caption, wide, 3), np.uint8)
        cell[:] = self._ground
        # With captions, pictures stand on their line, as on a shelf.
        top, left = (tall - len(picture)) // (1 if self._style.lines else 2), (wide - picture.shape[1]) // 2
        cell[top : top + len(picture), left : left + picture.shape[1]] = picture
        caption = self._captions[index] if self._captions else None
        return _lettered(cell, tall, caption, self._style, self._typeface) if caption else cell

    def _place(self, band: NDArray[np.uint8], index: int, picture: NDArray[np.uint8]) -> None:
        left, _, right, _ = self._style.box(int(self._cells[index]), self._grid)
        target = band[: len(picture), left:right]
        if self._mask is None:
            target[:] = picture
        else:
            target[self._mask] = picture[self._mask]


def _lettered(
    cell: NDArray[np.uint8], tall: int, caption: str, style: MosaicStyle, typeface: Typeface
) -> NDArray[np.uint8]:
    image = Image.fromarray(cell)
    draw, font = ImageDraw.Draw(image), typeface.font(style.letters)
    paper = ImageColor.getrgb(style.background)[:3]
    ink = _DARK if 0.299 * paper[0] + 0.587 * paper[1] + 0.114 * paper[2] > 127 else _LIGHT
    shade = tuple(round(p + _FAINT * (i - p)) for p, i in zip(paper, ink, strict=True))
    for number, line in enumerate(caption.split("\n")[: style.lines]):
        baseline = tall + round(style.letters * _LINE * (number + 1) * 0.95)
        draw.text((0, baseline), typeface.line(line, font, style.tile), font=font, fill=shade, anchor="ls")
    return np.asarray(image)


def _threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
