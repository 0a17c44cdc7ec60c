"""The viewer of hexagons: what is pointed at, veiled and outlined are those that the mosaic shows."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

from layout.bands import whole
from layout.deep_zoom import write_deep_zoom
from layout.grid import Grid
from layout.mosaic import MosaicStyle, mosaic_bands
from layout.viewer import write_viewer
from tests.layout.walls import colour_at, drawn, opened, until

GRID = Grid(columns=4, rows=3, hexagonal=True)
CELLS = np.array([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11])  # cell 5 is a hole
STYLE = MosaicStyle(tile=16, gutter=2)


@pytest.fixture(params=["image", "tiles"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, coloured_tiles: NDArray[np.uint8]) -> Path:
    tiles = coloured_tiles.__getitem__
    tiled = None
    if request.param == "tiles":
        tiled = write_deep_zoom(tmp_path, tiles, CELLS, GRID, style=STYLE, tile_size=16, format="png")
    else:
        whole(mosaic_bands(tiles, CELLS, GRID, STYLE)).save(tmp_path / "mosaic.png")
    write_viewer(
        tmp_path,
        title="Hexagons",
        picture=tiled or "mosaic.png",
        grid=GRID,
        tile=STYLE.tile,
        gutter=STYLE.gutter,
        cells=CELLS,
        cards=[{"title": f"Specimen {index}", "source": "ab"[index % 2]} for index in range(len(CELLS))],
        points=np.stack([np.arange(11) % 6, np.arange(11) // 6], axis=1) * 3.0,
    )
    return tmp_path


only_image = pytest.mark.parametrize("folder", ["image"], indirect=True)


def in_cell(page: Page, cell: int, across: float = 0.5, down: float = 0.5) -> tuple[float, float]:
    """A place in the window, by how the mosaic lays its cells: shares of the box that a hexagon fills."""
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    scale, left, top = page.evaluate("() => { const box = mosaic.boxOf(0); return [mosaic.scale, box.left, box.top]; }")
    first, box = STYLE.box(0, GRID), STYLE.box(cell, GRID)
    x = box[0] - first[0] + across * (box[2] - box[0])
    y = box[1] - first[1] + down * (box[3] - box[1])
    return stage["x"] + left + x * scale, stage["y"] + top + y * scale


def off(one: tuple[int, ...], other: NDArray[np.integer]) -> int:
    return int(np.abs(np.subtract(one, other.astype(int))).max())


def test_each_hexagon_is_where_the_mosaic_has_it_and_its_middle_shows_its_card(page, coloured_tiles) -> None:
    for index, cell in enumerate(CELLS.tolist()):
        assert off(colour_at(page, *in_cell(page, cell)), coloured_tiles[index, 0, 0]) <= 2
    for index, cell in enumerate(CELLS.tolist()):
        page.mouse.move(*in_cell(page, cell))
        expect(page.locator("#title")).to_have_text(f"Specimen {index}")
    page.mouse.move(*in_cell(page, 5))
    expect(page.locator("#card")).to_be_hidden()


@only_image
def test_corners_belong_to_the_hexagon_that_is_seen_there(page, coloured_tiles) -> None:
    """Through the whole mosaic, point by point: the picture that is hit is the one whose colour is there."""
    boxes = [STYLE.box(cell, GRID) for cell in CELLS.tolist()]
    mosaic = np.asarray(whole(mosaic_bands(coloured_tiles.__getitem__, CELLS, GRID, STYLE))).astype(int)
    ground = np.array([0x11, 0x11, 0x11])
    stage = page.locator("#stage").bounding_box()
    box = page.evaluate("() => ({...mosaic.boxOf(0), scale: mosaic.scale})")
    hits = 0
    rng = np.random.default_rng(0)
    for y, x in rng.integers(0, mosaic.shape[:2], (60, 2)).tolist():
        colour = mosaic[y, x]
        if np.array_equal(colour, ground):
            continue
        around = mosaic[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].reshape(-1, 3)
        if (around != colour).any():
            continue  # an edge, where smoothing has its say
        (index,) = (i for i in range(len(boxes)) if np.array_equal(coloured_tiles[i, 0, 0], colour))
        left = box["left"] + (x + 0.5 - boxes[0][0]) * box["scale"]
        top = box["top"] + (y + 0.5 - boxes[0][1]) * box["scale"]
        page.mouse.move(stage["x"] + left, stage["y"] + top)
        expect(page.locator("#title")).to_have_text(f"Specimen {index}")
        hits += 1
    assert hits > 20


@only_image
def test_beyond_the_corners_at_the_rim_there_is_nothing(page) -> None:
    for cell, across, down in ((0, 0.06, 0.06), (8, 0.94, 0.97), (4, -0.3, 0.5)):
        page.mouse.move(*in_cell(page, cell, across, down))
        expect(page.locator("#card")).to_be_hidden()
    page.mouse.move(*in_cell(page, 4, 0.06, 0.06))
    expect(page.locator("#title")).to_have_text("Specimen 0")


def test_searching_veils_the_hexagons_of_the_others(page, coloured_tiles) -> None:
    page.keyboard.press("/")
    page.keyboard.type("specimen 5")
    expect(page.locator("#status")).to_have_text("1 of 11 images")
    page.mouse.move(2, 2)
    drawn(page)
    for down in (0.08, 0.5, 0.92):  # its corners above and below reach into other rows
        assert off(colour_at(page, *in_cell(page, 6, down=down)), coloured_tiles[5, 0, 0]) <= 3
    for cell, index in ((2, 2), (3, 3), (10, 9), (11, 10), (7, 6)):
        assert off(colour_at(page, *in_cell(page, cell, down=0.08)), coloured_tiles[index, 0, 0]) > 25
    page.keyboard.press("Enter")
    expect(page.locator("#title")).to_have_text("Specimen 5")


@only_image
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colour_of_a_source_goes_along_the_edges_and_the_ground_is_the_walls(browser, folder, theme) -> None:
    with opened(browser, (folder / "index.html").as_uri(), color_scheme=theme) as page:
        page.get_by_label("Colour by").select_option("Source")
        page.mouse.move(2, 2)
        drawn(page)
        shot = np.asarray(Image.open(BytesIO(page.screenshot())).convert("RGB")).astype(int)
        wall = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ground')")
        ground = [int(part) for part in wall.removeprefix("rgb(").removesuffix(")").split()]
        for across, down in ((0.03, 0.03), (0.97, 0.03)):  # beside the corner above, in the box but not in the hexagon
            x, y = (round(value) for value in in_cell(page, 0, across, down))
            assert off(tuple(shot[y, x]), np.array(ground)) <= 3
        x, y = (round(value) for value in in_cell(page, 0))
        column = shot[y - 90 : y, x].reshape(-1, 3)
        assert (np.abs(column - [0xE6, 0x9F, 0x00]).max(axis=1) < 12).any()


@only_image
def test_hexagons_fly_without_what_lies_beside_them(page, coloured_tiles) -> None:
    page.get_by_role("button", name="The cloud that the grid came from").click()
    until(page, "mosaic.aloft === 1")
    drawn(page)
    stage = page.locator("#stage").bounding_box()
    wall = colour_at(page, stage["x"] + 3, stage["y"] + stage["height"] - 3)
    for index in range(11):
        box = page.evaluate("index => mosaic.boxOf(index)", index)
        x, y = stage["x"] + box["left"], stage["y"] + box["top"]
        middle = colour_at(page, x + box["side"] / 2, y + box["tall"] / 2)
        assert off(middle, coloured_tiles[index, 0, 0]) <= 3
        if index < 6:  # nothing lies above these
            assert off(colour_at(page, x + box["side"] * 0.05, y + box["tall"] * 0.05), np.array(wall)) <= 3
