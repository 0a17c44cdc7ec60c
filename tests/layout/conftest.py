"""What layout tests share: points, tiles, and a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page

from tests.layout.walls import chromium, opened


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium: the viewer is for browsers, so that a machine without one fails these tests.

    Playwright keeps an event loop running meanwhile, in which no other test may find itself.
    """
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, folder: Path) -> Iterator[Page]:
    """The viewer of what the module's own `folder` holds."""
    with opened(browser, (folder / "index.html").as_uri()) as page:
        yield page


@pytest.fixture(scope="session")
def colours() -> NDArray[np.float32]:
    """1,024 random colours, the set on which sorted grids are compared: (1024, 3) in [0, 1]."""
    return np.random.default_rng(0).random((1024, 3), np.float32)


@pytest.fixture(scope="session")
def flat_tiles(coloured_tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same at the 32 x 32 that features are made from."""
    return coloured_tiles.repeat(2, axis=1).repeat(2, axis=2)


@pytest.fixture(scope="session")
def coloured_tiles() -> NDArray[np.uint8]:
    """Twelve tiles of 16 x 16, each of one colour that no other has."""
    colours = np.stack([np.arange(12) * 20, 250 - np.arange(12) * 15, np.arange(12) * 7 + 30], axis=1).astype(np.uint8)
    return np.broadcast_to(colours[:, None, None], (12, 16, 16, 3)).copy()
