"""A picture of any size as Deep Zoom: small tiles in levels, each half as large as the one below, for a viewer to load.

The format: https://learn.microsoft.com/previous-versions/windows/silverlight/dotnet-windows-silverlight/cc645077(v=vs.95)
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from layout.bands import Bands, checked
from layout.grid import Grid
from layout.mosaic import Advance, MosaicStyle, TileSource, mosaic_bands

__all__ = ["DeepZoom", "TileFormat", "deep_zoom", "write_deep_zoom"]

TileFormat = Literal["jpg", "png", "webp"]

_NAMESPACE = "http://schemas.microsoft.com/deepzoom/2008"
_AT_ONCE = 256  # rows that are halved together
_SYNCING = 8
_PILLOW = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepZoom:
    """What a viewer has to know: the picture's size in pixels, the number of levels (the last is the whole picture),
    the side of a tile without the `overlap` pixels that it shares with each neighbour, and the tiles' extension.
    """

    width: int
    height: int
    levels: int
    tile_size: int
    overlap: int
    format: TileFormat

    @classmethod
    def of(cls, width: int, height: int, *, tile_size: int, overlap: int, format: TileFormat) -> DeepZoom:  # noqa: A002
        """With the levels that such a picture has: from one pixel on."""
        levels = (max(width, height) - 1).bit_length() + 1
        return cls(width=width, height=height, levels=levels, tile_size=tile_size, overlap=overlap, format=format)

    def size(self, level: int) -> tuple[int, int]:
        """Width and height of a level, from 0 (one pixel) to `levels - 1`."""
        above = self.levels - 1 - level
        return -(-self.width // 2**above), -(-self.height // 2**above)

    def tiles(self) -> int:
        """How many files there are over all levels."""
        sizes = (self.size(level) for level in range(self.levels))
        return sum(-(-width // self.tile_size) * -(-height // self.tile_size) for width, height in sizes)

    def descriptor(self) -> str:
        """The `.dzi` file."""
        tiles = f'Format="{self.format}" Overlap="{self.overlap}" TileSize="{self.tile_size}"'
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<Image xmlns="{_NAMESPACE}" {tiles}>\n'
            f'  <Size Width="{self.width}" Height="{self.height}"/>\n'
            "</Image>\n"
        )


def write_deep_zoom(
    folder: Path,
    tiles: TileSource,
    cells: NDArray[np.int64],
    grid: Grid,
    *,
    style: MosaicStyle,
    name: str = "mosaic",
    tile_size: int = 512,
    overlap: int = 1,
    format: TileFormat = "jpg",  # noqa: A002 - the format's own word
    quality: int = 85,
    progress: Advance | None = None,
) -> DeepZoom:
    """The mosaic of `mosaic_bands` as `folder/<name>.dzi` and `folder/<name>_files/<level>/<column>_<row>.<format>`."""
    bands = mosaic_bands(tiles, cells, grid, style, progress=progress)
    return deep_zoom(folder, bands, name=name, tile_size=tile_size, overlap=overlap, format=format, quality=quality)


def deep_zoom(
    folder: Path,
    bands: Bands,
    *,
    name: str = "mosaic",
    tile_size: int = 512,
    overlap: int = 1,
    format: TileFormat = "jpg",  # noqa: A002
    quality: int = 85,
) -> DeepZoom:
    """Write `folder/<name>.dzi` and `folder/<name>_files/<level>/<column>_<row>.<format>`, in the memory of a few rows
    of tiles.

    Each pixel of a level is the mean of the 2 x 2 below it. `quality` is that of JPEG and WebP; the same picture gives
    the same bytes. The descriptor goes first and comes last: where it is, all of its tiles are. Only one at a time may
    write a name. Raises ValueError for a side that is odd, or an overlap as large as half a tile.
    """
    if tile_size < 2 or tile_size % 2 or not 0 <= overlap < tile_size // 2:
        raise ValueError(f"expected an even tile_size and an overlap below its half, got {tile_size} and {overlap}")
    found = DeepZoom.of(bands.width, bands.height, tile_size=tile_size, overlap=overlap, format=format)
    with _published(folder, name, found) as temporary:
        levels: list[_Level] = []
        for number in range(found.levels):
            place = temporary / str(number)
            place.mkdir()
            levels.append(_Level(found, number, place, quality, levels[-1] if levels else None))
        for rows in checked(bands):
            levels[-1].add(rows)
    return found


class _Level:
    """One level: takes rows, writes a row of tiles when it has all of its rows, hands half of what comes on above."""

    def __init__(self, zoom: DeepZoom, number: int, folder: Path, quality: int, above: _Level | None) -> None:
        self._zoom, self._folder, self._quality, self._above = zoom, folder, quality, above
        width, self._left = zoom.size(number)  # rows that are still to come
        # A row of tiles, and the rows of its neighbours that it shows too.
        self._held = np.empty((zoom.tile_size + 2 * zoom.overlap, width, 3), np.uint8)
        self._count = 0
        self._row = 0
        self._single: NDArray[np.uint8] | None = None  # a row that waits for the second of its pair

    def add(self, rows: NDArray[np.uint8]) -> None:
        for first in range(0, len(rows), _AT_ONCE):
            self._add(rows[first : first + _AT_ONCE])

    def _add(self, rows: NDArray[np.uint8]) -> None:
        self._left -= len(rows)
        if self._above is not None:
            self._halve(rows, self._above)
        while len(rows):
            # The first row of tiles has no rows above it.
            full = self._zoom.tile_size + self._zoom.overlap * (1 + (self._row > 0))
            some = rows[: full - self._count]
            self._held[self._count : self._count + len(some)] = some
            self._count += len(some)
            rows = rows[len(some) :]
            if self._count == full:
                self._write(full)
        if not self._left and self._count > self._zoom.overlap * (self._row > 0):
            self._write(self._count)

    def _halve(self, rows: NDArray[np.uint8], above: _Level) -> None:
        if self._single is not None:
            rows = np.concatenate([self._single, rows])
        even = len(rows) if not self._left else len(rows) - len(rows) % 2
        self._single = rows[even:].copy() if even < len(rows) else None
        if even:
            above.add(np.asarray(Image.fromarray(rows[:even]).reduce(2)))

    def _write(self, count: int) -> None:
        """A row of tiles from the first `count` rows that are held; those that the next shows too are kept."""
        overlap, side = self._zoom.overlap, self._zoom.tile_size
        for column, left in enumerate(range(0, self._held.shape[1], side)):
            part = self._held[:count, max(0, left - overlap) : left + side + overlap]
            path = self._folder / f"{column}_{self._row}.{self._zoom.format}"
            Image.fromarray(part).save(path, _PILLOW[self._zoom.format], quality=self._quality)
        self._count = min(2 * overlap, count)
        self._held[: self._count] = self._held[count - self._count : count].copy()
        self._row += 1


@contextmanager
def _published(folder: Path, name: str, found: DeepZoom) -> Iterator[Path]:
    """Yield an empty folder for the levels; when the block ends well, it and the descriptor are in place."""
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(f".{name}~*"):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(dir=folder, prefix=f".{name}~"))
    descriptor, files = folder / f"{name}.dzi", folder / f"{name}_files"
    try:
        levels = temporary / "levels"
        levels.mkdir()
        yield levels
        (temporary / "descriptor").write_text(found.descriptor(), encoding="utf-8")
        _sync(temporary)
        descriptor.unlink(missing_ok=True)
        if files.exists():
            files.rename(temporary / "old")
        levels.rename(files)
        (temporary / "descriptor").rename(descriptor)
        _sync_one(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Everything under `folder` is on the disk when this returns: several at once, which a disk writes together."""
    found = [Path(parent, name) for parent, _, names in os.walk(folder) for name in (*names, ".")]
    with ThreadPoolExecutor(_SYNCING) as pool:
        list(pool.map(_sync_one, found))


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
