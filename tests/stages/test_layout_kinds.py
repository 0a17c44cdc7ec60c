"""Several layouts of one recipe: by what images are compared, on which plane, on which grid."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from harvest.errors import ConfigError
from harvest.holdings import holdings_of
from harvest.ledger import GivenLabelRow, latest_stage, layout_of, open_ledger, write_given_labels
from harvest.progress import SilentProgress
from harvest.review import Verdict, give
from harvest.stages.dedupe import run_dedupe
from harvest.stages.filter import run_filter
from harvest.stages.layout import run_layout
from harvest.stages.normalize import run_normalize
from layout.viewer import viewer_data

LAYOUTS = """
sizes: [{px: 32}]
dedupe: {near: null, pixels: false}
layout:
  - {features: pixels, project: pca, tile: 32, grid: {columns: 8}}
  - {name: circle, features: colours, project: pca, tile: 32, grid: {shape: circle}}
  - {name: letter, features: brightness, project: pca, tile: 32, grid: {text: L}}
  - {name: map, features: pixels, project: pca, tile: 32, grid: {picture: map.png}}
  - {name: mix, features: [{of: pixels}, {of: colours, weight: 0.3}, creator], project: pca, tile: 32}
  - {name: years, features: date, project: {x: date, y: creator}, unknown: leave_out, tile: 32}
