"""The page on which suggestions are judged, in a real browser, from disk."""

from __future__ import annotations

import json

import pytest

from harvest.review import Suggestion, write_judging_page

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e'


@pytest.fixture
def shas(herbarium, picture):
    """Four pictures; the title of the first wants to be more than text."""
    met = [herbarium.meet(picture(1), title=HOSTILE, page_url="javascript:alert(3)")]
    met += [herbarium.meet(picture(number), title=f"Shell {number}") for number in (2, 3, 4)]
    herbarium.crawl()
    return met


@pytest.fixture
def files(herbarium, shas):
    suggestions = [
        Suggestion(sha256=sha256, probability=None if number == 3 else 0.5 + number / 100, reason="nobody can tell")
        for number, sha256 in enumerate(shas)
    ]
    return write_judging_page(herbarium.workspace, "shells", suggestions)


@pytest.fixture
def page(browser, files):
    opened = browser.new_page()
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto(files.html.as_uri())
    yield opened
    opened.close()
    assert problems == []


def current(page):
    return page.get_attribute("#pictures .current", "data-sha")


def saved(page, how, path):
    with page.expect_download() as download:
        how()
    download.value.save_as(path)
    return json.loads(path.read_text(encoding="utf-8"))


def test_verdicts_by_key_are_saved_in_the_form_that_the_command_takes(page, shas, tmp_path) -> None:
    for key in ("ArrowRight", "d", "k", "u", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    page.wait_for_selector("#done:not([hidden])")
    assert page.inner_text(".tally") == "2 kept 2 dropped 0 to go"

    assert saved(page, lambda: page.keyboard.press("s"), tmp_path / "verdicts.json") == {
        "recipe": "shells",
        "stage": "filter",
        "verdicts": [
            {"verdict": verdict, "sha256": sha256}
            for verdict, sha256 in zip(("keep", "drop", "drop", "keep"), shas, strict=True)
        ],
    }


def test_nothing_can_be_saved_before_something_is_said(page) -> None:
    assert page.query_selector("#save.ready") is None
    page.keyboard.press("s")
    page.click('[data-do="keep"]')
    assert page.query_selector("#save.ready") is not None
    page.click('[data-do="undo"]')
    assert page.query_selector("#save.ready") is None


def test_a_tap_among_all_at_once_keeps_then_drops_then_takes_back(page, shas) -> None:
    page.keyboard.press("g")
    tile = f'li[data-sha="{shas[2]}"]'
    seen = []
    for _ in range(3):
        page.click(tile)
        seen.append(page.inner_text(".tally"))

    assert seen == ["1 kept 0 dropped 3 to go", "0 kept 1 dropped 3 to go", "0 kept 0 dropped 4 to go"]


def test_arrows_among_all_at_once_go_from_picture_to_picture(page, shas) -> None:
    for key in ("g", "ArrowRight", "ArrowRight", "d"):
        page.keyboard.press(key)

    assert page.get_attribute("li.dropped", "data-sha") == shas[2]
    assert page.evaluate("document.activeElement.dataset.sha") == shas[3]


def test_a_page_that_is_opened_again_remembers(page, shas) -> None:
    page.keyboard.press("k")
    page.reload()

    assert page.inner_text(".tally") == "1 kept 0 dropped 3 to go"
    assert current(page) == shas[1]


def test_a_swipe_judges_on_a_touch_screen(browser, files, shas) -> None:
    phone = browser.new_context(has_touch=True, viewport={"width": 400, "height": 800})
    page = phone.new_page()
    page.goto(files.html.as_uri())
    touch = phone.new_cdp_session(page)
    for start, end in ((100, 300), (300, 100)):
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": start, "y": 300}]})
        for step in range(1, 5):
            x = start + (end - start) * step / 4
            touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": 300}]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_selector(f'.current[data-sha="{shas[2]}"]')

    assert page.inner_text(".tally") == "1 kept 1 dropped 2 to go"
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    phone.close()


def test_metadata_are_text_and_every_picture_can_be_found_by_its_digits(files, shas) -> None:
    page = files.html.read_text(encoding="utf-8")

    assert page.count('src="data:image/jpeg;base64,') == 4
    assert all(sha256 in page for sha256 in shas)
    assert "<script>alert" not in page
    assert "javascript:" not in page
    assert "\u202e" not in page
    listed = json.loads(files.json.read_text(encoding="utf-8"))["suggestions"]
    assert [(one["sha256"], one["probability"]) for one in listed] == list(
        zip(shas, (0.5, 0.51, 0.52, None), strict=True)
    )


def test_an_image_that_is_not_here_is_left_out(herbarium, shas) -> None:
    files = write_judging_page(
        herbarium.workspace, "shells", [Suggestion(sha256="f" * 64, probability=None, reason="gone")]
    )

    assert "There is nothing left to judge." in files.html.read_text(encoding="utf-8")
