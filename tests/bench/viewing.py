"""How soon a wall is seen, and how soon a card, measured in a browser: for the bench of layouts.

python -m tests.bench.viewing --images 100000 measures a wall of that many flat tiles.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from layout.deep_zoom import write_deep_zoom
from layout.grid import best_grid
from layout.mosaic import MosaicStyle
from layout.viewer import write_viewer
from tests.layout.walls import chromium, until

__all__ = ["WAIT", "Viewing", "hovers", "measure", "write_wall"]

WAIT = 120  # seconds after which a wall will not come any more

_HOVERS = 200
_TIMED = """() => {
  const seen = globalThis.seen = [];
  let begun = 0;
  window.addEventListener("pointermove", () => { begun = performance.now(); }, true);
  window.addEventListener("pointermove", () => {
    const from = begun;
    // Asked for after the page's own frame, so that it comes after it in the same one.
    requestAnimationFrame(() => {
      document.body.getBoundingClientRect();
      seen.push(performance.now() - from);
    });
  });
}"""


@dataclass(frozen=True, kw_only=True)
class Viewing:
    """Seconds from opening the page until the wall is seen whole; milliseconds from a pointer's move until its card is
    drawn and in place: the median, and what 95 of 100 stay below; milliseconds that a search takes.
    """

    images: int
    first_view: float
    hover: float
    hover_95: float
    search: float


def write_wall(folder: Path, n: int, *, tile: int = 64, sha256s: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """A wall of `n` flat tiles with cards as long as real ones, `sha256s` theirs; sha256, file, row and col of each."""
    rng = np.random.default_rng(0)
    grid, style = best_grid(n, 1.6), MosaicStyle(tile=tile, gutter=2)
    cells = rng.permutation(grid.cells)[:n]
    colours = rng.integers(0, 256, (n, 1, 1, 3), np.uint8)

    def flat(index: int) -> np.ndarray:
        return np.broadcast_to(colours[index], (tile, tile, 3))

    zoom = write_deep_zoom(folder, flat, cells, grid, style=style)
    cards = [
        {
            "file": f"specimen-{i}-{i:010x}.jpg",
            "sha256": sha256s[i] if sha256s else f"{i:064x}",
            "title": f"Plate {i}, from a voyage to the islands of the south",
            "creator": f"Painter number {i % 5000}",
            "creator_url": f"https://museum.example/people/{i % 5000}",
            "license": ("CC BY 4.0", "CC0 1.0", None)[i % 3],
            "license_url": "https://creativecommons.org/licenses/by/4.0/",
            "source": ("museum", "archive", "library", "gallery")[i % 4],
            "page_url": f"https://museum.example/objects/{i * 7919}",
            "date": f"18{i % 90 + 10}-03-04",
            "width": 1000 + i % 999,
            "height": 800 + i % 777,
            "labels": [("fish", "shell", "fern", "moth", "coral")[i % 5]],
            "scores": {"clip": round(float(np.sin(i)), 4)},
        }
        for i in range(n)
    ]
    write_viewer(folder, title="A large wall", picture=zoom, grid=grid, tile=tile, gutter=2, cells=cells, cards=cards)
    places = zip(cards, cells.tolist(), strict=True)
    return [
        {"sha256": card["sha256"], "file": card["file"], "row": cell // grid.columns, "col": cell % grid.columns}
        for card, cell in places
    ]


def measure(browser: Browser, page_file: Path) -> Viewing:
    """Open a wall from disk and move the pointer over it, once all cards are there."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(page_file.as_uri())
    until(page, "performance.getEntriesByName('mosaic-whole').length > 0", seconds=WAIT)
    first = page.evaluate("performance.getEntriesByName('mosaic-whole')[0].startTime") / 1000
    page.evaluate("mosaic.fetchAll()")
    until(page, "mosaic.arrived()", seconds=WAIT)
    moves = hovers(page)
    search = page.evaluate(
        """async () => {
            const field = document.getElementById("search");
            const taken = [];
            for (const words of ["v", "vo", "voyage", "voyage 77", "voyage 778 fish"]) {
                field.value = words;
                const from = performance.now();
                field.dispatchEvent(new Event("input"));
                taken.push(performance.now() - from);
            }
            return taken.slice(1);
        }"""
    )
    images = page.evaluate("mosaic.count")
    page.close()
    return Viewing(
        images=images,
        first_view=round(first, 3),
        hover=round(float(np.median(moves)), 2),
        hover_95=round(float(np.percentile(moves, 95)), 2),
        search=round(median(search), 1),
    )


def hovers(page: Page) -> list[float]:
    """Milliseconds of each move to another image."""
    page.evaluate(_TIMED)
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    box = page.evaluate(
        "() => { const first = mosaic.boxOf(0), last = mosaic.boxOf(mosaic.count - 1); return [first, last]; }"
    )
    rng = np.random.default_rng(1)
    for across, down in rng.random((_HOVERS, 2)):
        x = stage["x"] + box[0]["left"] + across * (box[1]["left"] - box[0]["left"])
        y = stage["y"] + box[0]["top"] + down * (box[1]["top"] - box[0]["top"])
        page.mouse.move(x, y)
        page.wait_for_timeout(20)
    found: list[float] = page.evaluate("seen")
    assert len(found) > _HOVERS / 2
    return found


def main() -> None:
    """Write a wall, look at it, print what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        write_wall(Path(folder), options.images)
        print(json.dumps(asdict(measure(browser, Path(folder) / "index.html"))))


if __name__ == "__main__":
    main()