"""
MAKERS = ("Ada Moss", "Bo Fern", "Cy Reed")


@pytest.fixture
def shells(herbarium):
    """Thirty tiles of one colour each, from dark to light; every fifth has no date."""
    for number in range(30):
        tile = Image.new("RGB", (40, 40), (number * 8, 255 - number * 8, (number * 53) % 255))
        when = {} if number % 5 == 4 else {"taken_at": f"{1890 + number}"}
        herbarium.meet(tile, creator=MAKERS[number % 3], **when)
    herbarium.crawl()
    return herbarium


@pytest.fixture
def lay_out(shells, recipe):
    """Runs all that a recipe needs for its layouts; plain tiles are no copies of each other."""

    def run(text: str):
        silhouette = Image.new("L", (60, 40), 255)
        silhouette.paste(0, (20, 10, 50, 30))
        silhouette.save(recipe("").file.parent / "map.png")
        made = recipe(text if "dedupe" in text else f"dedupe: {{near: null, pixels: false}}\n{text}")
        run_dedupe(shells.workspace, made, progress=SilentProgress())
        run_normalize(shells.workspace, made, progress=SilentProgress())
        return run_layout(shells.workspace, made, progress=SilentProgress())

    return run


def rows(shells, name):
    with open_ledger(shells.workspace) as con:
        return layout_of(con, name)


def test_each_layout_has_its_images_folder_and_figures(shells, lay_out):
    report = lay_out(LAYOUTS)

    names = ["shells", "circle", "letter", "map", "mix", "years"]
    found = report.detail
    assert list(found) == names
    assert [found[name]["images"] for name in names] == [30, 30, 30, 30, 30, 24]
    assert [found[name]["left_out"] for name in names] == [0, 0, 0, 0, 0, 6]
    assert [found[name]["holes"] for name in names[:4]] == [2, 0, 0, 0]
    assert (found["shells"]["columns"], found["shells"]["rows"]) == (8, 4)
    assert found["circle"]["columns"] == found["circle"]["rows"]
    assert (found["map"]["columns"], found["map"]["rows"]) == (7, 5)
    assert found["mix"]["features"] == "pixels + 0.3 colours + creator"
    for name in names:
        assert (shells.workspace.layouts / name / "index.html").is_file()
        places = json.loads((shells.workspace.layouts / name / "grid_positions.json").read_text())["positions"]
        assert {(place["col"], place["row"]) for place in places.values()} == {
            (row.col, row.row) for row in rows(shells, name)
        }
    assert lay_out(LAYOUTS).skipped == 174


def test_axes_of_the_ledger_put_dates_to_the_right_and_makers_downward(shells, lay_out):
    lay_out(LAYOUTS)

    with open_ledger(shells.workspace) as con:
        known = dict(con.execute("SELECT sha256, (creator, taken_at) FROM provenance").fetchall())
    placed = rows(shells, "years")
    makers = [MAKERS.index(known[row.sha256][0]) for row in placed]
    years = [int(known[row.sha256][1]) for row in placed]

    assert np.corrcoef(makers, [row.row for row in placed])[0, 1] > 0.8
    assert np.corrcoef(years, [row.col for row in placed])[0, 1] > 0.8


def test_dark_lies_opposite_to_light_when_brightness_is_compared(shells, lay_out):
    lay_out(LAYOUTS)

    with open_ledger(shells.workspace) as con:
        light = dict(con.execute("SELECT sha256, brightness FROM images").fetchall())
    placed = rows(shells, "letter")
    order = np.corrcoef([light[row.sha256] for row in placed], [row.x for row in placed])[0, 1]

    assert abs(order) > 0.99


def test_scores_lie_against_labels_and_peoples_labels_count_first(shells, recipe):
    """Dark and light by hand, over what the source calls shells."""
    made = recipe(
        "sizes: [{px: 32}]\n"
        "dedupe: {near: null, pixels: false}\n"
        "filter: [{like: {model: colours, these: [blue.png], top: 30}}]\n"
        "layout: {project: {x: score, y: label}, unknown: leave_out, tile: 32}\n"
    )
    Image.new("RGB", (40, 40), (0, 0, 255)).save(made.file.parent / "blue.png")
    with open_ledger(shells.workspace, write=True) as con:
        shas = [sha256 for (sha256,) in con.execute("SELECT sha256 FROM images ORDER BY brightness").fetchall()]
        words = {sha256: "dark" if at < 10 else "light" for at, sha256 in enumerate(shas[:20])}
        given = [
            GivenLabelRow(sha256=sha256, label=word, verdict="add", decided_by="Ada") for sha256, word in words.items()
        ]
        write_given_labels(con, given)
    run_dedupe(shells.workspace, made, progress=SilentProgress())
    run_filter(shells.workspace, made, progress=SilentProgress())
    run_normalize(shells.workspace, made, progress=SilentProgress())

    report = run_layout(shells.workspace, made, progress=SilentProgress())

    placed = rows(shells, "shells")
    with open_ledger(shells.workspace) as con:
        scores = dict(con.execute("SELECT sha256, value FROM decisions WHERE stage = 'filter.like'").fetchall())
    assert report.detail["left_out"] == 10  # whoever has no label
    assert {row.sha256 for row in placed} == set(words)
    assert np.corrcoef([words[row.sha256] == "light" for row in placed], [row.y for row in placed])[0, 1] > 0.99
    order = np.argsort([row.x for row in placed], kind="stable")
    ordered = np.array([scores[row.sha256] for row in placed])[order]
    assert np.all(np.diff(ordered) >= 0)
    assert ordered[0] < ordered[-1]


def test_scores_of_a_filter_that_gives_none_are_refused(shells, lay_out):
    with pytest.raises(
        ConfigError, match=r"layout.score: expected a filter that gives numbers \(none does yet\), got None"
    ):
        lay_out(
            "sizes: [{px: 32}]\n"
            "dedupe: {near: null, pixels: false}\n"
            "layout: {features: score, project: pca, tile: 32}\n"
        )


def test_pinned_images_lie_where_they_were_put_and_the_others_around_them(shells, lay_out):
    with open_ledger(shells.workspace) as con:
        ((sha256, other),) = con.execute("SELECT min(sha256), max(sha256) FROM images").fetchall()
    pins = f"pins: {{{sha256}: [0, 0], {other}: [5, 4], nobody.jpg: [1, 1]}}"

    report = lay_out(
        f"sizes: [{{px: 32}}]\nlayout: {{features: pixels, project: pca, tile: 32, grid: {{columns: 6}}, {pins}}}\n"
    )

    cells = {row.sha256: (row.col, row.row) for row in rows(shells, "shells")}
    assert (cells[sha256], cells[other]) == ((0, 0), (5, 4))
    assert len(set(cells.values())) == 30
    assert report.detail["pinned"] == 2
    assert report.detail["pins_waiting"] == ["nobody.jpg"]


def test_pins_of_images_that_are_not_laid_out_are_named_also_when_all_lies_there_already(shells, recipe):
    """One that dedupe leaves out, and one that nobody has met."""
    with open_ledger(shells.workspace) as con:
        ((left_out,),) = con.execute("SELECT min(sha256) FROM images").fetchall()
    give(shells.workspace, "shells", [Verdict(verdict="drop", sha256=left_out)], reason="torn", decided_by="Ada")
    made = recipe(
        "sizes: [{px: 32}]\n"
        "dedupe: {near: null, pixels: false}\n"
        f"layout: {{features: pixels, project: pca, tile: 32, pins: {{{left_out}: [0, 0], nobody.jpg: [1, 1]}}}}\n"
    )
    run_dedupe(shells.workspace, made, progress=SilentProgress())
    run_normalize(shells.workspace, made, progress=SilentProgress())
    told = Told()

    reports = [run_layout(shells.workspace, made, progress=told) for _ in range(2)]

    assert [report.done for report in reports] == [29, 0]
    warning = f"{made.file}: layout.pins: not among the images laid out, so nothing is pinned for them: "
    assert [line for line in told.lines if "pins" in line] == [f"{warning}{left_out}, nobody.jpg"] * 2


class Told(SilentProgress):
    """Keeps what is said to the person at the terminal."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (
            "grid: {columns: 2, rows: 3}",
            "layout.grid: 2 columns and 3 rows hold 6 images, and there are 30",
        ),
        (
            "grid: {columns: 4, shape: circle}",
            (
                "layout.grid: 4 columns and 4 rows leave 16 cells in this shape, and there are 30 images: "
                "choose 6 columns"
            ),
        ),
        (
            "grid: {picture: shells.yaml}",
            "layout.grid.picture: cannot be read as a picture: cannot identify image file '{folder}/shells.yaml'",
        ),
        (
            "grid: {columns: 6}, pins: {SHA: [0, 5]}",
            "layout.pins.SHA: expected an open cell of 6 columns and 5 rows, got [0, 5]",
        ),
    ],
)
def test_a_grid_that_does_not_fit_the_images_names_its_place(shells, lay_out, tmp_path, layout, message):
    with open_ledger(shells.workspace) as con:
        ((sha256,),) = con.execute("SELECT min(sha256) FROM images").fetchall()
    text = f"sizes: [{{px: 32}}]\nlayout: {{features: pixels, project: pca, tile: 32, {layout}}}\n"

    with pytest.raises(ConfigError) as error:
        lay_out(text.replace("SHA", sha256))

    expected = message.replace("SHA", sha256).replace("{folder}", str(tmp_path))
    assert str(error.value) == f"{tmp_path}/shells.yaml: {expected}"
    with open_ledger(shells.workspace) as con:
        assert latest_stage(con, "layout", "shells") is None


