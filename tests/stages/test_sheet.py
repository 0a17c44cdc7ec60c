"""Contact sheets of a small collection: what stands where, in which order, in which files."""

from __future__ import annotations

import json

import pytest
from PIL import Image, PdfParser

from harvest.errors import ConfigError
from harvest.progress import SilentProgress
from harvest.stages.dedupe import run_dedupe
from harvest.stages.filter import run_filter
from harvest.stages.sheet import run_sheet
from harvest.stages.sheet.subjects import hue

# name -> colour, date, creator; sizes differ, so that nothing is a copy of anything
SHELLS = {
    "whelk": ("#c81e1e", "1901", "Ada Moss", (300, 200)),
    "cowrie": ("#1e1ec8", "1899-05", "Bo Reed", (260, 260)),
    "limpet": ("#1ec81e", None, None, (200, 300)),
    "auger": ("#808080", "1950", "Ada Moss", (400, 220)),
}


@pytest.fixture
def collection(herbarium):
    """Four plain pictures, each with a name, and the name of each by its sha256."""
    names = {}
    for number, (name, (colour, date, creator, size)) in enumerate(SHELLS.items()):
        picture = Image.new("RGB", size, colour)
        picture.paste("white", (20 * number, 10, 20 * number + 30, 60))
        names[herbarium.meet(picture, title=name.title(), taken_at=date, creator=creator)] = name
    herbarium.crawl()
    return herbarium.workspace, names


def sheet_of(collection, recipe, sheet, rest=""):
    """Run the stage; the names of the pictures in their order, and the folder."""
    workspace, names = collection
    read = recipe(f"dedupe: {{near: null, pixels: false}}\nlayout: null\n{rest}sheet: {sheet}\n")
    run_dedupe(workspace, read, progress=SilentProgress())
    run_filter(workspace, read, progress=SilentProgress())
    report = run_sheet(workspace, read, progress=SilentProgress())
    folder = workspace.layouts / "shells"
    return (
        [names[sha256] for sha256 in json.loads((folder / "sheet-images.json").read_text())["images"]],
        folder,
        report,
    )


@pytest.mark.parametrize(
    ("sheet", "order"),
    [
        ("{}", ["auger", "cowrie", "limpet", "whelk"]),
        ("{sort: title, descending: true}", ["whelk", "limpet", "cowrie", "auger"]),
        ("{sort: date}", ["cowrie", "whelk", "auger", "limpet"]),
        ("{sort: creator}", ["auger", "whelk", "cowrie", "limpet"]),
        ("{sort: pixels}", ["limpet", "whelk", "cowrie", "auger"]),
        ("{sort: colour}", ["auger", "whelk", "limpet", "cowrie"]),
        ("{sort: score, score: filter.size}", ["limpet", "whelk", "auger", "cowrie"]),
    ],
)
def test_pictures_stand_in_the_order_that_is_asked_for(collection, recipe, sheet, order):
    found, _, _ = sheet_of(collection, recipe, sheet, "filter: [{size: {min_side: 100}}]\n")
    assert found == order


def test_pages_are_in_the_format_and_style_that_are_asked_for(collection, recipe):
    style = "{columns: 2, rows: 1, tile: 60, height: 40, gap: 0, margin: 0, headed: false, format: png}"
    order, folder, report = sheet_of(collection, recipe, style)

    with Image.open(folder / "sheet-01.png") as first, Image.open(folder / "sheet-02.png") as second:
        assert first.size == second.size == (120, 40)
        page = (first, second)[order.index("whelk") // 2]
        left = order.index("whelk") % 2 * 60
        assert page.getpixel((left + 30, 35)) == pytest.approx((0xC8, 0x1E, 0x1E), abs=3)
    assert report.detail["images"] == 4


def test_a_pdf_holds_all_pages_and_is_the_same_every_time(collection, recipe):
    _, folder, _ = sheet_of(collection, recipe, "{columns: 1, rows: 1, tile: 32, format: pdf, label: [title, date]}")
    first = (folder / "sheet-all.pdf").read_bytes()
    with PdfParser.PdfParser(str(folder / "sheet-all.pdf")) as pdf:
        assert len(pdf.pages) == 4
    (folder / "sheet-all.pdf").unlink()

    sheet_of(collection, recipe, "{columns: 1, rows: 1, tile: 32, format: pdf, label: [title, date]}")

    assert (folder / "sheet-all.pdf").read_bytes() == first


def test_another_format_takes_the_place_of_the_one_before(collection, recipe):
    sheet_of(collection, recipe, "{columns: 1, rows: 1}")
    _, folder, _ = sheet_of(collection, recipe, "{columns: 4, format: png}")
    assert sorted(path.name for path in folder.iterdir()) == ["sheet-01.png", "sheet-images.json"]


def test_nothing_is_drawn_again_that_is_there(collection, recipe):
    sheet_of(collection, recipe, "{sort: colour}")
    _, _, again = sheet_of(collection, recipe, "{sort: colour}")
    assert (again.done, again.skipped) == (0, 4)


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("{sort: size}", r"shells.yaml: sheet.sort: expected one of source, title, .*got 'size'"),
        ("{label: [title, maker]}", r"shells.yaml: sheet.label\[1\]: expected one of title, creator, .*got 'maker'"),
        ("{background: dark}", r"sheet.background: expected a colour like '#ffffff', got 'dark'"),
        ("{sort: score}", r"shells.yaml: sheet.score: no filter of the recipe has judged by a number yet"),
        ("{sort: score, score: filter.clip}", r"sheet.score: expected one of the recipe's filters \(there is none\)"),
    ],
)
def test_a_wish_that_cannot_be_met_says_why(collection, recipe, sheet, message):
    with pytest.raises(ConfigError, match=message):
        sheet_of(collection, recipe, sheet)


def test_hues_go_around_the_circle_after_the_greys():
    red, green, blue, grey, black = (200, 0, 0), (0, 200, 0), (0, 0, 200), (90, 90, 90), (0, 0, 0)
    assert sorted([blue, grey, red, black, green], key=hue) == [black, grey, red, green, blue]
