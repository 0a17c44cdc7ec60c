"""The page of what filters chose in a real browser, from disk."""

from __future__ import annotations

import json

import pytest

from harvest.progress import SilentProgress
from harvest.run import filter_report, prepare
from harvest.stages.dedupe import run_dedupe
from harvest.stages.filter import run_filter

RECIPE = "layout: null\nfilter:\n  - size: {min_side: 100}\n  - licence: {allow: [CC-BY-4.0]}"
SIDES = (60, 80, 99, 100, 140, 200)


@pytest.fixture
def shas(herbarium, picture):
    return [herbarium.meet(picture(side, side, 300), title=f"Shell of {side}") for side in SIDES]


@pytest.fixture
def files(herbarium, recipe, shas):
    herbarium.crawl()
    chosen = recipe(RECIPE)
    run_dedupe(herbarium.workspace, chosen, progress=SilentProgress())
    run_filter(herbarium.workspace, chosen, progress=SilentProgress())
    return filter_report(herbarium.workspace, prepare(chosen.file), progress=SilentProgress())[1]


@pytest.fixture
def page(browser, files):
    opened = browser.new_page(viewport={"width": 400, "height": 800})
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto(files.html.as_uri())
    yield opened
    opened.close()
    assert problems == []


def test_the_images_beside_the_cut_stand_in_order_on_their_sides(page, shas) -> None:
    below, above = (page.query_selector_all(f".strip > .{side} li") for side in ("gone", "stay"))

    assert [one.get_attribute("data-sha") for one in (*below, *above)] == shas
    assert [one.inner_text() for one in (*below, *above)] == [str(side) for side in SIDES]
    assert page.text_content(".cut text") == "min side 100"
    assert page.evaluate("document.documentElement.scrollWidth") == 400


def test_a_picture_opens_with_all_that_was_said_of_it_and_arrows_go_on(page, shas) -> None:
    page.click(f'.strip li[data-sha="{shas[1]}"] a')
    assert page.inner_text(".card:target .title") == "Shell of 80"
    assert page.inner_text(".card:target li.dropped").split()[:3] == ["✕", "size", "drop:"]

    page.keyboard.press("ArrowRight")
    assert page.inner_text(".card:target .title") == "Shell of 99"

    page.keyboard.press("Escape")
    assert page.query_selector(".card:target") is None
    assert page.evaluate("document.activeElement.closest('li').dataset.sha") == shas[2]


def test_verdicts_are_taken_by_the_command(page, herbarium, harvest, shas, tmp_path) -> None:
    page.click(f'.strip li[data-sha="{shas[2]}"] a')
    page.keyboard.press("k")
    page.keyboard.press("ArrowLeft")
    page.click('.card:target [data-verdict="drop"]')
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        page.click("text=Save verdicts.json")
    saved = tmp_path / "verdicts.json"
    download.value.save_as(saved)
    file, root = tmp_path / "shells.yaml", herbarium.workspace.root
    answer = harvest("review", file, "--of", "filter", "--from", saved, "--by", "Ada Moss", "--json", "-w", root)

    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    rows = found if isinstance(found, list) else found["verdicts"]
    assert {(row["stage"], row["verdict"], row["sha256"]) for row in rows} == {
        ("filter", "keep", shas[2]),
        ("filter", "drop", shas[1]),
    }


def test_without_scripts_counts_turn_logarithmic_and_pictures_open(browser, files, shas) -> None:
    plain = browser.new_context(java_script_enabled=False)
    page = plain.new_page()
    page.goto(files.html.as_uri())
    page.check(".toggle input")
    assert page.is_visible(".plot .log rect.out")
    assert not page.is_visible(".plot .linear rect.out")

    page.click(f'.strip li[data-sha="{shas[0]}"] a')
    assert page.inner_text(".card:target .title") == "Shell of 60"
    plain.close()
