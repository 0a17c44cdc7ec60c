"""Contact sheets of 1,024 and of 10,000 photographs, against ImageMagick's montage: time, memory, and the pictures.

    make bench-sheet                                    generated photographs; IMAGES=DIR takes those that lie there
    python tests/bench/bench_sheet.py --tiles 64        a small one

Both are given the same files in the same order, and make pages of 32 x 32 pictures in cells of 128 px. montage is asked
in the quickest way there is: JPEGs decoded at a fraction of their size, and resized while they are read. Ours reads
what it has to know from a ledger that a crawl has filled before.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml
from measuring import Row, Spent, report, spent_by
from photographs import commented, photographs
from PIL import Image
from skimage.metrics import structural_similarity

from harvest.ledger import open_ledger
from harvest.ledger.queries import images
from harvest.workspace import Workspace, sheet_pages

TILES = (1_024, 10_000)
BASES = 200  # photographs that are drawn; the others are these with other words in them
COLUMNS, CELL, GAP, QUALITY = 32, 128, 8, 90
TIME, MEMORY, LIKENESS = 2.0, 10 / 3, 0.95  # goals: half the time, three tenths of the memory, the same picture
RECIPE = {
    "name": "bench",
    "dedupe": {"near": None, "pixels": False},
    "layout": None,
    "sheet": {
        "columns": COLUMNS,
        "rows": COLUMNS,
        "tile": CELL,
        "gap": GAP,
        "margin": GAP // 2,
        "background": "#ffffff",
        "headed": False,
        "quality": QUALITY,
        "sort": "title",
    },
}


def main() -> None:
    """Make the sheets in turn, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tiles", type=int, nargs="*", default=list(TILES), help="pictures on a sheet")
    options = parser.parse_args()
    given = os.environ.get("IMAGES")
    rows: list[Row] = []
    for count in options.tiles:
        with tempfile.TemporaryDirectory(prefix="bench-sheet-") as name:
            rows += _compare(Path(name), count, Path(given) if given else None)
    report("sheet", rows)


def _compare(place: Path, count: int, given: Path | None) -> list[Row]:
    workspace, recipe = Workspace(place / "workspace"), place / "recipe.yaml"
    _crawl(place, workspace, count, given)
    recipe.write_text(yaml.safe_dump(RECIPE))
    _harvest(place, workspace, "dedupe", recipe)
    ours = _harvest(place, workspace, "sheet", recipe)
    theirs = _montage(place, workspace)
    if theirs is None:
        return [Row(metric=f"{count:,} tiles", ours=round(ours.wall, 2), peer="montage could not be run", unit="s")]
    like = _likeness(workspace, place)
    tiles = f"{count:,} tiles"
    return [
        Row.of(tiles, ours.wall, "montage", theirs.wall, "s", goal=TIME, less_is_better=True),
        Row.of(f"{tiles}, CPU of all processes", ours.cpu, "montage", theirs.cpu, "s", less_is_better=True),
        Row.of(
            f"{tiles}, memory",
            ours.peak / 2**20,
            "montage",
            theirs.peak / 2**20,
            "MiB",
            goal=MEMORY,
            less_is_better=True,
        ),
        Row(
            metric=f"{tiles}, likeness of the first page (SSIM)",
            ours=round(like, 4),
            peer="montage",
            goal=LIKENESS,
            met=like >= LIKENESS,
        ),
    ]


def _crawl(place: Path, workspace: Workspace, count: int, given: Path | None) -> None:
    """Bring `count` different files into the ledger."""
    folder = place / "photographs"
    folder.mkdir()
    bases = photographs(min(count, BASES), given)
    for number in range(count):
        head, rest = commented(bases[number % len(bases)], number)
        (folder / f"{number:05}.jpg").write_bytes(head + rest)
    source = place / "source.yaml"
    values = {"name": "bench", "spider": "local", "contact": "you@example.org", "license": "CC0-1.0"}
    source.write_text(yaml.safe_dump({**values, "options": {"places": [str(folder)], "base": str(folder)}}))
    _harvest(place, workspace, "crawl", source)
    shutil.rmtree(folder)


def _montage(place: Path, workspace: Workspace) -> Spent | None:
    """What montage takes for the pictures of our sheet; None when it is not here, or does not come to an end."""
    if shutil.which("montage") is None:
        return None
    order = json.loads((workspace.layouts / "bench" / "sheet-images.json").read_text())["images"]
    with open_ledger(workspace) as con:
        paths = {image.sha256: workspace.root / image.path for image in images(con)}
    small = f"{2 * CELL}x{2 * CELL}"
    command = [
        "montage",
        *("-define", f"jpeg:size={small}"),
        *(f"{paths[sha256]}[{CELL}x{CELL}]" for sha256 in order),
        *("-tile", f"{COLUMNS}x{COLUMNS}", "-geometry", f"{CELL}x{CELL}+{GAP // 2}+{GAP // 2}"),
        *("-background", "white", "-quality", str(QUALITY)),
        str(place / "montage-%02d.jpg"),
    ]
    # Distributions forbid it more than a quarter of a gigabyte, and then it fails at 10,000 pictures.
    (place / "policy.xml").write_text("<policymap></policymap>\n")
    try:
        return spent_by(command, place / "montage.log", {"MAGICK_CONFIGURE_PATH": str(place)})
    except SystemExit as error:
        print(error, file=sys.stderr)
        return None


def _likeness(workspace: Workspace, place: Path) -> float:
    """Structural similarity of both first pages, in grey, -1 to 1."""
    theirs = min(path for path in place.glob("montage*.jpg"))
    with Image.open(sheet_pages(workspace.layouts / "bench")[0]) as one, Image.open(theirs) as other:
        if one.width != other.width:
            raise SystemExit(f"pages of {one.size} and {other.size} pixels show other things")
        # Ours ends with its last row, montage's does not.
        shown = (0, 0, one.width, min(one.height, other.height))
        first, second = (np.asarray(page.crop(shown).convert("L")) for page in (one, other))
    return float(structural_similarity(first, second))


def _harvest(place: Path, workspace: Workspace, *command: str | Path) -> Spent:
    return spent_by([sys.executable, "-m", "harvest", *command, "-w", workspace.root, "-q"], place / "words.log")


if __name__ == "__main__":
    main()
