"""The pictures show what the numbers say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from layout.bands import whole
from layout.grid import Grid
from layout.mosaic import MosaicStyle, mosaic_bands
from layout.render import scatter
from layout.sheet import SheetStyle, contact_sheets, sheet_pages

CELLS = np.array([7, 0, 3, 14, 2, 9, 1, 12, 5, 11, 10, 6])
GRID = Grid(columns=5, rows=3)


@pytest.mark.parametrize(("tile", "gutter"), [(16, 0), (16, 3), (24, 1)])
def test_mosaic_shows_each_tile_in_its_cell(coloured_tiles: NDArray[np.uint8], tile: int, gutter: int) -> None:
    style = MosaicStyle(tile=tile, gutter=gutter, background="#102030")
    picture = whole(mosaic_bands(coloured_tiles.__getitem__, CELLS, GRID, style))
    assert picture.size == style.size(GRID)
    for index, cell in enumerate(CELLS):
        shown = np.asarray(picture.crop(style.box(cell, GRID)))
        assert (shown == coloured_tiles[index, 0, 0]).all()
    for hole in set(range(15)) - set(CELLS.tolist()):
        assert (np.asarray(picture.crop(style.box(hole, GRID))) == (16, 32, 48)).all()


def test_mosaic_takes_pictures_in_any_shape() -> None:
    grid, style = Grid(columns=2, rows=1), MosaicStyle(tile=8)
    picture = whole(mosaic_bands(lambda _: Image.new("L", (40, 20), 200), np.array([1]), grid, style))
    assert picture.getpixel((2, 2)) == (17, 17, 17)
    assert picture.getpixel((12, 4)) == (200, 200, 200)


def test_scatter_shows_all_of_a_sparse_cloud(coloured_tiles: NDArray[np.uint8]) -> None:
    points = np.stack([np.linspace(0, 1, 12), np.linspace(0, 0.5, 12) ** 2], axis=1)
    picture = scatter(coloured_tiles, points, size=600, thumb=10)
    assert picture.width == 600
    seen = {tuple(colour) for colour in np.asarray(picture).reshape(-1, 3).tolist()}
    assert {tuple(tile[0, 0].tolist()) for tile in coloured_tiles} <= seen


def test_sheets_show_every_picture_whole_in_order(coloured_tiles: NDArray[np.uint8]) -> None:
    wide = [Image.fromarray(tile).resize((40, 20)) for tile in coloured_tiles]
    style = SheetStyle(columns=3, rows=2, cell=(40, 40))
    pages = list(map(whole, contact_sheets(wide, 12, style, heading="Twelve")))
    assert len(pages) == sheet_pages(12, style, heading="Twelve") == 2
    for page, part in zip(pages, (coloured_tiles[:6], coloured_tiles[6:]), strict=True):
        pixels = np.asarray(page)
        found = [np.argwhere((pixels == tile[0, 0]).all(axis=2)) for tile in part]
        assert [len(places) for places in found] == [40 * 20] * 6
        corners = [tuple(places.min(axis=0)) for places in found]
        assert corners == sorted(corners)
        assert len({top for top, _ in corners}) == 2


def test_labels_of_any_script_and_length_leave_pictures_alone(coloured_tiles: NDArray[np.uint8]) -> None:
    labels = [None, "", "Żółw 亀 \U0001f422", "a\nvery\tlong " * 30, "\u202egnirts", "\ud800", *["x"] * 6]
    style = SheetStyle(columns=12, rows=1, cell=(32, 32))
    (page,) = map(whole, contact_sheets(list(coloured_tiles), 12, style, heading="名 " * 200, labels=labels))
    pixels = np.asarray(page)
    assert [int((pixels == tile[0, 0]).all(axis=2).sum()) for tile in coloured_tiles] == [32 * 32] * 12


@pytest.mark.parametrize("n", [0, 1])
def test_a_sheet_of_hardly_anything_is_a_page(n: int) -> None:
    style = SheetStyle(cell=(64, 64))
    pages = list(map(whole, contact_sheets(lambda _: Image.new("RGB", (9, 9)), n, style, heading="Few")))
    assert len(pages) == 1


def test_refuses_too_few_pictures(coloured_tiles: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="shorter"):
        list(map(whole, contact_sheets(list(coloured_tiles), 13, SheetStyle(columns=3, cell=(16, 16)))))