def test_pictures_are_those_that_the_recipe_names_and_earlier_ones_go(shells, lay_out):
    folder = shells.workspace.layouts / "shells"
    layout = "layout: {{features: pixels, project: pca, tile: 32, gutter: 2, grid: {{columns: 6}}, pictures: [{}]}}\n"
    lay_out("sizes: [{px: 32}]\n" + layout.format("mosaic.png, scatter.png"))

    report = lay_out("sizes: [{px: 32}]\n" + layout.format("mosaic.jpg, mosaic.tif, deepzoom"))

    assert {path.name for path in folder.iterdir() if not path.name.startswith("cards-")} == {
        "grid_positions.json",
        "index.html",
        "layout.parquet",
        "mosaic.dzi",
        "mosaic.jpg",
        "mosaic.tif",
        "mosaic_files",
        "umap_positions.json",
    }
    tiles = [path for path in (folder / "mosaic_files").rglob("*") if path.is_file()]
    assert report.detail["folders"] == {"layouts/shells/mosaic_files": len(tiles)}
    for name in ("mosaic.jpg", "mosaic.tif"):
        with Image.open(folder / name) as mosaic:
            assert mosaic.size == (6 * 34 + 2, 5 * 34 + 2)
    tiles[0].unlink()
    assert lay_out("sizes: [{px: 32}]\n" + layout.format("mosaic.jpg, mosaic.tif, deepzoom")).done == 30
    assert tiles[0].is_file()


