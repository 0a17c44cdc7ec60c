"""The carrier `iiif-tiles`: an image that its server gives in tiles only, stitched without loss."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from typing import Any

from PIL import Image
from scrapy import Request
from scrapy.http.request import NO_CALLBACK

from harvest.config.source import Limits
from harvest.crawl.carriers.base import Ask, Carried, CarrierFailed
from harvest.crawl.sites.iiif_image import Grid, Tile
from harvest.images.png import as_png

__all__ = ["bring"]

_AT_ONCE = 8  # tiles in memory; how many are under way at a host is the pace's to say


async def bring(args: Mapping[str, Any], ask: Ask, limits: Limits) -> Carried:
    """`args` are those of harvest.crawl.sites.iiif_image.Grid. Raises CarrierFailed."""
    grid = Grid(**args)
    if grid.width * grid.height > limits.max_pixels:
        raise CarrierFailed(f"too_large: {grid.width}x{grid.height} pixels are more than limits.max_pixels")
    tiles = list(grid.tiles())
    mosaic: Image.Image | None = None
    headers: tuple[tuple[str, str], ...] = ()
    for group in (tiles[first : first + _AT_ONCE] for first in range(0, len(tiles), _AT_ONCE)):
        answers = await asyncio.gather(*(_tile(tile, ask) for tile in group), return_exceptions=True)
        for tile, answer in zip(group, answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            body, headers = answer
            mosaic = await asyncio.to_thread(_pasted, mosaic, grid, tile, body)
    assert mosaic is not None
    made = f"stitched from {len(tiles)} tiles of {grid.tile_width}x{grid.tile_height}"
    scale = f" at 1/{grid.scale} of its size" if grid.scale > 1 else ""
    return Carried(body=await asyncio.to_thread(as_png, mosaic), status=200, headers=headers, made=made + scale)


async def _tile(tile: Tile, ask: Ask) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    headers = {"Accept": "image/*", "Accept-Encoding": "identity"}
    response = await ask(Request(tile.url, NO_CALLBACK, headers=headers))
    if response.status != 200:
        raise CarrierFailed(f"http_{response.status}: tile {tile.url}", status=response.status)
    said = ((name.decode("latin-1"), values) for name, values in response.headers.items())
    return response.body, tuple((name, value.decode("latin-1")) for name, values in said for value in values)


def _pasted(mosaic: Image.Image | None, grid: Grid, tile: Tile, body: bytes) -> Image.Image:
    """The mosaic, made when the first tile says in which colours, with one tile more."""
    try:
        with Image.open(io.BytesIO(body)) as picture:
            if picture.size != (tile.width, tile.height):
                size = f"{picture.width}x{picture.height}, expected {tile.width}x{tile.height}"
                raise CarrierFailed(f"changed: tile {tile.url} is {size}")
            if mosaic is None:
                mosaic = Image.new(picture.mode, (grid.width, grid.height))
                mosaic.info = {name: picture.info[name] for name in ("icc_profile",) if name in picture.info}
            part = picture if picture.mode == mosaic.mode else picture.convert(mosaic.mode)
            mosaic.paste(part, (tile.x, tile.y))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise CarrierFailed(f"broken: tile {tile.url}: {error}") from None
    return mosaic
