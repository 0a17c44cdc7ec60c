"""How soon the wall of `harvest review --serve` is seen, and how soon it answers, measured in a browser.

python -m tests.bench.judging --images 100000 measures a wall of that many flat tiles, over a ledger of as many images.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from playwright.sync_api import Browser, Page

from harvest.ledger import open_ledger
from harvest.workspace import Workspace
from tests.bench.herbarium import fill
from tests.bench.viewing import WAIT, hovers, write_wall
from tests.layout.walls import chromium, until
from tests.review.walls import started

__all__ = ["Judging", "measure", "write_reviewed"]

_LASSO = 10_000  # images
_TURNS = 9
_SAID = """() => {
  // Milliseconds from a deed until the page says what the server has written, and is drawn.
  globalThis.answered = (id, deed) => new Promise((done) => {
    const from = performance.now();
    const watch = new MutationObserver(() => {
      watch.disconnect();
      requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - from)));
    });
    watch.observe(document.getElementById(id), { subtree: true, childList: true, characterData: true });
    deed();
  });
  globalThis.press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  globalThis.drawn = [];
  document.getElementById("stage").addEventListener("pointermove", () => {
    const from = performance.now();
    requestAnimationFrame(() => drawn.push(performance.now() - from));
  }, true);
}"""


@dataclass(frozen=True, kw_only=True)
class Judging:
    """Seconds from opening the page until the wall is seen whole, and until all verdicts are on it; the same after
    reloading. Milliseconds, medians, until it is drawn: a card under the pointer (and what 95 of 100 stay below), a
    picture rejected, that undone; a lasso's line, what it chose of `chosen` images, all of these rejected, that undone.
    """

    images: int
    first_view: float
    ready: float
    hover: float
    hover_95: float
    reject: float
    undo: float
    chosen: int
    lasso_line: float
    lasso: float
    reject_chosen: float
    undo_chosen: float
    reload: float
    reload_ready: float


def write_reviewed(root: Path, n: int, *, tile: int = 64) -> tuple[Workspace, Path]:
    """A workspace with a ledger of `n` images and a wall of all of them, and a recipe that it was made by."""
    workspace, name = Workspace(root / "workspace"), "wall"
    fill(workspace, n)
    with open_ledger(workspace) as con:
        sha256s = [sha256 for (sha256,) in con.execute("SELECT sha256 FROM images ORDER BY sha256").fetchall()]
    folder = workspace.layouts / name
    folder.mkdir(parents=True)
    placed = write_wall(folder, n, tile=tile, sha256s=sha256s)
    pq.write_table(pa.Table.from_pylist(placed), folder / "layout.parquet")
    recipe = root / f"{name}.yaml"
    recipe.write_text(f"name: {name}\n", encoding="utf-8")
    return workspace, recipe


def measure(browser: Browser, url: str, *, lasso: int = _LASSO) -> Judging:
    """Open a served wall, judge one picture and many, and come back to it."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(url)
    first, ready = _seen(page)
    moves = hovers(page)
    page.evaluate(_SAID)
    rejected, undone = [], []
    for _ in range(_TURNS):
        rejected.append(_answer(page, "x"))
        undone.append(_answer(page, "z"))
    line, chosen, caught = _lasso(page, lasso)
    many, back = [], []
    for _ in range(3):
        many.append(_answer(page, "x"))
        back.append(_answer(page, "z"))
    _answer(page, "x")
    page.reload()
    again, again_ready = _seen(page)
    images = page.evaluate("mosaic.count")
    page.close()
    return Judging(
        images=images,
        first_view=first,
        ready=ready,
        hover=round(float(np.median(moves)), 2),
        hover_95=round(float(np.percentile(moves, 95)), 2),
        reject=round(median(rejected), 1),
        undo=round(median(undone), 1),
        chosen=chosen,
        lasso_line=line,
        lasso=caught,
        reject_chosen=round(median(many)),
        undo_chosen=round(median(back)),
        reload=again,
        reload_ready=again_ready,
    )


def _seen(page: Page) -> tuple[float, float]:
    """Seconds until all of the wall is seen, and until what was said of it is."""
    until(page, "performance.getEntriesByName('mosaic-whole').length > 0", seconds=WAIT)
    until(page, "performance.getEntriesByName('verdicts-shown').length > 0", seconds=WAIT)
    marks = page.evaluate(
        "['mosaic-whole', 'verdicts-shown'].map(name => performance.getEntriesByName(name)[0].startTime)"
    )
    return round(marks[0] / 1000, 3), round(marks[1] / 1000, 3)


def _answer(page: Page, key: str) -> float:
    found: float = page.evaluate("key => answered('tally', () => press(key))", key)
    return found


def _lasso(page: Page, count: int) -> tuple[float, int, float]:
    """Draw around `count` images in the middle: milliseconds of a move, how many are chosen, how long that takes."""
    page.evaluate("press('l')")
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    first, last, total = page.evaluate("[mosaic.boxOf(0), mosaic.boxOf(mosaic.count - 1), mosaic.count]")
    share = (count / total) ** 0.5
    across, down = ((last[edge] - first[edge]) * share / 2 for edge in ("left", "top"))
    x, y = (stage[axis] + (first[edge] + last[edge]) / 2 for axis, edge in (("x", "left"), ("y", "top")))
    page.mouse.move(x - across, y - down)
    page.mouse.down()
    page.evaluate("drawn.length = 0")
    for to in ((x + across, y - down), (x + across, y + down), (x - across, y + down), (x - across, y - down)):
        page.mouse.move(*to, steps=20)
    line: float = page.evaluate("drawn.sort((a, b) => a - b)[drawn.length >> 1]")
    page.evaluate("() => { globalThis.catching = answered('chosen-count', () => {}); }")
    page.mouse.up()
    caught: float = page.evaluate("catching")
    page.evaluate("press('l')")
    return round(line, 1), int(page.locator("#chosen-count").inner_text().split()[0].replace(",", "")), round(caught)


def main() -> None:
    """Write a wall and its ledger, judge on it, print what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--tile", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace, recipe = write_reviewed(Path(folder), options.images, tile=options.tile)
        with started(workspace, recipe) as server, chromium() as browser:
            print(json.dumps(asdict(measure(browser, server.url, lasso=min(_LASSO, options.images // 4)))))


if __name__ == "__main__":
    main()
