"""Deep Zoom: tiles that a viewer puts together to the mosaic, at every level."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from layout.bands import Bands, regrouped
from layout.deep_zoom import DeepZoom, deep_zoom, write_deep_zoom
from layout.grid import Grid
from layout.mosaic import MosaicStyle, mosaic_bands

NAMESPACE = "{http://schemas.microsoft.com/deepzoom/2008}"


def put_together(folder, zoom, level, name="mosaic"):
    """A level as one array, from its tiles without what they share, and every shared pixel compared."""
    width, height = zoom.size(level)
    whole = np.zeros((height, width, 3), np.uint8)
    tiles = {}
    for path in (folder / f"{name}_files" / str(level)).iterdir():
        column, row = map(int, path.stem.split("_"))
        with Image.open(path) as tile:
            tiles[column, row] = np.asarray(tile)
    side, overlap = zoom.tile_size, zoom.overlap
    for (column, row), tile in tiles.items():
        left, top = overlap * (column > 0), overlap * (row > 0)
        part = tile[top : top + side, left : left + side]
        whole[row * side : row * side + len(part), column * side : column * side + part.shape[1]] = part
    for (column, row), tile in tiles.items():
        left, top = max(0, column * side - overlap), max(0, row * side - overlap)
        assert (whole[top : top + tile.shape[0], left : left + tile.shape[1]] == tile).all()
        assert tile.shape[0] == min(height, row * side + side + overlap) - top
        assert tile.shape[1] == min(width, column * side + side + overlap) - left
    return whole


def half(picture):
    """Means of 2 x 2, of fewer at an odd edge."""
    return np.asarray(Image.fromarray(picture).reduce(2))


@settings(max_examples=25, deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    side=st.sampled_from([4, 6, 16, 64]),
    overlap=st.integers(0, 1),
    step=st.integers(1, 80),
)
def test_every_level_is_the_one_below_at_half_its_size(tmp_path_factory, size, side, overlap, step):
    width, height = size
    picture = np.random.default_rng(width * 71 + height).integers(0, 256, (height, width, 3), np.uint8)
    rows = (picture[first : first + step] for first in range(0, height, step))
    folder = tmp_path_factory.mktemp("zoom")

    zoom = deep_zoom(
        folder, Bands(width=width, height=height, rows=rows), tile_size=side, overlap=overlap, format="png"
    )

    expected = picture
    for level in reversed(range(zoom.levels)):
        assert (put_together(folder, zoom, level) == expected).all()
        expected = half(expected)
    assert zoom.size(0) == (1, 1)
    assert len(list(folder.glob("mosaic_files/*/*.png"))) == zoom.tiles()


def test_the_whole_mosaic_is_in_the_last_level(tmp_path, coloured_tiles):
    cells, grid = np.array([7, 0, 3, 14, 2, 9, 1, 12, 5, 11, 10, 6]), Grid(columns=5, rows=3)
    style = MosaicStyle(tile=16, gutter=3, background="#102030")
    told = []

    zoom = write_deep_zoom(
        tmp_path, coloured_tiles.__getitem__, cells, grid, style=style, tile_size=32, format="png", progress=told.append
    )

    whole = put_together(tmp_path, zoom, zoom.levels - 1)
    for index, cell in enumerate(cells):
        left, top, right, bottom = style.box(cell, grid)
        assert (whole[top:bottom, left:right] == coloured_tiles[index, 0, 0]).all()
    for hole in set(range(15)) - set(cells.tolist()):
        left, top, right, bottom = style.box(hole, grid)
        assert (whole[top - 3 : bottom + 3, left - 3 : right + 3] == (16, 32, 48)).all()
    assert sum(told) == 12


def test_the_descriptor_says_what_viewers_ask(tmp_path):
    grid = Grid(columns=20, rows=10)
    zoom = write_deep_zoom(
        tmp_path, lambda _: Image.new("RGB", (9, 9)), np.arange(200), grid, style=MosaicStyle(tile=32), name="wall"
    )
    image = ET.parse(tmp_path / "wall.dzi").getroot()
    assert image.tag == f"{NAMESPACE}Image"
    assert dict(image.attrib) == {"Format": "jpg", "Overlap": "1", "TileSize": "512"}
    assert dict(image.find(f"{NAMESPACE}Size").attrib) == {"Width": "640", "Height": "320"}
    assert zoom == DeepZoom(width=640, height=320, levels=11, tile_size=512, overlap=1, format="jpg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wall.dzi", "wall_files"]


def test_the_same_mosaic_is_the_same_bytes(tmp_path, coloured_tiles):
    def files(name):
        folder = tmp_path / name
        write_deep_zoom(
            folder,
            coloured_tiles.__getitem__,
            np.arange(12),
            Grid(columns=4, rows=3),
            style=MosaicStyle(tile=40),
            tile_size=64,
        )
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}

    assert files("one") == files("other")


def test_a_mosaic_that_fails_leaves_the_old_one(tmp_path, coloured_tiles):
    grid, style = Grid(columns=4, rows=3), MosaicStyle(tile=16)
    zoom = write_deep_zoom(
        tmp_path, coloured_tiles.__getitem__, np.arange(12), grid, style=style, tile_size=32, format="png"
    )
    before = put_together(tmp_path, zoom, zoom.levels - 1)

    def gone(index):
        if index == 9:
            raise OSError("no such picture")
        return np.zeros((16, 16, 3), np.uint8)

    with pytest.raises(OSError, match="no such picture"):
        write_deep_zoom(tmp_path, gone, np.arange(12), grid, style=style, tile_size=32, format="png")

    assert (put_together(tmp_path, zoom, zoom.levels - 1) == before).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mosaic.dzi", "mosaic_files"]


def test_a_smaller_mosaic_leaves_nothing_of_the_larger(tmp_path, coloured_tiles):
    (tmp_path / ".mosaic~killed").mkdir()
    for columns, rows in ((12, 1), (3, 1)):
        grid = Grid(columns=columns, rows=rows)
        cells = np.arange(columns)
        zoom = write_deep_zoom(
            tmp_path, coloured_tiles.__getitem__, cells, grid, style=MosaicStyle(tile=16), tile_size=16
        )
    assert len(list(tmp_path.glob("mosaic_files/*/*"))) == zoom.tiles()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mosaic.dzi", "mosaic_files"]


def test_what_cannot_be_is_refused(tmp_path):
    grid = Grid(columns=2, rows=2)
    with pytest.raises(ValueError, match="expected cells of a grid of 2 x 2, got 0 to 4"):
        mosaic_bands(lambda _: None, np.array([0, 4]), grid, MosaicStyle())
    with pytest.raises(ValueError, match="some come twice"):
        mosaic_bands(lambda _: None, np.array([1, 1]), grid, MosaicStyle())
    bands = Bands(width=4, height=4, rows=[np.zeros((2, 4, 3), np.uint8)])
    with pytest.raises(ValueError, match="expected an even tile_size and an overlap below its half, got 7 and 1"):
        deep_zoom(tmp_path, bands, tile_size=7)
    with pytest.raises(ValueError, match="expected 4 rows of pixels, got 2"):
        deep_zoom(tmp_path, bands)
    with pytest.raises(ValueError, match="expected rows of 4 RGB pixels"):
        list(regrouped(Bands(width=4, height=4, rows=[np.zeros((2, 5, 3), np.uint8)]), 2))
    assert list(tmp_path.iterdir()) == []


LARGE = """
import sys, resource
from pathlib import Path
import numpy as np
from layout.deep_zoom import write_deep_zoom
from layout.grid import best_grid
from layout.mosaic import MosaicStyle
grid = best_grid(8_000, 1.618)
faces = np.random.default_rng(0).integers(0, 256, (50, 64, 64, 3), np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
tiles, cells, style = lambda i: faces[i % 50], np.arange(8_000), MosaicStyle(tile=64)
zoom = write_deep_zoom(Path(sys.argv[1]), tiles, cells, grid, style=style, tile_size=256)
print(zoom.width * zoom.height * 3 / 2**20, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10)
"""


def test_memory_is_that_of_some_rows(tmp_path):
    command = [sys.executable, "-c", LARGE, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    whole, taken = map(float, said.split())
    assert taken < whole / 3
