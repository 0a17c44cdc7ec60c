"""Judging on the wall, in a real browser, over a real server, into a real ledger."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from harvest.ledger import count_embeddings, duplicates, given_labels, open_ledger, reviews
from harvest.progress import SilentProgress
from harvest.review import Verdict, Wall, give
from harvest.stages.dedupe import run_dedupe
from tests.layout.walls import colour_at, drawn, opened
from tests.review.walls import Served, hang, served, started

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u202egpj"


@pytest.fixture
def shas(herbarium, picture):
    """Twelve pictures, four a row; the title of the third wants to be more than text."""
    met = [herbarium.meet(picture(number, 60, 60), title=f"Shell {number}") for number in range(12) if number != 2]
    met.insert(2, herbarium.meet(picture(2, 60, 60), title=HOSTILE, page_url="javascript:alert(3)"))
    herbarium.crawl()
    return met


@pytest.fixture
def server(herbarium, shas) -> Iterator[Served]:
    hang(herbarium.workspace, shas)
    with served(Wall(herbarium.workspace, "shells", decided_by="Ada Moss", reason="on the wall")) as server:
        yield server


@pytest.fixture
def page(browser: Browser, server: Served) -> Iterator[Page]:
    """The wall, opened with its token. Nothing may go wrong in it, a violation of its policy included."""
    with opened(browser, server.url) as page:
        page.wait_for_selector("html[data-reviewed]")
        yield page


def said(server: Served) -> dict[str, str]:
    with open_ledger(server.wall.workspace) as con:
        return {row.sha256: row.verdict for row in reviews(con, "shells", "filter")}


def at(page: Page, index: int) -> tuple[float, float]:
    """The middle of an image in the window."""
    box, stage = page.evaluate("index => mosaic.boxOf(index)", index), page.locator("#stage").bounding_box()
    assert stage is not None
    return stage["x"] + box["left"] + box["side"] / 2, stage["y"] + box["top"] + box["side"] / 2


def tally(page: Page, kept: int, rejected: int, undecided: int) -> None:
    """Wait until the page says so: what it says is what the server has written."""
    text = rf"^\s*kept {kept}\s+rejected {rejected}\s+undecided {undecided}\s*$"
    expect(page.locator("#tally")).to_have_text(re.compile(text))


def draw_around(page: Page, first: int, last: int) -> None:
    """A lasso around all from `first` at the top left to `last` at the bottom right."""
    (left, top), (right, bottom) = at(page, first), at(page, last)
    side = page.evaluate("mosaic.boxOf(0).side") * 0.6
    page.mouse.move(left - side, top - side)
    page.mouse.down()
    for x, y in ((right + side, top - side), (right + side, bottom + side), (left - side, bottom + side)):
        page.mouse.move(x, y, steps=3)
    page.mouse.up()


def test_keys_and_clicks_judge_and_the_ledger_knows_who_and_when(page, server, shas) -> None:
    page.mouse.move(*at(page, 0))
    page.keyboard.press("x")
    tally(page, 0, 1, 11)
    page.get_by_role("group", name="What a click does").get_by_role("button", name="Keep").click()
    page.mouse.click(*at(page, 5))
    tally(page, 1, 1, 10)
    page.keyboard.press("Escape")
    page.mouse.click(*at(page, 9))
    page.get_by_role("group", name="Your verdict").get_by_role("button", name="Reject").click()
    tally(page, 1, 2, 9)

    with open_ledger(server.wall.workspace) as con:
        rows = reviews(con, "shells", "filter")
    assert {row.sha256: row.verdict for row in rows} == {shas[0]: "drop", shas[5]: "keep", shas[9]: "drop"}
    assert {(row.decided_by, row.reason) for row in rows} == {("Ada Moss", "on the wall")}
    assert all(row.decided_at for row in rows)


def test_everything_goes_back_and_forth_and_is_there_after_reloading(page, server, shas) -> None:
    page.mouse.move(*at(page, 0))
    page.keyboard.press("k")
    tally(page, 1, 0, 11)
    page.keyboard.press("x")
    tally(page, 0, 1, 11)
    page.keyboard.press("Control+z")
    tally(page, 1, 0, 11)
    assert said(server) == {shas[0]: "keep"}
    page.keyboard.press("z")
    tally(page, 0, 0, 12)
    assert said(server) == {}
    page.keyboard.press("y")
    page.keyboard.press("Control+Shift+Z")
    tally(page, 0, 1, 11)

    page.reload()
    page.wait_for_selector("html[data-reviewed]")

    tally(page, 0, 1, 11)
    page.get_by_role("button", name="Undo").click()
    tally(page, 1, 0, 11)
    assert said(server) == {shas[0]: "keep"}


def test_a_verdict_is_seen_at_once_and_counts_when_the_ledger_has_it(page, server) -> None:
    page.mouse.move(*at(page, 0))
    drawn(page)
    before = colour_at(page, *at(page, 0))
    with open_ledger(server.wall.workspace) as con:
        page.keyboard.press("x")
        drawn(page)
        assert colour_at(page, *at(page, 0)) != before
        assert reviews(con, "shells", "filter") == []
        tally(page, 0, 0, 12)
    tally(page, 0, 1, 11)


def test_a_lasso_chooses_and_one_key_judges_all_of_it(page, server, shas) -> None:
    page.keyboard.press("l")
    draw_around(page, 1, 6)
    expect(page.locator("#chosen-count")).to_have_text("4 images chosen")
    page.keyboard.press("x")
    tally(page, 0, 4, 8)
    assert said(server) == dict.fromkeys((shas[1], shas[2], shas[5], shas[6]), "drop")
    page.keyboard.press("z")
    tally(page, 0, 0, 12)
    page.keyboard.press("Escape")
    expect(page.locator("#chosen")).to_be_hidden()
    page.keyboard.press("Escape")
    page.keyboard.down("Shift")
    draw_around(page, 0, 0)
    page.keyboard.up("Shift")
    expect(page.locator("#chosen-count")).to_have_text("1 image chosen")


def test_labels_are_given_taken_and_undone(page, server, shas) -> None:
    page.keyboard.press("l")
    draw_around(page, 0, 1)
    page.keyboard.press("b")
    page.keyboard.type("  cowrie   shell ")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_have_text("2 images labelled cowrie shell")

    def labels() -> dict[str, list[str]]:
        with open_ledger(server.wall.workspace) as con:
            return given_labels(con)

    assert labels() == {sha256: ["cowrie shell"] for sha256 in shas[:2]}
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Take away the label cowrie shell").click()
    expect(page.locator("#said")).to_have_text("1 image no longer labelled cowrie shell")
    assert labels() == {shas[1]: ["cowrie shell"]}
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#labels")).to_have_text("cowrie shell")
    assert labels() == {sha256: ["cowrie shell"] for sha256 in shas[:2]}


def test_the_keyboard_alone_is_enough(page, server, shas) -> None:
    page.locator("#stage").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "x", "ArrowRight", "k"):
        page.keyboard.press(key)
        drawn(page)
    tally(page, 1, 1, 10)
    assert said(server) == {shas[5]: "drop", shas[6]: "keep"}


@pytest.fixture
def taught(herbarium) -> dict[int, str]:
    """By how many columns of a hundred are red, not blue, pictures on a wall, the clear ones of which were judged; one
    more is not on the wall.
    """
    shares = [100, 95, 90, 85, 80, 50, 35, 15, 10, 5, 0]
    met = {share: herbarium.meet(two_coloured(share), title=f"{share} % red") for share in [*shares, 60]}
    herbarium.crawl()
    hang(herbarium.workspace, [met[share] for share in shares])
    clear = {share: "keep" if share > 50 else "drop" for share in shares if abs(share - 50) > 30}
    given = [Verdict(verdict=verdict, sha256=met[share]) for share, verdict in clear.items()]
    give(herbarium.workspace, "shells", given, reason="red", decided_by="Ada Moss", stage="filter")
    return met


def two_coloured(share: int) -> Image.Image:
    picture = Image.new("RGB", (100, 60), "blue")
    picture.paste("red", (0, 0, share, 60))
    return picture


def test_suggestions_of_a_learned_filter_come_in_their_order_each_with_its_reason(
    browser, herbarium, taught, recipe
) -> None:
    """The most doubtful first, as `harvest review RECIPE --serve` itself finds them."""
    learned = recipe("layout: null\nfilter: [learned: {model: colours, min_judgements: 8}]")
    with started(herbarium.workspace, learned.file) as server, opened(browser, server.url) as page:
        page.wait_for_selector("html[data-reviewed]")
        page.get_by_role("button", name="Suggestions").click()
        for share, key, left in ((50, "k", 3), (35, "x", 2), (80, "k", 1)):
            expect(page.locator("#title")).to_have_text(f"{share} % red", timeout=60_000)  # it embeds them first
            expect(page.locator("#why")).to_have_text(re.compile(r"^in doubt: \d+% likely to be wanted$"))
            expect(page.locator("#suggest")).to_have_text(f"Suggestions: {left}")
            page.keyboard.press(key)
        page.keyboard.press("s")
        elsewhere = "Nothing on this wall; 1 elsewhere: harvest review --suggest shows them."
        expect(page.locator("#said")).to_have_text(elsewhere)

    with open_ledger(herbarium.workspace) as con:
        verdicts = {row.sha256: row.verdict for row in reviews(con, "shells", "filter")}
        assert count_embeddings(con) == 12
    assert {taught[50]: "keep", taught[35]: "drop", taught[80]: "keep"}.items() <= verdicts.items()
    assert taught[60] not in verdicts


def test_what_was_judged_is_shown_alone(page, server) -> None:
    page.mouse.move(*at(page, 0))
    page.keyboard.press("x")
    tally(page, 0, 1, 11)
    rejected = page.get_by_role("group", name="Show only").get_by_role("button", name="rejected")
    rejected.click()
    expect(page.locator("#status")).to_have_text("1 of 12 images")
    rejected.click()
    expect(page.locator("#status")).to_have_text("12 images")


def test_another_tab_sees_it(page, server, browser) -> None:
    with opened(browser, server.url) as other:
        other.wait_for_selector("html[data-reviewed]")
        page.mouse.move(*at(page, 3))
        page.keyboard.press("k")
        tally(page, 1, 0, 11)
        tally(other, 1, 0, 11)


def test_hostile_metadata_is_text(page, shas) -> None:
    page.mouse.click(*at(page, 2))
    expect(page.locator("#title")).to_have_text(HOSTILE.replace("\u202e", ""))
    expect(page.locator("#card a")).to_have_count(0)
    page.keyboard.press("b")
    page.keyboard.type("<img src=x onerror=alert(4)>")
    page.keyboard.press("Enter")
    expect(page.locator("#labels button")).to_have_text("<img src=x onerror=alert(4)>")


def test_bad_lists_come_and_go(page, server, shas, tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    bad = [{"filename": "shell-4.jpg", "row": 1, "col": 0}, {"filename": "gone.jpg", "row": 9, "col": 9}]
    mine.write_text(json.dumps(bad))
    page.set_input_files("#import-file", mine)
    expect(page.locator("#said")).to_have_text("1 image rejected; 1 not on this wall: gone.jpg")
    assert said(server) == {shas[4]: "drop"}

    with page.expect_download() as download:
        page.get_by_role("link", name="Export list").click()

    download.value.save_as(tmp_path / "badList.json")
    assert json.loads((tmp_path / "badList.json").read_text()) == bad[:1]
    page.get_by_role("button", name="Undo").click()
    tally(page, 0, 0, 12)
    page.set_input_files("#import-file", tmp_path / "badList.json")
    tally(page, 0, 1, 11)


@pytest.fixture
def copied(browser, herbarium, recipe, encoded, picture) -> Iterator[tuple[Page, Served, list[str]]]:
    """A wall with a pair of copies; the better one first."""
    pair = [herbarium.meet(encoded(picture(1, 300, 200), quality=quality), title=f"q{quality}") for quality in (90, 50)]
    alone = herbarium.meet(picture(2, 300, 200))
    herbarium.crawl()
    run_dedupe(herbarium.workspace, recipe("dedupe: {near: {max_distance: 8}}"), progress=SilentProgress())
    hang(herbarium.workspace, [pair[0], alone])
    with (
        served(Wall(herbarium.workspace, "shells", decided_by="Ada Moss", reason="on the wall")) as server,
        opened(browser, server.url) as page,
    ):
        page.wait_for_selector("html[data-reviewed]")
        yield page, server, pair


def test_near_copies_are_judged_side_by_side(copied, recipe) -> None:
    page, server, pair = copied
    page.keyboard.press("g")
    figures = page.locator("#copies-list figure")
    expect(figures).to_have_count(2)
    for figure in figures.all():
        expect(figure.locator("img")).to_have_js_property("naturalWidth", 300)
    figures.filter(has_text="q50").get_by_role("button", name="Keep this one").click()
    expect(page.locator("#said")).to_have_text("Saved; the next dedupe heeds it")

    workspace = server.wall.workspace
    run_dedupe(workspace, recipe("dedupe: {near: {max_distance: 8}}"), progress=SilentProgress())

    with open_ledger(workspace) as con:
        assert {row.sha256: row.keeper for row in duplicates(con, "shells")} == {pair[1]: True, pair[0]: False}
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    kept = figures.filter(has_text="q50").get_by_role("button", name="Keep this one")
    expect(kept).to_have_attribute("aria-pressed", "true")
    kept.click()
    expect(page.locator("#said")).to_have_text("Taken back")
    figures.filter(has_text="q90").get_by_role("button", name="No copy").click()
    expect(page.locator("#said")).to_have_text("Saved; the next dedupe heeds it")
    with open_ledger(workspace) as con:
        assert [row.verdict for row in reviews(con, "shells", "dedupe")] == ["apart"]
    figures.filter(has_text="q90").get_by_role("button", name="No copy").click()
    expect(page.locator("#said")).to_have_text("Taken back")
    with open_ledger(workspace) as con:
        assert reviews(con, "shells", "dedupe") == []


def test_verdicts_on_copies_are_undone_like_all_others_also_after_reloading(copied, browser) -> None:
    page, server, (better, worse) = copied

    def said() -> dict[str, str]:
        with open_ledger(server.wall.workspace) as con:
            return {row.sha256: row.verdict for row in reviews(con, "shells", "dedupe")}

    instead = page.locator("#copies-list figure").filter(has_text="q50").get_by_role("button", name="Keep this one")
    page.keyboard.press("g")
    instead.click()
    expect(instead).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("z")
    expect(page.locator("#said")).to_have_text("Undone: a verdict on copies")
    expect(instead).to_have_attribute("aria-pressed", "false")
    assert said() == {}
    page.get_by_role("button", name="Redo").click()
    expect(instead).to_have_attribute("aria-pressed", "true")
    assert said() == {worse: "keep", better: "drop"}

    page.reload()
    page.wait_for_selector("html[data-reviewed]")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#said")).to_have_text("Undone: a verdict on copies")

    assert said() == {}
    with open_ledger(server.wall.workspace) as con:
        rows = con.execute("SELECT sha256, verdict, decided_by FROM reviews ORDER BY decided_at, review").fetchall()
    given, undone = {(worse, "keep"), (better, "drop")}, {(worse, "undo"), (better, "undo")}
    assert [{row[:2] for row in rows[at : at + 2]} for at in range(0, 8, 2)] == [given, undone, given, undone]
    assert {by for _, _, by in rows} == {"Ada Moss"}


def test_copies_judged_earlier_are_taken_back_by_a_server_that_started_since(copied, browser) -> None:
    page, server, _ = copied
    page.keyboard.press("g")
    page.locator("#copies-list").get_by_role("button", name="No copy").click()
    expect(page.locator("#said")).to_have_text("Saved; the next dedupe heeds it")
    with open_ledger(server.wall.workspace) as con:
        ((sha256, other),) = [(row.sha256, row.other) for row in reviews(con, "shells", "dedupe")]
    wall = Wall(server.wall.workspace, "shells", decided_by="Ben Fern", reason="on the wall")

    wall.judge({"stage": "dedupe", "verdicts": [{"sha256": sha256, "other": other, "verdict": "undo"}]})

    with open_ledger(server.wall.workspace) as con:
        assert reviews(con, "shells", "dedupe") == []


def test_keys_that_speak_of_the_wall_leave_it_alone_while_copies_cover_it(copied) -> None:
    page, server, _ = copied
    page.mouse.move(*at(page, 0))
    page.keyboard.press("Enter")
    page.keyboard.press("g")
    expect(page.locator("#copies-panel")).to_be_visible()
    page.keyboard.press("x")
    expect(page.locator("#said")).to_have_text("This speaks of the wall: close the near copies first.")
    assert said(server) == {}
    page.keyboard.press("g")
    expect(page.locator("#copies-panel")).to_be_hidden()