def test_hexagons_are_pictures_and_the_viewer_shows_the_same(shells, lay_out):
    report = lay_out(
        "sizes: [{px: 32}]\nlayout: {features: pixels, project: pca, tile: 32, grid: {columns: 6, cells: hexagons}}\n"
    )

    folder = shells.workspace.layouts / "shells"
    assert (report.detail["columns"], report.detail["rows"]) == (6, 5)
    with Image.open(folder / "mosaic.png") as mosaic:
        assert mosaic.size == (6 * 32 + 16, 4 * 28 + 37)
        assert mosaic.getpixel((0, 36)) == (0x11, 0x11, 0x11)
    assert not (folder / "mosaic.dzi").exists()
    data = viewer_data(folder / "index.html")
    assert (data["picture"]["url"], data["hexagons"]) == ("mosaic.png", {"tall": 37, "rowPitch": 28, "shift": 16})


def test_arrows_films_captions_and_prints(shells, lay_out):
    report = lay_out(
        "sizes: [{px: 32}]\nlayout: {features: pixels, project: pca, tile: 32, gutter: 8, grid: {columns: 6}, "
        "label: title, pictures: [mosaic.png, arrows.png, morph.gif], print: {width: 12, dpi: 127, format: jpg}}\n"
    )

    folder = shells.workspace.layouts / "shells"
    with Image.open(folder / "mosaic.png") as mosaic, Image.open(folder / "print.jpg") as printed:
        assert mosaic.width == 6 * 40 + 8
        assert mosaic.height > 5 * 40 + 8
        assert printed.width == pytest.approx(12 / 2.54 * 127, rel=0.02)
        assert printed.info["dpi"] == (127, 127)
    with Image.open(folder / "arrows.png") as arrows, Image.open(folder / "morph.gif") as film:
        assert max(arrows.size) == 2048
        assert film.n_frames > 20
    assert 'Width="248" Height="208"' in (folder / "mosaic.dzi").read_text()
    assert "layouts/shells/morph.gif" in report.detail["files"]


@pytest.mark.parametrize(("side", "axis"), [("width", 0), ("height", 1)])
def test_a_print_is_as_large_as_asked_with_its_captions(shells, lay_out, side, axis):
    lay_out(
        "sizes: [{px: 32}]\nlayout: {features: pixels, project: pca, tile: 32, gutter: 2, grid: {columns: 6}, "
        f"label: title, pictures: [scatter.png], print: {{{side}: 10, dpi: 150, format: png}}}}\n"
    )

    with Image.open(shells.workspace.layouts / "shells" / "print.png") as printed:
        assert 10 / 2.54 * 150 - 2 * 6 <= printed.size[axis] <= 10 / 2.54 * 150
        assert printed.info["dpi"] == pytest.approx((150, 150), abs=0.02)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("{dpi: 300}", "layout.print: expected either width or height, in centimetres"),
        ("{width: 10, height: 5}", "layout.print: expected either width or height, in centimetres"),
        ("{width: 0.01}", "layout.print: 0.01 cm at 300 dpi are fewer pixels than there are cells"),
    ],
)
def test_a_print_that_cannot_be_says_why(shells, lay_out, wanted, message):
    with pytest.raises(ConfigError, match=message):
        lay_out(f"sizes: [{{px: 32}}]\nlayout: {{features: pixels, project: pca, tile: 32, print: {wanted}}}\n")


def test_a_mosaic_too_large_for_its_format_names_one_that_holds_it(shells, lay_out, tmp_path):
    with pytest.raises(ConfigError) as error:
        lay_out(
            "sizes: [{px: 32}]\nlayout: {features: pixels, project: pca, tile: 32, grid: {rows: 1}, "
            "print: {width: 900, dpi: 2400, format: jpg}}\n"
        )

    assert str(error.value).startswith(f"{tmp_path}/shells.yaml: layout.print: print.jpg: 850,")
    assert "JPEG holds at most 65,500 a side; " in str(error.value)


