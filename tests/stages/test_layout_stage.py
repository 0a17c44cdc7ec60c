from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest
from PIL import Image

from harvest.ledger import latest_stage, layout_of, open_ledger, selected
from harvest.progress import SilentProgress
from harvest.stages import STAGES, stage_digests
from tests.layout.walls import cards_in

PIXELS = """
title: Shells of the north
sizes: [{px: 32}, {px: 64}]
layout: {features: pixels, project: pca, tile: 64, gutter: 2, aspect: 1.5}
sheet: {columns: 4, tile: 64, label: title}
"""
FILES = {"grid_positions.json", "index.html", "layout.parquet", "mosaic.png", "scatter.png", "umap_positions.json"}


@pytest.fixture
def laid_out(herbarium, recipe, picture):
    """Twelve shells, run through all stages that pixels need."""
    for seed in range(12):
        herbarium.meet(picture(seed, 120, 90))
    herbarium.crawl()
    reports = run(herbarium, recipe(PIXELS))
    return herbarium, reports


def run(herbarium, recipe):
    return {
        name: stage(herbarium.workspace, recipe, progress=SilentProgress())
        for name, stage in STAGES.items()
        if name != "embed"
    }


def state(herbarium):
    folder = herbarium.workspace.layouts / "shells"
    files = {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.iterdir()}
    return files, herbarium.workspace.ledger.stat().st_mtime_ns


def test_every_image_has_a_place_in_pictures_files_and_ledger(laid_out):
    herbarium, reports = laid_out
    folder = herbarium.workspace.layouts / "shells"
    report = reports["layout"]

    (cards,) = folder.glob("cards-*/0.js")
    assert set(report.detail["files"]) == {
        *(f"layouts/shells/{name}" for name in FILES),
        f"layouts/shells/{cards.relative_to(folder).as_posix()}",
    }
    assert report.done == 12
    assert 0 < report.detail["distance_preservation"] <= 1
    columns, rows = report.detail["columns"], report.detail["rows"]
    with Image.open(folder / "mosaic.png") as mosaic:
        assert mosaic.size == (columns * 66 + 2, rows * 66 + 2)
    positions = json.loads((folder / "grid_positions.json").read_text())
    assert positions["grid_size"] == {"nx": columns, "ny": rows}
    with open_ledger(herbarium.workspace) as con:
        places = {(row.sha256, row.row, row.col) for row in layout_of(con, "shells")}
    table = pq.read_table(folder / "layout.parquet").to_pylist()
    assert {(row["sha256"], row["row"], row["col"]) for row in table} == places
    assert {(row["file"], row["row"], row["col"]) for row in table} == {
        (file, place["row"], place["col"]) for file, place in positions["positions"].items()
    }
    assert len({(row, col) for _, row, col in places}) == 12
    assert {path.name for path in (herbarium.workspace.derived / "64").iterdir()} == set(positions["positions"])


def test_the_viewer_has_the_cards(laid_out):
    herbarium, _ = laid_out
    folder = herbarium.workspace.layouts / "shells"

    told = {card["title"]: card for card in cards_in(folder)}

    assert "Shells of the north" in (folder / "index.html").read_text()
    assert len(told) == 12
    shown = {"creator": "Ada Moss", "license": "CC BY 4.0", "page_url": "https://gallery.museum.test/3", "width": 120}
    assert told["Shell 3"].items() >= shown.items()
    assert (folder / told["Shell 3"]["picture"]).is_file()


def test_the_cards_say_what_was_measured_and_what_was_left_out(herbarium, recipe, picture, encoded):
    best = herbarium.meet(picture(0, 120, 90), labels=("shell", "of sand"))
    herbarium.meet(picture(1, 120, 90))
    herbarium.meet(encoded(picture(0, 120, 90), quality=60), title="The same, worse")
    herbarium.crawl()

    run(herbarium, recipe(f"filter: [quality: {{min_entropy: 1}}]\n{PIXELS}"))

    folder = herbarium.workspace.layouts / "shells"
    told = {card["sha256"]: card for card in cards_in(folder)}
    assert len(told) == 2
    assert told[best]["labels"] == ["shell", "of sand"]
    assert told[best]["of:quality"] > 0
    assert told[best]["duplicates"] == 1
    (copy,) = told[best]["copies"]
    assert copy["title"] == "The same, worse"
    assert (folder / copy["picture"]).is_file()


def test_a_second_run_touches_nothing(laid_out, recipe):
    herbarium, _ = laid_out
    before = state(herbarium)

    again = run(herbarium, recipe(PIXELS))

    assert state(herbarium) == before
    assert [(report.done, report.skipped) for report in (again["sheet"], again["layout"])] == [(0, 12), (0, 12)]


def test_a_lost_picture_is_drawn_again_alike(laid_out, recipe):
    herbarium, _ = laid_out
    mosaic = herbarium.workspace.layouts / "shells" / "mosaic.png"
    body = mosaic.read_bytes()
    mosaic.unlink()

    assert run(herbarium, recipe(PIXELS))["layout"].done == 12
    assert mosaic.read_bytes() == body


def test_a_new_image_is_laid_out_with_the_others(laid_out, recipe, picture):
    herbarium, _ = laid_out
    new = herbarium.meet(picture(99, 120, 90))
    herbarium.crawl()

    run(herbarium, recipe(PIXELS))

    with open_ledger(herbarium.workspace) as con:
        assert new in {row.sha256 for row in layout_of(con, "shells")}
        assert {row.sha256 for row in layout_of(con, "shells")} == {image.sha256 for image in selected(con, {})}
        assert latest_stage(con, "sheet", "shells").detail["images"] == 13


def test_the_sheet_shows_pictures_whole_with_their_labels(laid_out):
    herbarium, reports = laid_out

    assert list(reports["sheet"].detail["files"]) == [
        "layouts/shells/sheet-01.jpg",
        "layouts/shells/sheet-images.json",
    ]
    with Image.open(herbarium.workspace.layouts / "shells" / "sheet-01.jpg") as sheet:
        assert sheet.width > 4 * 64


def test_nothing_selected_draws_nothing(herbarium, recipe):
    herbarium.crawl()

    reports = run(herbarium, recipe(PIXELS))

    assert (reports["layout"].done, reports["sheet"].done) == (0, 0)
    assert not herbarium.workspace.layouts.exists()


def test_stages_left_out_of_the_recipe_do_nothing(herbarium, recipe, picture):
    herbarium.meet(picture(1))
    herbarium.crawl()

    reports = run(herbarium, recipe("sheet: null\nlayout: null\n"))

    assert (reports["layout"].done, reports["sheet"].done) == (0, 0)


def test_umap_with_the_same_seed_gives_the_same_places(herbarium, recipe, picture):
    for seed in range(20):
        herbarium.meet(picture(seed, 120, 90))
    herbarium.crawl()
    umap = recipe("seed: 3\nsizes: [{px: 32}]\nlayout: {features: pixels, tile: 32, grow: never}\n")
    run(herbarium, umap)
    positions = herbarium.workspace.layouts / "shells" / "grid_positions.json"
    first = positions.read_text()

    positions.unlink()
    run(herbarium, umap)

    assert positions.read_text() == first


def test_digests_name_every_stage_that_decides(laid_out, recipe):
    herbarium, _ = laid_out
    filtered = recipe(PIXELS + "filter:\n  - size: {min_side: 10}\n")

    assert list(stage_digests(filtered, herbarium.workspace)) == ["dedupe", "filter.size"]
