"""Mosaics as rows of pixels: squares, hexagons, whole pictures, captions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from layout.bands import whole
from layout.grid import Grid
from layout.mosaic import MosaicStyle, mosaic_bands


def plain(index):
    """A colour that no other tile has, nor any ground."""
    return 10 + index * 7 % 240, 20 + index % 200, 250 - index * 3 % 200


def tile(index):
    return Image.new("RGB", (30, 30), plain(index))


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    side=st.integers(8, 30),
    gutter=st.integers(0, 5),
    hexagonal=st.booleans(),
    data=st.data(),
)
def test_in_the_middle_of_a_cell_is_its_tile(shape, side, gutter, hexagonal, data):
    columns, rows = shape
    grid = Grid(columns=columns, rows=rows, hexagonal=hexagonal)
    cells = data.draw(st.lists(st.sampled_from(range(columns * rows)), unique=True))
    style = MosaicStyle(tile=side, gutter=gutter, background="#000000")

    picture = whole(mosaic_bands(tile, np.array(cells, np.int64), grid, style))

    assert picture.size == style.size(grid)
    for cell in range(columns * rows):
        left, top, right, bottom = style.box(cell, grid)
        assert 0 <= left < right <= picture.width
        assert 0 <= top < bottom <= picture.height
        middle = picture.getpixel(((left + right) // 2, (top + bottom) // 2))
        assert middle == (plain(cells.index(cell)) if cell in cells else (0, 0, 0))


def test_hexagons_touch_and_never_overlap():
    grid, style = Grid(columns=4, rows=4, hexagonal=True), MosaicStyle(tile=40, background="#000000")
    pixels = np.asarray(whole(mosaic_bands(tile, np.arange(16), grid, style)))
    counts = [int((pixels == plain(index)).all(axis=2).sum()) for index in range(16)]
    assert len(set(counts)) == 1
    across, down = style.pitch(grid)
    assert counts[0] == pytest.approx(across * down, rel=0.03)


def test_captions_stand_under_whole_pictures():
    grid = Grid(columns=2, rows=1)
    style = MosaicStyle(tile=80, gutter=6, background="#ffffff", fit="contain", lines=1)
    wide = Image.new("RGB", (200, 100), "#c01010")
    bare, lettered = (
        np.asarray(whole(mosaic_bands(lambda _: wide, np.array([0, 1]), grid, style, captions=captions)))
        for captions in ([None, None], ["A shell of the north sea that is long", None])
    )
    assert bare.shape == (6 + 80 + style.caption + 6, 6 + 2 * 86, 3)
    red = np.argwhere((bare == (0xC0, 0x10, 0x10)).all(axis=2))
    assert red.min(axis=0).tolist() == [6 + 40, 6]
    assert red[:, 0].max() == 6 + 80 - 1
    changed = np.argwhere((bare != lettered).any(axis=2))
    assert changed[:, 0].min() >= 86
    assert changed[:, 1].max() < 86


def test_captions_that_do_not_fit_are_refused():
    style = MosaicStyle(lines=1)
    with pytest.raises(ValueError, match="expected a caption for each of 2 tiles, got 1"):
        mosaic_bands(tile, np.array([0, 1]), Grid(columns=2, rows=1), style, captions=["one"])
    with pytest.raises(ValueError, match="hexagons have no room for captions"):
        mosaic_bands(tile, np.array([0]), Grid(columns=2, rows=1, hexagonal=True), style, captions=["one"])
