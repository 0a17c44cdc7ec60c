"""Walls to open: layouts of a few flat colours in a folder, as a mosaic or as Deep Zoom tiles, and where things are."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

__all__ = ["cards_in", "chromium", "colour_at", "drawn", "opened", "place", "until"]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The system's browser, while the block lasts."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    assert path, f"none of {', '.join(names)} is installed: install Debian's package `chromium`"
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*root, "--disable-background-networking"])
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser: Browser, url: str, **options: object) -> Iterator[Page]:
    """A page in a window of its own; at the end nothing may have gone wrong in it, and nothing but files, or the
    server that it came from, have been asked for anything.
    """
    look = {"viewport": {"width": 1000, "height": 700}, "reduced_motion": "reduce"} | options
    context = browser.new_context(**look)  # type: ignore[arg-type]
    page = context.new_page()
    wrong: list[str] = []
    origin = url.split("/", 3)[2]
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda asked: None if asked.url.split("/", 3)[2] == origin else wrong.append(asked.url))
    page.goto(url)
    page.wait_for_selector("html[data-ready]")
    drawn(page)
    yield page
    context.close()
    assert wrong == []


def place(
    page: Page, cell: int, columns: int = 4, *, side: float = 16, pitch: float = 18, gutter: float = 2
) -> tuple[float, float]:
    """Where the centre of a cell is in the window now."""
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    scale, left, top = page.evaluate("() => { const box = mosaic.boxOf(0); return [mosaic.scale, box.left, box.top]; }")
    first = page.evaluate("() => mosaic.cellOf(0)")
    row, column = divmod(cell, columns)
    across, down = (column - first % columns) * pitch + side / 2, (row - first // columns) * pitch + side / 2
    return stage["x"] + left + across * scale, stage["y"] + top + down * scale


def until(page: Page, truth: str, *, seconds: float = 60) -> None:
    """Wait for an expression to be true: asked from here, for Playwright's own waiting evaluates text in the page, and
    its policy forbids that.
    """
    deadline = time.monotonic() + seconds
    while not page.evaluate(truth):
        assert time.monotonic() < deadline, f"{truth} is still false"
        page.wait_for_timeout(20)


def drawn(page: Page) -> None:
    """Wait until nothing moves and what was asked for before is on the screen."""
    until(page, "mosaic.isResting")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def colour_at(page: Page, x: float, y: float) -> tuple[int, int, int]:
    """What the window shows at a place, from a screenshot, as a file's canvas cannot be read."""
    shot = page.screenshot(clip={"x": round(x), "y": round(y), "width": 1, "height": 1})
    colour = Image.open(BytesIO(shot)).convert("RGB").getpixel((0, 0))
    assert isinstance(colour, tuple)
    return colour[0], colour[1], colour[2]


def cards_in(folder: Path) -> list[dict[str, Any]]:
    """What the viewer in `folder` knows of its images, row by row; columns beside a card's fields are in it too."""
    found: list[dict[str, Any]] = []
    for piece in sorted(folder.glob("cards-*/*.js"), key=lambda path: int(path.stem)):
        columns = json.loads(piece.read_text("utf-8").split(",", 1)[1].removesuffix(");\n"))
        count = max((len(_entries(column)) for column in columns.values()), default=1)
        found += [{key: _value(column, i) for key, column in columns.items()} for i in range(count)]
    return found


def _entries(column: Any) -> list[Any]:
    if isinstance(column, list):
        return column
    return column.get("at") or column.get("near") or [column]


def _value(column: Any, i: int) -> Any:
    if isinstance(column, list):
        return column[i]
    if "all" in column:
        return column["all"]
    if "of" in column:
        return column["of"][column["at"][i]]
    return None if column["near"][i] is None else column["stem"] + column["near"][i]
