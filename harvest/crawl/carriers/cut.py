"""A carrier for tiles of a mosaic: one picture that shows many, in rows and columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from harvest.config.reader import setting
from harvest.config.source import Limits
from harvest.crawl.carriers.base import Carried, CarrierFailed
from harvest.crawl.files.disk import Opened, located
from harvest.errors import Broken
from harvest.images.decode import opened, orientation, upright
from harvest.images.png import as_png

__all__ = ["Cut", "Tile", "cut_tile", "tiles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How a mosaic is cut, in pixels: `tile` (a square's side) or `width` and `height`, or neither where `columns` and
    `rows` divide it evenly. `margin` lies around all tiles, `gutter` between two of them. `order` is how they are
    counted. `labels`, one for each tile in that order, or `labels_file`, with one a line, says what they show; `-`
    says nothing. With `skip_empty` tiles of a single colour are left out.
    """

    tile: int | None = setting(None, ge=1)
    width: int | None = setting(None, ge=1)
    height: int | None = setting(None, ge=1)
    columns: int | None = setting(None, ge=1)
    rows: int | None = setting(None, ge=1)
    margin: int = setting(0, ge=0)
    gutter: int = setting(0, ge=0)
    order: str = setting("rows", choices=("rows", "columns"))
    labels: tuple[str, ...] = ()
    labels_file: str | None = None
    skip_empty: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One tile: its place counted from 0, and its box (x, y, width, height) in pixels."""

    number: int
    row: int
    column: int
    box: tuple[int, int, int, int]


def tiles(path: Path, cut: Cut, limits: Limits) -> Iterator[Tile]:
    """The tiles of a mosaic, whole ones only. Raises CarrierFailed when it is no image or does not divide so."""
    picture = _mosaic(path, limits)
    columns, width = _division(picture.width, cut.width or cut.tile, cut.columns, cut, "columns")
    rows, height = _division(picture.height, cut.height or cut.tile, cut.rows, cut, "rows")
    places = [(row, column) for row in range(rows) for column in range(columns)]
    if cut.order == "columns":
        places.sort(key=lambda place: (place[1], place[0]))
    for number, (row, column) in enumerate(places):
        x, y = (cut.margin + at * (side + cut.gutter) for at, side in ((column, width), (row, height)))
        if cut.skip_empty and _is_empty(picture.crop((x, y, x + width, y + height))):
            continue
        yield Tile(number=number, row=row, column=column, box=(x, y, width, height))


def cut_tile(args: Mapping[str, Any], limits: Limits) -> Carried:
    """The tile in `box` of the mosaic `file`, as PNG. Raises CarrierFailed."""
    path = located(args)
    x, y, width, height = args["box"]
    tile = _mosaic(path, limits).crop((x, y, x + width, y + height))
    return Carried(body=as_png(tile), etag=str(args["version"]), made=f"cut from a mosaic at {x},{y}")


def _division(extent: int, side: int | None, number: int | None, cut: Cut, what: str) -> tuple[int, int]:
    """How many tiles lie along one edge, and how long each is there."""
    room = extent - 2 * cut.margin + cut.gutter
    if side is None:
        assert number is not None
        side = room // number - cut.gutter
        if side < 1 or number * (side + cut.gutter) != room:
            raise CarrierFailed(f"{extent} pixels do not divide into {number} {what} (cut.{what}, margin, gutter)")
    fitting = room // (side + cut.gutter)
    if fitting < (number or 1):
        raise CarrierFailed(f"{extent} pixels hold {fitting} {what} of {side} pixels (cut.tile), not {number or 1}")
    return number or fitting, side


def _is_empty(tile: Image.Image) -> bool:
    """Whether all pixels are alike, or none can be seen."""
    if tile.mode in {"RGBA", "LA"} and tile.getchannel("A").getextrema() == (0, 0):
        return True
    extrema = tile.getextrema()
    bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return all(low == high for low, high in bands)


def _mosaic(path: Path, limits: Limits) -> Image.Image:
    with _MOSAICS.use(path) as body:
        if isinstance(body[0], bytes):
            try:
                with opened(body[0], max_pixels=limits.max_pixels) as image:
                    image.load()
                    body[0] = upright(image.copy(), orientation(image))
            except Broken as broken:
                advice = "; raise limits.max_pixels" if broken.kind == "bomb" else ""
                raise CarrierFailed(f"{broken.kind}: {broken}{advice}") from None
        picture = body[0]
        assert isinstance(picture, Image.Image)
        return picture


def _read(path: Path) -> list[bytes | Image.Image]:
    """The bytes in a box of one: they make room for the pixels as soon as these are known."""
    try:
        return [path.read_bytes()]
    except OSError as error:
        raise CarrierFailed(f"unreadable: {error.strerror}") from None


_MOSAICS: Opened[list[bytes | Image.Image]] = Opened(_read, lambda body: body.clear(), limit=1)