def test_pictures_of_another_shape_lie_whole_in_their_cells(herbarium, recipe):
    for number in range(4):
        herbarium.meet(Image.new("RGB", (80, 40), (200, number * 60, 40)))
    herbarium.crawl()
    whole = recipe(
        "sizes: [{px: 32}]\nlayout: {features: colours, project: pca, tile: 32, fit: contain, background: '#000000'}\n"
    )
    run_dedupe(herbarium.workspace, whole, progress=SilentProgress())
    run_normalize(herbarium.workspace, whole, progress=SilentProgress())

    run_layout(herbarium.workspace, whole, progress=SilentProgress())

    with Image.open(herbarium.workspace.layouts / "shells" / "mosaic.png") as mosaic:
        assert max(mosaic.getpixel((16, 4))) == 0
        assert mosaic.getpixel((16, 16))[0] > 190


GROWING = """
sizes: [{{px: 32}}]
dedupe: {{near: null, pixels: false}}
layout: {{features: pixels, project: {}, tile: 32, grow: {}}}
"""


def test_a_layout_grows_and_most_images_stay_where_they_were(shells, lay_out):
    lay_out(GROWING.format("pca", "auto"))
    before = {row.sha256: (row.row, row.col) for row in rows(shells, "shells")}
    for number in (3, 17):
        shells.meet(Image.new("RGB", (40, 40), (number * 8 + 4, 250 - number * 8, (number * 53) % 255)))
    shells.crawl()

    report = lay_out(GROWING.format("pca", "auto")).detail

    after = {row.sha256: (row.row, row.col) for row in rows(shells, "shells")}
    stayed = sum(after[sha256] == place for sha256, place in before.items())
    assert (report["grown"], report["added"], report["removed"]) == (True, 2, 0)
    assert report["moved"] == pytest.approx(1 - stayed / 30, abs=1e-4)
    assert stayed >= 24
    assert len(set(after.values())) == 32
    assert report["distance_preservation"] > 0.6


def test_a_layout_starts_anew_where_too_much_changed_or_it_is_told_to(shells, lay_out):
    lay_out(GROWING.format("pca", "never"))
    lay_out(GROWING.format("pca", "auto"))
    for number in range(12):
        shells.meet(Image.new("RGB", (40, 40), (255, number * 20, 90)))
    shells.crawl()

    assert lay_out(GROWING.format("pca", "never")).detail["grown"] is False
    assert lay_out(GROWING.format("pca", "auto")).detail["grown"] is False
    lay_out(GROWING.format("pca", "always"))
    shells.meet(Image.new("RGB", (40, 40), (1, 2, 3)))
    shells.crawl()
    report = lay_out(GROWING.format("pca", "always"))
    assert (report.detail["grown"], report.detail["added"]) == (True, 1)


@pytest.mark.parametrize("project", ["none", "flas"])
def test_straight_from_features_like_colours_lie_together(shells, lay_out, project):
    report = lay_out(GROWING.format(project, "auto")).detail

    assert report["project"] == project
    assert report["mean_displacement"] == 0
    assert report["distance_preservation"] > 0.6
    assert len({(row.row, row.col) for row in rows(shells, "shells")}) == 30


def test_pictures_of_a_layout_that_was_being_made_anew_are_found_by_its_earlier_table(shells, lay_out):
    lay_out("sizes: [{px: 32}]\nlayout: {features: pixels, project: pca, tile: 32}\n")
    folder = shells.workspace.layouts / "shells"
    table = pq.read_table(folder / "layout.parquet")
    gone = table.column("sha256")[0].as_py()
    shutil.copyfile(folder / "layout.parquet", folder / ".before-0.parquet")
    pq.write_table(table.slice(1), folder / "layout.parquet")

    assert holdings_of(shells.workspace, [gone], SilentProgress()).layouts == ("shells",)

    (folder / "mosaic.png").unlink()
    lay_out("sizes: [{px: 32}]\nlayout: {features: pixels, project: pca, tile: 32}\n")
    assert not list(folder.glob(".before-*"))
