"""The viewer as people use it: opened from disk, in a browser, without a network."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from layout.bands import whole
from layout.deep_zoom import write_deep_zoom
from layout.grid import Grid
from layout.mosaic import MosaicStyle, mosaic_bands
from layout.viewer import write_viewer
from tests.layout.walls import colour_at, drawn, opened, place, until

GRID = Grid(columns=4, rows=3)
CELLS = np.array([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11])  # cell 5 is a hole
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)> & \u2028 \ud800\u202egpj"


def cards() -> list[dict[str, object]]:
    """Of eleven images; the second means harm, the third says nothing about itself."""
    known: list[dict[str, object]] = [
        {
            "title": f"Specimen {index}",
            "creator": "Édith Marlowe",
            "creator_url": "https://example.org/edith",
            "license": "CC BY 4.0",
            "license_url": "https://creativecommons.org/licenses/by/4.0/",
            "source": "gallery" if index % 2 else "archive",
            "page_url": "https://example.org/specimen?a=1&b=2",
            "date": "1911-03-04T10:00:00Z",
            "width": 3000,
            "height": 2400,
            "labels": ["fish", "blue"] if index < 3 else ["shell"],
            "scores": {"clip": index / 10},
        }
        for index in range(11)
    ]
    known[1] |= {
        "title": HOSTILE,
        "page_url": "javascript:alert(1)",
        "license_url": "data:text/html,x",
        "creator_url": "x:",
        "labels": [HOSTILE],
    }
    known[2] = {"source": "archive"}
    known[4]["title"] = "Brittle starfish"
    known[6] |= {
        "duplicates": 3,
        "copies": [
            {"title": "The same, smaller", "page_url": "https://example.org/copy", "picture": "copy.png"},
            {"title": HOSTILE, "page_url": "javascript:alert(2)"},
        ],
    }
    return known


@pytest.fixture(params=["image", "tiles"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, coloured_tiles: NDArray[np.uint8]) -> Path:
    folder = tmp_path / "a folder #1"
    folder.mkdir()
    picture = whole(mosaic_bands(coloured_tiles.__getitem__, CELLS, GRID, MosaicStyle(tile=16, gutter=2)))
    picture.save(folder / "mosaic.png")
    Image.new("RGB", (20, 10), "teal").save(folder / "copy.png")
    tiled = None
    if request.param == "tiles":
        style = MosaicStyle(tile=16, gutter=2)
        tiles = coloured_tiles.__getitem__
        tiled = write_deep_zoom(folder, tiles, CELLS, GRID, style=style, tile_size=16, format="png")
    write_viewer(
        folder,
        title="Fins & <b>feathers</b>",
        picture=tiled or "mosaic.png",
        grid=GRID,
        tile=16,
        gutter=2,
        cells=CELLS,
        cards=cards(),
        points=np.stack([np.arange(11) % 6, np.arange(11) // 6], axis=1) * 3.0,
    )
    return folder


def hover(page: Page, cell: int) -> None:
    page.mouse.move(*place(page, cell))


def near(one: tuple[int, ...], other: NDArray[np.integer]) -> int:
    return int(np.abs(np.subtract(one, other.astype(int))).max())


only_image = pytest.mark.parametrize("folder", ["image"], indirect=True)


def test_shows_the_mosaic_where_its_cells_are(page: Page, coloured_tiles: NDArray[np.uint8]) -> None:
    for tile, cell in zip(coloured_tiles, CELLS.tolist(), strict=False):
        assert near(colour_at(page, *place(page, cell)), tile[0, 0]) <= 2


def test_pointing_at_an_image_shows_its_card_and_a_hole_none(page: Page) -> None:
    hover(page, 7)
    card = page.locator("#card")
    expect(card).to_be_visible()
    expect(card.locator("h2")).to_have_text("Specimen 6")
    expect(card.locator("#creator")).to_have_text("Édith Marlowe")
    expect(card.locator("#license a")).to_have_attribute("href", "https://creativecommons.org/licenses/by/4.0/")
    expect(card.locator("#source")).to_have_text("archive")
    expect(card.locator("#date")).to_have_text("4 March 1911")
    expect(card.locator("#size")).to_have_text("3,000 \N{MULTIPLICATION SIGN} 2,400 px")
    expect(card.locator("#tags")).to_have_text("shell")
    expect(card.locator("#scores")).to_have_text("clip 0.6")
    link = card.get_by_role("link", name="Source page")
    expect(link).to_have_attribute("href", "https://example.org/specimen?a=1&b=2")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    hover(page, 5)
    expect(card).to_be_hidden()


@pytest.mark.parametrize("cell", [0, 7, 11])
def test_the_card_shows_the_picture_of_the_cell(page: Page, coloured_tiles: NDArray[np.uint8], cell: int) -> None:
    hover(page, cell)
    box = page.locator("#crop").bounding_box()
    assert box is not None
    for share in (0.05, 0.5, 0.95):
        colour = colour_at(page, box["x"] + share * box["width"], box["y"] + share * box["height"])
        assert near(colour, coloured_tiles[CELLS.tolist().index(cell), 0, 0]) <= 3


@only_image
def test_says_what_is_unknown(page: Page) -> None:
    hover(page, 2)
    expect(page.locator("#title")).to_have_text("Untitled")
    expect(page.locator("#creator")).to_have_text("Creator unknown")
    expect(page.locator("#license")).to_have_text("unknown")
    expect(page.locator("#card a")).to_have_count(0)
    for field in ("#date", "#tags", "#scores", "#copies", "#size"):
        expect(page.locator(field)).to_be_hidden()


@only_image
def test_copies_that_were_left_out_are_counted_and_shown(page: Page) -> None:
    page.mouse.click(*place(page, 7))
    copies = page.locator("#copies")
    expect(copies).to_contain_text("3 left out")
    expect(copies.get_by_role("link")).to_have_count(1)
    expect(copies.get_by_role("link")).to_have_attribute("href", "https://example.org/copy")
    expect(copies.locator("img")).to_have_js_property("naturalWidth", 20)


@only_image
def test_hostile_metadata_is_text_and_its_links_are_dead(page: Page) -> None:
    hover(page, 1)
    expect(page.locator("#title")).not_to_be_empty()
    harmless = HOSTILE.replace("\ud800", "?").replace("\u202e", "")
    assert page.locator("#title").text_content() == harmless
    assert page.locator("#tags").text_content() == harmless
    expect(page.locator("#card a")).to_have_count(0)
    expect(page.locator("#creator")).to_have_text("Édith Marlowe")
    page.select_option("#by", "label")
    expect(page.locator("#legend .chip")).to_have_count(4)
    assert page.title() == "Fins & <b>feathers</b>"


@only_image
def test_foreign_scripts_do_not_run(browser: Browser, folder: Path) -> None:
    path = folder / "index.html"
    (folder / "evil.js").write_text("document.title = 'owned'")
    evil = (
        "<script>document.title = 'owned'</script><script src='evil.js'></script><img src=x onerror='document.title=1'>"
    )
    path.write_text(path.read_text("utf-8").replace("</body>", f"{evil}</body>"), "utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    assert page.title() == "Fins & <b>feathers</b>"
    page.close()


@only_image
def test_a_click_keeps_the_card_until_escape(page: Page) -> None:
    page.mouse.click(*place(page, 0))
    hover(page, 11)
    expect(page.locator("#title")).to_have_text("Specimen 0")
    expect(page.get_by_role("button", name="Close the card")).to_be_visible()
    page.mouse.move(2, 2)
    page.keyboard.press("Escape")
    expect(page.locator("#card")).to_be_hidden()


def test_searching_dims_the_others(page: Page, coloured_tiles: NDArray[np.uint8]) -> None:
    page.keyboard.press("/")
    page.keyboard.type("edith STAR")
    expect(page.locator("#status")).to_have_text("1 of 11 images")
    page.mouse.move(2, 2)
    drawn(page)
    assert near(colour_at(page, *place(page, 4)), coloured_tiles[4, 0, 0]) <= 2
    assert near(colour_at(page, *place(page, 6)), coloured_tiles[5, 0, 0]) > 40
    page.keyboard.press("Enter")
    expect(page.locator("#title")).to_have_text("Brittle starfish")
    page.keyboard.press("Escape")
    expect(page.locator("#status")).to_have_text("11 images")


@only_image
def test_goes_through_what_was_found_and_round_again(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("archive")
    expect(page.locator("#status")).to_have_text("6 of 11 images")
    for key, title, rank in [
        ("Enter", "Specimen 0", "1 / 6"),
        ("Enter", "Untitled", "2 / 6"),
        ("Shift+Enter", "Specimen 0", "1 / 6"),
        ("Shift+Enter", "Specimen 10", "6 / 6"),
    ]:
        page.keyboard.press(key)
        expect(page.locator("#title")).to_have_text(title)
        expect(page.locator("#rank")).to_have_text(rank)
    page.get_by_role("button", name="Next found image").click()
    expect(page.locator("#rank")).to_have_text("1 / 6")
    page.locator("#stage").focus()
    page.keyboard.press("p")
    expect(page.locator("#rank")).to_have_text("6 / 6")


@only_image
def test_colours_by_source_and_licence_narrow_what_is_found(page: Page) -> None:
    page.get_by_label("Colour by").select_option("Source")
    page.get_by_role("group", name="Source").get_by_role("button", name="archive").click()
    expect(page.locator("#status")).to_have_text("6 of 11 images")
    page.get_by_label("Colour by").select_option("Licence")
    unknown = page.get_by_role("group", name="Licence").get_by_role("button", name="Unknown")
    unknown.click()
    expect(page.locator("#status")).to_have_text("1 of 11 images")
    expect(unknown).to_have_attribute("aria-pressed", "true")
    unknown.click()
    expect(page.locator("#status")).to_have_text("6 of 11 images")
    page.get_by_role("button", name="No longer only Source: archive").click()
    expect(page.locator("#status")).to_have_text("11 images")


def test_an_image_is_outlined_in_the_colour_of_its_chip(page: Page) -> None:
    page.get_by_label("Colour by").select_option("Source")
    chips = page.get_by_role("group", name="Source").get_by_role("button").all()
    colours = {
        (chip.text_content() or "").rstrip("0123456789"): chip.evaluate(
            "chip => getComputedStyle(chip, '::before').backgroundColor"
        )
        for chip in chips
    }
    page.mouse.move(2, 2)
    drawn(page)
    shot = np.asarray(Image.open(BytesIO(page.screenshot())).convert("RGB")).astype(int)

    def edge(cell: int, source: str) -> int:
        """Pixels of the colour of a chip on the way from the middle of a cell to its left edge."""
        across, down = (round(value) for value in place(page, cell))
        wanted = [int(value) for value in re.findall(r"\d+", colours[source])[:3]]
        return int((np.abs(shot[down, across - 76 : across] - wanted).max(axis=1) < 12).sum())

    assert (edge(0, "archive") > 0, edge(0, "gallery")) == (True, 0)
    assert (edge(1, "archive"), edge(1, "gallery") > 0) == (0, True)


@only_image
def test_a_score_is_a_scale_whose_ends_move(page: Page) -> None:
    page.get_by_label("Colour by").select_option("clip")
    expect(page.locator("#legend")).to_contain_text("1 without")
    page.get_by_role("slider", name="Least: clip").fill("500")
    expect(page.locator("#status")).to_have_text("6 of 11 images")
    page.get_by_role("slider", name="Most: clip").focus()
    page.keyboard.press("Home")
    expect(page.locator("#status")).to_have_text(re.compile("^[1-5] of 11 images$"))
    page.get_by_label("Colour by").select_option("nothing")
    page.get_by_role("button", name=re.compile("^No longer only clip")).click()
    expect(page.locator("#status")).to_have_text("11 images")


@only_image
def test_arrows_walk_over_holes_and_enter_pins(page: Page) -> None:
    page.locator("#stage").focus()
    for key, title in [
        ("ArrowDown", "Specimen 0"),
        ("ArrowDown", "Brittle starfish"),
        ("ArrowRight", "Specimen 5"),
        ("ArrowRight", "Specimen 6"),
        ("ArrowRight", "Specimen 6"),
        ("ArrowUp", "Specimen 3"),
    ]:
        page.keyboard.press(key)
        expect(page.locator("#title")).to_have_text(title)
    page.keyboard.press("Enter")
    expect(page.locator("#card")).to_have_class(re.compile("pinned"))


@only_image
def test_walking_while_zoomed_in_brings_the_image_into_view(page: Page) -> None:
    page.locator("#stage").focus()
    for key in ("ArrowDown", "+", "+", "+"):
        page.keyboard.press(key)
    drawn(page)
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
        drawn(page)
        box = page.evaluate("() => mosaic.boxOf(mosaic.shown)")
        assert 0 <= box["left"] <= stage["width"] - box["side"]
        assert 0 <= box["top"] <= stage["height"] - box["side"]


def test_zooming_enlarges_around_the_pointer_and_zero_shows_all(page: Page) -> None:
    x, y = place(page, 0)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -200)
    expect(page.locator("#keys")).to_be_hidden()
    drawn(page)
    page.mouse.move(x + 1, y)
    expect(page.locator("#title")).to_have_text("Specimen 0")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 150, y, steps=5)
    page.mouse.up()
    drawn(page)
    page.keyboard.press("0")
    expect(page.locator("#keys")).to_be_visible()
    drawn(page)
    hover(page, 11)
    expect(page.locator("#title")).to_have_text("Specimen 10")


def test_images_fly_to_the_cloud_and_back(page: Page, coloured_tiles: NDArray[np.uint8]) -> None:
    at_home = page.evaluate("mosaic.boxOf(7)")
    cloud = page.get_by_role("button", name="The cloud that the grid came from")
    cloud.click()
    expect(cloud).to_have_attribute("aria-pressed", "true")
    until(page, "mosaic.aloft === 1")
    drawn(page)
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    boxes = page.evaluate("Array.from({ length: 11 }, (_, index) => mosaic.boxOf(index))")
    steps = [boxes[at + 1]["left"] - boxes[at]["left"] for at in (0, 1, 2, 3, 4, 6, 7, 8, 9)]
    assert max(steps) - min(steps) < 0.1
    assert boxes[6]["left"] == pytest.approx(boxes[0]["left"])
    assert boxes[6]["top"] - boxes[0]["top"] == pytest.approx(steps[0], abs=0.1)
    for index, box in enumerate(boxes):
        x, y = stage["x"] + box["left"] + box["side"] / 2, stage["y"] + box["top"] + box["side"] / 2
        assert near(colour_at(page, x, y), coloured_tiles[index, 0, 0]) <= 3
    page.mouse.move(x, y)
    expect(page.locator("#title")).to_have_text("Specimen 10")
    page.mouse.move(2, 2)
    page.keyboard.press("m")
    until(page, "mosaic.aloft === 0")
    assert page.evaluate("mosaic.boxOf(7)") == at_home
    drawn(page)
    assert near(colour_at(page, *place(page, 8)), coloured_tiles[7, 0, 0]) <= 2


@only_image
def test_everything_one_can_press_has_a_name(page: Page) -> None:
    page.mouse.click(*place(page, 0))
    expect(page.get_by_role("button", name="Close the card")).to_be_visible()
    page.get_by_label("Colour by").select_option("Source")
    buttons = page.get_by_role("button").all()
    assert len(buttons) >= 8
    assert all(button.get_attribute("aria-label") or button.inner_text().strip() for button in buttons)
    expect(page.get_by_role("searchbox", name="Search titles, creators, licences and sources")).to_be_visible()
    expect(page.locator("#card")).to_have_attribute("aria-live", "polite")


@only_image
def test_a_question_mark_tells_the_keys(page: Page) -> None:
    page.locator("#stage").focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys and gestures")
    expect(dialog).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#card")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


@only_image
def test_the_chosen_light_is_there_again_after_reloading(page: Page) -> None:
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Light or dark: as the system has it").click()
    page.get_by_role("button", name="Light or dark: light").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    page.wait_for_selector("html[data-ready][data-theme=dark]")
    assert page.evaluate(ground) == "rgb(17, 17, 17)" != light


@only_image
def test_gutters_and_holes_take_the_colour_of_the_wall(page: Page) -> None:
    ground = [
        int(part) for part in re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))
    ]
    x, y = place(page, 0)
    scale = page.evaluate("mosaic.scale")
    assert near(colour_at(page, *place(page, 5)), np.array(ground)) <= 2
    assert near(colour_at(page, x + 9 * scale, y), np.array(ground)) <= 2


@only_image
def test_a_tap_shows_the_card_and_another_one_takes_it_away(browser: Browser, folder: Path) -> None:
    phone = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    with opened(browser, (folder / "index.html").as_uri(), **phone) as page:
        page.touchscreen.tap(*place(page, 0))
        card = page.locator("#card")
        expect(card.locator("h2")).to_have_text("Specimen 0")
        box = card.bounding_box()
        assert box is not None
        assert (box["x"], box["width"]) == (0, 390)
        assert place(page, 0)[1] < box["y"]
        page.get_by_role("button", name="Close the card").tap()
        expect(card).to_be_hidden()


@only_image
def test_a_low_window_has_room_for_wall_and_card(browser: Browser, folder: Path) -> None:
    with opened(browser, (folder / "index.html").as_uri(), viewport={"width": 800, "height": 400}) as page:
        assert page.evaluate("mosaic.scale * 54") > 180
        page.mouse.click(*place(page, 7))
        box = page.locator("#card").bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 400
        expect(page.locator("#page a")).to_be_attached()


@only_image
def test_shows_a_larger_picture_where_there_is_one(browser: Browser, folder: Path) -> None:
    Image.new("RGB", (200, 100), "teal").save(folder / "50% of #1?.png")
    write_viewer(
        folder,
        title="One",
        picture="mosaic.png",
        grid=GRID,
        tile=16,
        gutter=2,
        cells=np.array([0]),
        cards=[{"picture": "50% of #1?.png"}],
    )
    with opened(browser, (folder / "index.html").as_uri()) as page:
        hover(page, 0)
        expect(page.locator("#picture")).to_be_visible()
        expect(page.locator("#picture")).to_have_js_property("naturalWidth", 200)
        teal = np.array([0, 128, 128])
        until(page, "mosaic.sharp() === 1")
        drawn(page)
        assert near(colour_at(page, *place(page, 0)), teal) <= 2


def test_cards_come_in_pieces_and_lose_nothing(browser: Browser, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    n, grid = 2100, Grid(columns=60, rows=50)
    Image.new("RGB", (60 * 4, 50 * 4), "navy").save(tmp_path / "mosaic.png")
    given = [
        {
            "file": f"shell-{i}.jpg",
            "sha256": f"{i:064x}",
            "title": None if i % 7 == 0 else f"Shell {i} \N{SNOWMAN}",
            "creator": ["Ada", "Bo", None][i % 3],
            "source": "one",
            "page_url": f"https://example.org/{i}" if i % 5 else None,
            "width": 100 + i % 2,
            "labels": [f"label {i % 4}"] if i % 2 else None,
        }
        for i in range(n)
    ]
    cells = rng.permutation(grid.columns * grid.rows)[:n]
    write_viewer(tmp_path, title="x", picture="mosaic.png", grid=grid, tile=4, gutter=0, cells=cells, cards=given)
    with opened(browser, (tmp_path / "index.html").as_uri()) as page:
        page.evaluate("mosaic.fetchAll()")
        until(page, "mosaic.arrived()")
        got = page.evaluate("cells => cells.map(cell => mosaic.cardOf(mosaic.imageAt(cell)))", cells.tolist())
        hole = int(np.setdiff1d(np.arange(3000), cells)[0])
        assert page.evaluate("cell => mosaic.imageAt(cell)", hole) == -1
    assert len(list(tmp_path.glob("cards-*/*.js"))) == 3
    assert [{key: value for key, value in card.items() if value is not None} for card in got] == [
        {key: value for key, value in card.items() if value is not None} for card in given
    ]


@only_image
def test_says_so_where_the_mosaic_is_missing(browser: Browser, folder: Path) -> None:
    (folder / "mosaic.png").unlink()
    page = browser.new_page()
    page.goto((folder / "index.html").as_uri())
    expect(page.get_by_role("alert")).to_contain_text("is not in the folder of this page")
    page.close()


@only_image
def test_publishes_whole_or_not_at_all(folder: Path) -> None:
    before = (folder / "index.html").read_bytes()
    (old,) = folder.glob("cards-*")
    again = {"title": "x", "picture": "mosaic.png", "grid": GRID, "tile": 16, "gutter": 2}
    with pytest.raises(ValueError, match=r"^expected one card for each of 11 cells, got 1$"):
        write_viewer(folder, **again, cells=CELLS, cards=[{}])
    with pytest.raises(ValueError, match=r"^expected cells that differ, of a grid of 4 x 3$"):
        write_viewer(folder, **again, cells=np.array([3, 3]), cards=[{}, {}])
    with pytest.raises(ValueError, match=r"^expected points that are finite numbers$"):
        write_viewer(folder, **again, cells=np.array([3]), cards=[{}], points=np.array([[0.0, np.nan]]))
    assert (folder / "index.html").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == [old.name, "copy.png", "index.html", "mosaic.png"]

    written = write_viewer(folder, **again, cells=np.array([3]), cards=[{"title": "Other"}])

    (new,) = folder.glob("cards-*")
    assert new != old
    assert written == [folder / "index.html", new / "0.js"]
    first = (folder / "index.html").read_bytes()
    write_viewer(folder, **again, cells=np.array([3]), cards=[{"title": "Other"}])
    assert (folder / "index.html").read_bytes() == first
