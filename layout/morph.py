"""The cloud becomes the grid: a film in which every image moves from its point to its cell."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor
from PIL.GifImagePlugin import getdata

from layout.assign import fitted
from layout.grid import ROW_OF_HEXAGONS, Grid
from layout.mosaic import TileSource
from layout.render import fitted as fitted_tile
from layout.render import hexagon

__all__ = ["Film", "morph", "write_gif", "write_mp4"]

_BEFORE, _AFTER = 0.8, 1.6  # seconds for which cloud and grid stand
_WAIT = 0.45  # share of its way's time that the last to leave has waited
_SAMPLE = 65_536  # pixels that a GIF's colours are chosen by
_QUALITY = "20"  # constant rate factor of H.264


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """`width` x `height` pixels, `fps` frames a second; `frames` gives all `count` of them once, (height, width, 3)
    uint8. `colours` (k, 3) are some of its pixels, for formats that have but a few.
    """

    width: int
    height: int
    fps: int
    count: int
    colours: NDArray[np.uint8]
    frames: Iterator[NDArray[np.uint8]]


def morph(
    tiles: TileSource,
    points: NDArray[np.floating],
    cells: NDArray[np.int64],
    grid: Grid,
    *,
    size: int = 1280,
    seconds: float = 5.0,
    fps: int = 30,
    seed: int = 0,
    background: str = "#111111",
) -> Film:
    """The film, `size` pixels or a little less along the grid's longer side; images move for `seconds`.

    They leave one after another, in an order drawn with `seed`, and slow down where they arrive; before and after,
    cloud and grid stand for a moment. Sides are even, as films need them. In memory are one frame, and the tiles as
    small as they are shown.
    """
    if size < 16 or fps < 1 or seconds <= 0:
        raise ValueError(f"expected a size >= 16, fps >= 1 and seconds > 0, got {size}, {fps} and {seconds}")
    # Hexagons are higher than their rows lie apart.
    over = np.array([0.0, 1 / ROW_OF_HEXAGONS - ROW_OF_HEXAGONS if grid.hexagonal else 0.0])
    scale = size / float((grid.extent + over).max())
    width, height = (max(16, math.floor(side * scale)) // 2 * 2 for side in grid.extent + over)
    side = min(max(1, math.floor(scale)), width, height)
    tall = min(round(side / ROW_OF_HEXAGONS), height) if grid.hexagonal else side
    mask = hexagon(side, tall) if grid.hexagonal else None
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(cells))  # of who lies on top in the crowd, too
    shown = np.empty((len(cells), tall, side, 3), np.uint8)
    for place, index in enumerate(order.tolist()):
        shown[place] = np.asarray(fitted_tile(tiles(index), (side, tall), "crop"))
    here = ((_inside(fitted(points, grid), grid.extent) + over / 2) * scale - [side / 2, tall / 2])[order]
    there = ((grid.centres(cells) + over / 2) * scale - [side / 2, tall / 2])[order]
    last = np.array([width - side, height - tall])
    waits = rng.random(len(cells))
    ground = np.array(ImageColor.getrgb(background)[:3], np.uint8)
    pixels = shown.reshape(-1, 3)
    some = pixels[rng.integers(0, len(pixels), _SAMPLE)] if len(pixels) else pixels
    moments = [0.0] * round(_BEFORE * fps) + np.linspace(0, 1, round(seconds * fps) + 1).tolist()
    moments += [1.0] * round(_AFTER * fps)

    def frames() -> Iterator[NDArray[np.uint8]]:
        for moment in moments:
            way = np.clip(moment * (1 + _WAIT) - _WAIT * waits, 0, 1)
            eased = np.where(way < 0.5, 4 * way**3, 1 - (2 - 2 * way) ** 3 / 2)[:, None]
            corners = np.clip(np.rint(here + (there - here) * eased), 0, last).astype(np.int64)
            yield _frame(shown, mask, corners, (height, width), ground)

    return Film(
        width=width,
        height=height,
        fps=fps,
        count=len(moments),
        colours=np.concatenate([ground[None], some]),
        frames=frames(),
    )


def write_mp4(path: Path, film: Film) -> None:
    """H.264 as browsers play it, the same bytes for the same film. Needs PyAV (the extra [video])."""
    import av  # noqa: PLC0415 - optional

    # Or the file would say when, and with what, it was made.
    exact = {"movflags": "faststart", "fflags": "bitexact"}
    with av.open(str(path), "w", format="mp4", options=exact) as container:
        stream = container.add_stream("libx264", rate=film.fps)
        stream.width, stream.height, stream.pix_fmt = film.width, film.height, "yuv420p"
        # One thread: where a film is cut among several depends on how many cores there are.
        stream.options = {"crf": _QUALITY, "preset": "medium", "threads": "1"}
        for pixels in film.frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


def write_gif(path: Path, film: Film) -> None:
    """A GIF that runs for ever, in 256 colours of its tiles; each frame goes to the file when it is drawn."""
    sample = Image.fromarray(film.colours[None])
    palette = sample.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    colours = bytes(palette.getpalette("RGB") or ()).ljust(3 * 256, b"\0")
    with path.open("wb") as file:
        # The screen with a table of 256 colours, and the extension that says "again" (GIF89a, 18 and 26).
        file.write(b"GIF89a" + struct.pack("<HHBBB", film.width, film.height, 0xF7, 0, 0) + colours)
        file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")
        for pixels in film.frames:
            frame = Image.fromarray(pixels).quantize(palette=palette, dither=Image.Dither.NONE)
            for part in getdata(frame, duration=1000 // film.fps):
                file.write(part)
        file.write(b";")


def _inside(points: NDArray[np.float64], extent: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points drawn together about the middle until all are half a cell from the edge or more."""
    middle = extent / 2
    reach = np.abs(points - middle).max(axis=0, initial=0.0)
    room = np.maximum(middle - 0.5, 0.0)
    shares = [room[axis] / reach[axis] for axis in (0, 1) if reach[axis] > room[axis]]
    drawn: NDArray[np.float64] = middle + (points - middle) * min([1.0, *shares])
    return drawn


def _frame(
    shown: NDArray[np.uint8],
    mask: NDArray[np.bool_] | None,
    corners: NDArray[np.int64],
    shape: tuple[int, int],
    ground: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    canvas = np.empty((*shape, 3), np.uint8)
    canvas[:] = ground
    tall, side = shown.shape[1:3]
    left, top = corners[:, 0], corners[:, 1]
    if tall * side < len(shown):  # pixel by pixel of all tiles, or tile by tile, whichever is fewer steps
        for down, across in np.argwhere(np.ones((tall, side)) if mask is None else mask).tolist():
            canvas[top + down, left + across] = shown[:, down, across]
    else:
        # A mask of all three channels, for numpy is slow to spread one; squares need none, and a tenth of the time.
        where = True if mask is None else np.repeat(mask[..., None], 3, axis=2)
        for tile, x, y in zip(shown, left.tolist(), top.tolist(), strict=True):
            np.copyto(canvas[y : y + tall, x : x + side], tile, where=where)
    return canvas
