"""The viewer as people use it: opened from disk, in a browser, without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from layout.grid import Grid
from layout.render import mosaic
from layout.viewer import write_viewer

GRID = Grid(columns=4, rows=3)
CELLS = np.array([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11])  # cell 5 is a hole
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)> & \u2028 \ud800"


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
        }
        for index in range(11)
    ]
    known[1] |= {
        "title": HOSTILE,
        "page_url": "javascript:alert(1)",
        "license_url": "data:text/html,x",
        "creator_url": "x:",
    }
    known[2] = {"source": "archive"}
    known[4]["title"] = "Brittle starfish"
    return known


@pytest.fixture
def folder(tmp_path: Path, coloured_tiles: NDArray[np.uint8]) -> Path:
    folder = tmp_path / "a folder #1"
    folder.mkdir()
    mosaic(coloured_tiles[:11], CELLS, GRID, tile=16, gutter=2).save(folder / "mosaic.png")
    write_viewer(
        folder,
        title="Fins & <b>feathers</b>",
        mosaic_name="mosaic.png",
        grid=GRID,
        tile=16,
        gutter=2,
        cells=CELLS,
        cards=cards(),
    )
    return folder


@pytest.fixture
def page(browser: Browser, folder: Path) -> Iterator[Page]:
    """The viewer, opened; at the end nothing may have gone wrong in it, and nothing have been asked of a network."""
    context = browser.new_context(viewport={"width": 1000, "height": 700}, reduced_motion="reduce")
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: None if request.url.startswith("file:") else wrong.append(request.url))
    page.goto((folder / "index.html").as_uri())
    page.wait_for_selector("html[data-ready]")
    yield page
    context.close()
    assert wrong == []


def place(page: Page, cell: int) -> tuple[float, float]:
    """Where the centre of a cell is in the window while the whole mosaic is shown, as its measures say."""
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    row, column = divmod(cell, GRID.columns)
    width, height = 4 * 18 + 2, 3 * 18 + 2
    scale = min((stage["width"] - 64) / width, (stage["height"] - 96) / height)
    left = (stage["width"] - width * scale) / 2
    free = stage["height"] - height * scale
    top = max(free / 2 - 16, min(free / 2, 32))
    return stage["x"] + left + (2 + column * 18 + 8) * scale, stage["y"] + top + (2 + row * 18 + 8) * scale


def drawn(page: Page) -> None:
    """Wait until what was asked for before is on the canvas: a frame that is planned comes before the second next."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def colour_at(page: Page, cell: int) -> tuple[int, int, int]:
    """What the canvas shows at the centre of a cell, from a screenshot, as a file's canvas cannot be read."""

    x, y = place(page, cell)
    shot = page.screenshot(clip={"x": round(x), "y": round(y), "width": 1, "height": 1})
    colour = Image.open(BytesIO(shot)).convert("RGB").getpixel((0, 0))
    assert isinstance(colour, tuple)
    return colour[0], colour[1], colour[2]


def test_shows_the_mosaic_where_its_cells_are(page: Page, coloured_tiles: NDArray[np.uint8]) -> None:
    for tile, cell in zip(coloured_tiles, CELLS.tolist(), strict=False):
        assert np.abs(np.subtract(colour_at(page, cell), tile[0, 0].astype(int))).max() <= 2


def test_pointing_at_an_image_shows_its_card_and_a_hole_none(page: Page) -> None:
    page.mouse.move(*place(page, 7))
    card = page.locator("#card")
    expect(card).to_be_visible()
    expect(card.locator("h2")).to_have_text("Specimen 6")
    expect(card.locator("#creator")).to_have_text("Édith Marlowe")
    expect(card.locator("#license a")).to_have_attribute("href", "https://creativecommons.org/licenses/by/4.0/")
    expect(card.locator("#source")).to_have_text("archive")
    expect(card.locator("#date")).to_have_text("4 March 1911")
    expect(card.locator("#size")).to_have_text("3,000 \N{MULTIPLICATION SIGN} 2,400 px")
    link = card.get_by_role("link", name="Source page")
    expect(link).to_have_attribute("href", "https://example.org/specimen?a=1&b=2")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    page.mouse.move(*place(page, 5))
    expect(card).to_be_hidden()


def test_says_what_is_unknown(page: Page) -> None:
    page.mouse.move(*place(page, 2))
    expect(page.locator("#title")).to_have_text("Untitled")
    expect(page.locator("#creator")).to_have_text("Creator unknown")
    expect(page.locator("#license")).to_have_text("unknown")
    expect(page.locator("#card a")).to_have_count(0)
    expect(page.locator("#date")).to_be_hidden()


def test_hostile_metadata_is_text_and_its_links_are_dead(page: Page) -> None:
    page.mouse.move(*place(page, 1))
    expect(page.locator("#title")).not_to_be_empty()
    assert page.locator("#title").text_content() == HOSTILE.replace("\ud800", "?")
    expect(page.locator("#card a")).to_have_count(0)
    expect(page.locator("#creator")).to_have_text("Édith Marlowe")
    expect(page.locator("script")).to_have_count(2)
    assert page.title() == "Fins & <b>feathers</b>"


def test_foreign_scripts_do_not_run(browser: Browser, folder: Path) -> None:
    path = folder / "index.html"
    path.write_text(
        path.read_text("utf-8").replace("</body>", "<script>document.title = 'owned'</script></body>"), "utf-8"
    )
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    assert page.title() == "Fins & <b>feathers</b>"
    page.close()


