"""What is measured of a wall is measured of the page that people open."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from tests.bench.viewing import measure, write_wall
from tests.layout.conftest import browser

__all__ = ["browser"]


def test_a_wall_is_seen_and_its_cards_follow_the_pointer(browser: Browser, tmp_path: Path) -> None:
    write_wall(tmp_path, 1500, tile=8)

    found = measure(browser, tmp_path / "index.html")

    assert found.images == 1500
    assert 0 < found.first_view < 60
    assert 0 < found.hover <= found.hover_95
