"""The page of copies in a real browser, from disk, and what it saves in the command that takes it."""

from __future__ import annotations

import json

import pytest

from harvest.progress import SilentProgress
from harvest.review import write_copy_report
from harvest.stages.dedupe import run_dedupe

RECIPE = "dedupe: {near: {max_distance: 8}}\nlayout: null"


@pytest.fixture
def page(browser, herbarium, recipe, encoded, picture):
    """A page with a pair and a group of three, the three with different licences."""
    for number, licences in ((1, ["CC0-1.0", "CC0-1.0"]), (2, ["CC-BY-4.0", "CC0-1.0", None])):
        for index, terms in enumerate(licences):
            herbarium.meet(encoded(picture(number, 800, 600), quality=90 - 20 * index), license=terms)
    herbarium.crawl()
    run_dedupe(herbarium.workspace, recipe(RECIPE), progress=SilentProgress())
    _, files = write_copy_report(herbarium.workspace, "shells")
    opened = browser.new_page()
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto(files.html.as_uri())
    yield opened
    opened.close()
    assert problems == []


def shas(page, selector):
    return [one.get_attribute("data-sha") for one in page.query_selector_all(selector)]


def test_groups_can_be_put_into_another_order(page) -> None:
    page.click("text=largest first")
    assert [one.get_attribute("data-members") for one in page.query_selector_all(".group")] == ["3", "2"]

    page.click("text=licence conflicts first")
    assert page.inner_text(".group .conflict").startswith("Licences disagree: CC BY 4.0, CC0 1.0, unknown.")


def test_saved_verdicts_are_taken_by_the_command(page, herbarium, recipe, harvest, tmp_path) -> None:
    page.click("text=largest first")
    kept, *others = shas(page, ".group:first-child li")
    (pair_kept, pair_left) = shas(page, ".group:nth-child(2) li")
    page.click(f'li[data-sha="{others[0]}"] >> text=Keep this instead')
    page.click(f'li[data-sha="{others[1]}"] >> text=Keep this instead')
    page.click(f'li[data-sha="{pair_left}"] >> text=No copy')
    assert page.inner_text("#ballot span") == "2 verdicts, not saved yet"

    with page.expect_download() as download:
        page.click("text=Save verdicts.json")
    saved = tmp_path / "verdicts.json"
    download.value.save_as(saved)
    file = recipe(RECIPE).file
    answer = harvest("review", file, "--from", saved, "--by", "Ada Moss", "--json", "-w", herbarium.workspace.root)

    assert answer.returncode == 0, answer.stderr
    first, second = sorted((pair_kept, pair_left))
    assert {(row["verdict"], row["sha256"], row["other"]) for row in json.loads(answer.stdout)} == {
        ("keep", others[1], ""),
        ("drop", kept, ""),
        ("apart", first, second),
    }
    assert {row["decided_by"] for row in json.loads(answer.stdout)} == {"Ada Moss"}
