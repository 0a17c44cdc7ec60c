"""What is measured of judging is measured of the page that `harvest review --serve` gives."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from tests.bench.judging import measure, write_reviewed
from tests.layout.conftest import browser
from tests.review.walls import started

__all__ = ["browser"]


def test_a_wall_is_judged_one_by_one_and_many_at_once(browser: Browser, tmp_path: Path) -> None:
    workspace, recipe = write_reviewed(tmp_path, 600, tile=8)

    with started(workspace, recipe) as server:
        found = measure(browser, server.url, lasso=100)

    assert found.images == 600
    assert 50 < found.chosen < 150
    assert 0 < found.first_view < 60
    assert min(found.hover, found.reject, found.undo, found.lasso, found.reject_chosen, found.undo_chosen) > 0
