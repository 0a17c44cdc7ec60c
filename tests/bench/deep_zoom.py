"""A large mosaic as Deep Zoom: time and memory of a process that has thumbnails on its disk and nothing else to do.

    python tests/bench/deep_zoom.py --tiles 10000       a smaller one

The thumbnails are JPEGs of 64 px, one file each, cut from generated photographs; IMAGES=DIR takes those that lie there.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from measuring import Row, report, spent_by
from photographs import photographs
from PIL import Image

from layout.deep_zoom import write_deep_zoom
from layout.grid import best_grid
from layout.mosaic import MosaicStyle

__all__ = ["deep_zoom_rows"]

TILES, SIDE = 100_000, 64
BASES = 100  # photographs that thumbnails are cut from
SECONDS, MEMORY = 300.0, 2**30  # goals


def deep_zoom_rows(tiles: int = TILES, given: Path | None = None) -> list[Row]:
    """Seconds and bytes for a mosaic of so many `tiles`, each held to its goal; ratios are shares of the goal."""
    with tempfile.TemporaryDirectory(prefix="bench-zoom-") as name:
        place = Path(name)
        _cut(place / "thumbnails", tiles, given)
        spent = spent_by([sys.executable, __file__, "--write", str(place)], place / "words.log")
        files = sum(1 for _ in (place / "zoom").rglob("*.jpg"))
    what = f"Deep Zoom of {tiles:,} tiles of {SIDE} px ({files:,} files)"
    return [
        Row.of(what, spent.wall, "the goal", SECONDS, "s", goal=1.0, less_is_better=True),
        Row.of(f"{what}, memory", spent.peak / 2**20, "the goal", MEMORY / 2**20, "MiB", goal=1.0, less_is_better=True),
    ]


def _cut(folder: Path, tiles: int, given: Path | None) -> None:
    """So many different thumbnails, in folders of a thousand."""
    rng = np.random.default_rng(0)
    bases = [Image.open(io.BytesIO(body)).convert("RGB") for body in photographs(BASES, given)]
    for number in range(tiles):
        base = bases[number % len(bases)]
        side = int(rng.integers(SIDE, min(base.size) + 1))
        left, top = (int(rng.integers(0, room - side + 1)) for room in base.size)
        path = _thumbnail(folder, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        base.resize((SIDE, SIDE), Image.Resampling.BILINEAR, (left, top, left + side, top + side)).save(
            path, quality=90
        )


def _thumbnail(folder: Path, number: int) -> Path:
    return folder / f"{number // 1000:03}" / f"{number:06}.jpg"


def _write(place: Path) -> None:
    folder = place / "thumbnails"
    count = sum(1 for _ in folder.rglob("*.jpg"))
    grid = best_grid(count, 1.618)
    cells = np.random.default_rng(1).permutation(grid.columns * grid.rows)[:count]
    write_deep_zoom(
        place / "zoom",
        lambda number: Image.open(_thumbnail(folder, number)),
        cells,
        grid,
        style=MosaicStyle(tile=SIDE),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tiles", type=int, default=TILES)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write is not None:
        _write(options.write)
    else:
        images = os.environ.get("IMAGES")
        report("deep_zoom", deep_zoom_rows(options.tiles, Path(images) if images else None))
