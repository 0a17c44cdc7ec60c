"""The mosaic, a row of tiles at a time: of any size, in the memory of two rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from layout.bands import Bands
from layout.grid import Grid
from layout.render import Tile, fitted

__all__ = ["Advance", "MosaicStyle", "TileSource", "mosaic_bands"]

TileSource = Callable[[int], Tile]
"""The i-th tile. It is asked in several threads, for the tiles of a row at once, row by row."""

Advance = Callable[[int], object]
"""Told how many more tiles are drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicStyle:
    """How a mosaic looks: tiles of `tile` by `tile` pixels, `gutter` pixels of `background` between and around them.

    Pictures of another shape are cropped to the square, or lie whole within it (`contain`).
    """

    tile: int = 128
    gutter: int = 0
    background: str = "#111111"
    fit: Literal["crop", "contain"] = "crop"

    def size(self, grid: Grid) -> tuple[int, int]:
        """Width and height of the mosaic in pixels."""
        pitch = self.tile + self.gutter
        return grid.columns * pitch + self.gutter, grid.rows * pitch + self.gutter

    def box(self, cell: int, grid: Grid) -> tuple[int, int, int, int]:
        """Left, top, right and bottom pixel of a cell's tile in the mosaic."""
        row, column = divmod(int(cell), grid.columns)
        left = self.gutter + column * (self.tile + self.gutter)
        top = self.gutter + row * (self.tile + self.gutter)
        return left, top, left + self.tile, top + self.tile


def mosaic_bands(
    tiles: TileSource, cells: NDArray[np.int64], grid: Grid, style: MosaicStyle, *, progress: Advance | None = None
) -> Bands:
    """The mosaic as rows of pixels: tile i in `cells[i]`, holes and gutters in the background.

    Rows of tiles are drawn while the one before is used, in as many threads as cores. Raises ValueError for cells that
    are not of the grid, or come twice.
    """
    cells = np.asarray(cells, np.int64)
    low, high = cells.min(initial=0), cells.max(initial=0)
    if low < 0 or high >= grid.columns * grid.rows:
        raise ValueError(f"expected cells of a grid of {grid.columns} x {grid.rows}, got {low} to {high}")
    if len(np.unique(cells)) < len(cells):
        raise ValueError("expected a cell of its own for each tile, and some come twice")
    width, height = style.size(grid)
    return Bands(width=width, height=height, rows=_rows(tiles, cells, grid, style, progress))


def _rows(
    tiles: TileSource, cells: NDArray[np.int64], grid: Grid, style: MosaicStyle, progress: Advance | None
) -> Iterator[NDArray[np.uint8]]:
    ground = np.array(ImageColor.getrgb(style.background)[:3], np.uint8)
    width, _ = style.size(grid)

    def drawn(index: int) -> NDArray[np.uint8]:
        return np.asarray(fitted(tiles(index), (style.tile, style.tile), style.fit))

    order = np.argsort(cells, kind="stable")
    ends = np.searchsorted(cells[order], np.arange(1, grid.rows + 1) * grid.columns)
    members = [part.tolist() for part in np.split(order, ends[:-1])]
    if style.gutter:
        yield np.broadcast_to(ground, (style.gutter, width, 3)).copy()
    pool = ThreadPoolExecutor(_threads())
    try:
        coming = pool.map(drawn, members[0])
        for row, indices in enumerate(members):
            now, coming = coming, pool.map(drawn, members[row + 1] if row + 1 < grid.rows else ())
            band = np.empty((style.tile + style.gutter, width, 3), np.uint8)
            band[:] = ground
            for index, picture in zip(indices, now, strict=True):
                left, _, _, _ = style.box(int(cells[index]), grid)
                top, left = (style.tile - len(picture)) // 2, left + (style.tile - picture.shape[1]) // 2
                band[top : top + len(picture), left : left + picture.shape[1]] = picture
            if progress is not None:
                progress(len(indices))
            yield band
    finally:
        pool.shutdown(cancel_futures=True)


def _threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