def test_a_click_keeps_the_card_until_escape(page: Page) -> None:
    page.mouse.click(*place(page, 0))
    page.mouse.move(*place(page, 11))
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
    assert np.abs(np.subtract(colour_at(page, 4), coloured_tiles[4, 0, 0].astype(int))).max() <= 2
    assert np.abs(np.subtract(colour_at(page, 6), coloured_tiles[5, 0, 0].astype(int))).max() > 40
    page.keyboard.press("Enter")
    expect(page.locator("#title")).to_have_text("Brittle starfish")
    page.keyboard.press("Escape")
    expect(page.locator("#status")).to_have_text("11 images")


def test_chips_filter_by_source_and_licence(page: Page) -> None:
    page.get_by_role("group", name="Source").get_by_role("button", name="archive").click()
    expect(page.locator("#status")).to_have_text("6 of 11 images")
    unknown = page.get_by_role("group", name="Licence").get_by_role("button", name="Unknown")
    unknown.click()
    expect(page.locator("#status")).to_have_text("1 of 11 images")
    expect(unknown).to_have_attribute("aria-pressed", "true")
    unknown.click()
    expect(page.locator("#status")).to_have_text("6 of 11 images")


def test_chips_outline_what_they_find_in_their_colour(page: Page, coloured_tiles: NDArray[np.uint8]) -> None:
    chip = page.get_by_role("group", name="Source").get_by_role("button", name="archive")
    colour = chip.evaluate("chip => getComputedStyle(chip, '::before').backgroundColor")
    chip.click()
    page.mouse.move(2, 2)
    drawn(page)
    shot = np.asarray(Image.open(BytesIO(page.screenshot())).convert("RGB")).astype(int)
    wanted = [int(value) for value in re.findall(r"\d+", colour)[:3]]

    def edge(cell: int) -> int:
        """Pixels of the colour of the chip on the way from the middle of a cell to its left edge."""
        across, down = (round(value) for value in place(page, cell))
        return int((np.abs(shot[down, across - 72 : across] - wanted).max(axis=1) < 12).sum())

    assert edge(0) > 0
    assert edge(1) == 0
    chip.click()
    drawn(page)
    shot = np.asarray(Image.open(BytesIO(page.screenshot())).convert("RGB")).astype(int)
    assert edge(0) == 0


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


def test_zooming_enlarges_around_the_pointer_and_zero_shows_all(page: Page) -> None:
    x, y = place(page, 0)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -200)
    expect(page.locator("#keys")).to_be_hidden()
    page.mouse.move(x + 1, y)
    expect(page.locator("#title")).to_have_text("Specimen 0")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 150, y, steps=5)
    page.mouse.up()
    page.keyboard.press("0")
    expect(page.locator("#keys")).to_be_visible()
    page.mouse.move(*place(page, 11))
    expect(page.locator("#title")).to_have_text("Specimen 10")


def test_everything_one_can_press_has_a_name(page: Page) -> None:
    page.mouse.click(*place(page, 0))
    expect(page.get_by_role("button", name="Close the card")).to_be_visible()
    buttons = page.get_by_role("button").all()
    assert len(buttons) >= 8
    assert all(button.get_attribute("aria-label") or button.inner_text().strip() for button in buttons)
    expect(page.get_by_role("searchbox", name="Search titles, creators, licences and sources")).to_be_visible()
    expect(page.locator("#card")).to_have_attribute("aria-live", "polite")


def test_shows_a_larger_picture_where_there_is_one(browser: Browser, folder: Path) -> None:
    Image.new("RGB", (200, 100), "teal").save(folder / "50% of #1?.png")
    write_viewer(
        folder,
        title="One",
        mosaic_name="mosaic.png",
        grid=GRID,
        tile=16,
        gutter=2,
        cells=np.array([0]),
        cards=[{"picture": "50% of #1?.png"}],
    )
    page = browser.new_page(viewport={"width": 1000, "height": 700})
    page.goto((folder / "index.html").as_uri())
    page.wait_for_selector("html[data-ready]")
    page.mouse.move(*place(page, 0))
    expect(page.locator("#picture")).to_be_visible()
    expect(page.locator("#picture")).to_have_js_property("naturalWidth", 200)
    page.close()


def test_says_so_where_the_mosaic_is_missing(browser: Browser, folder: Path) -> None:
    (folder / "mosaic.png").unlink()
    page = browser.new_page()
    page.goto((folder / "index.html").as_uri())
    expect(page.get_by_role("alert")).to_contain_text("is not in the folder of this page")
    page.close()


def test_publishes_whole_or_not_at_all(folder: Path) -> None:
    before = (folder / "index.html").read_bytes()
    again = {"title": "x", "mosaic_name": "mosaic.png", "grid": GRID, "tile": 16, "gutter": 2}
    with pytest.raises(ValueError, match=r"^expected one card for each of 11 cells, got 1$"):
        write_viewer(folder, **again, cells=CELLS, cards=[{}])
    with pytest.raises(ValueError, match=r"^expected cells that differ, of a grid of 4 x 3$"):
        write_viewer(folder, **again, cells=np.array([3, 3]), cards=[{}, {}])
    assert (folder / "index.html").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["index.html", "mosaic.png"]
