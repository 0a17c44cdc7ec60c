"""Sizes of photographs, 32 + 128 + 256 px of each, against ffmpeg, ImageMagick, libvips and img2dataset's resizer.

    make bench-normalize                              generated photographs; IMAGES=DIR takes those that lie there
    python tests/bench/bench_normalize.py --images 24 a small one

All get the same files on the same cores, in turns, and medians are compared. Ours is measured twice: the function
alone, beside libraries in processes that are running, and the stage `harvest normalize` from its start to its end, with
a ledger that is read and written, beside programs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from measuring import ROOT, Row, Spent, report, spent_by
from normalize_ways import PIXELS, PROGRAMS, QUALITY
from photographs import commented, photographs
from PIL import Image

from harvest.workspace import Workspace

BASES = 200  # photographs that are drawn, or taken; the others are these with other words in them
SLOW = {"ffmpeg": 60, "mogrify": 300}  # how many images are enough to know their speed
PEERS = {"pyvips": "pyvips", "pyvips_once": "pyvips", "img2dataset": "img2dataset"}
WORDS = {
    "ffmpeg": "ffmpeg, three processes an image",
    "mogrify": "ImageMagick mogrify",
    "vipsthumbnail": "vipsthumbnail",
    "pyvips": "libvips by pyvips",
    "pyvips_once": "libvips by pyvips, one decode",
    "img2dataset": "img2dataset's resizer",
}
GOALS = {"ffmpeg": 10.0}
RECIPE = {
    "name": "bench",
    "dedupe": {"near": None, "pixels": False, "embedding": None},
    "layout": None,
    "sheet": None,
    "sizes": [{"px": px, "quality": QUALITY} for px in PIXELS],
}


def main() -> None:
    """Make the sizes in turns, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    given = os.environ.get("IMAGES")
    with tempfile.TemporaryDirectory(prefix="bench-normalize-") as name:
        place = Path(name)
        _draw(place, options.images, Path(given) if given else None)
        _crawl(place)
        speeds: dict[str, list[float]] = {}
        cpu: dict[str, list[float]] = {}
        for _ in range(options.repeats):
            for way in ("stage", "ours", *WORDS):
                found = _stage(place) if way == "stage" else _way(place, way)
                if found is not None:
                    speeds.setdefault(way, []).append(found[0])
                    cpu.setdefault(way, []).append(found[1])
                    words = f"{way}: {found[0]:.1f} images/s, {found[1]:.2f} ms CPU an image"
                    print(words, file=sys.stderr, flush=True)
        rows = _rows({way: statistics.median(each) for way, each in speeds.items()})
        rows += _cpu_rows({way: statistics.median(each) for way, each in cpu.items()})
        report("normalize", rows, images=options.images, images_per_second=speeds, cpu_ms=cpu)


def _cpu_rows(medians: dict[str, float]) -> list[Row]:
    """What hangs less on what else the machine does."""
    rows = []
    for way in (way for way in WORDS if way in medians):
        ours = "stage" if way in PROGRAMS else "ours"
        metric = f"CPU of {'harvest normalize' if ours == 'stage' else 'the function alone'}"
        rows.append(Row.of(metric, medians[ours], WORDS[way], medians[way], "ms/image", less_is_better=True))
    return rows


def _rows(medians: dict[str, float]) -> list[Row]:
    rows = []
    for way, words in WORDS.items():
        if way not in medians:
            rows.append(Row(metric="32 + 128 + 256 px", peer=f"{words}: not here", goal=GOALS.get(way, 1.0)))
            continue
        goal = GOALS.get(way, 1.0)
        if way in PROGRAMS:
            rows.append(Row.of("harvest normalize", medians["stage"], words, medians[way], "images/s", goal=goal))
        rows.append(Row.of("the function alone", medians["ours"], words, medians[way], "images/s", goal=goal))
    return rows


def _draw(place: Path, count: int, given: Path | None) -> None:
    bases = photographs(min(count, BASES), given)
    for folder, most in (("all", count), *((way, min(count, few)) for way, few in SLOW.items())):
        (place / folder).mkdir()
        for number in range(most):
            head, rest = commented(bases[number % len(bases)], number)
            (place / folder / f"{number:05}.jpg").write_bytes(head + rest)


def _crawl(place: Path) -> None:
    """A workspace with all photographs, decided upon, as it was before the first size was made."""
    source, recipe = place / "source.yaml", place / "recipe.yaml"
    values = {"name": "bench", "spider": "local", "contact": "you@example.org", "license": "CC0-1.0"}
    source.write_text(yaml.safe_dump({**values, "options": {"places": ["all"], "base": "all"}}))
    recipe.write_text(yaml.safe_dump(RECIPE))
    _harvest(place, "crawl", source)
    _harvest(place, "dedupe", recipe)
    shutil.copy(Workspace(place / "workspace").ledger, place / "ledger.duckdb")


def _stage(place: Path) -> tuple[float, float]:
    """Images a second of the command, start and end included, and milliseconds of CPU an image."""
    workspace = Workspace(place / "workspace")
    shutil.rmtree(workspace.derived, ignore_errors=True)
    shutil.copy(place / "ledger.duckdb", workspace.ledger)
    spent = _harvest(place, "normalize", place / "recipe.yaml")
    count = sum(1 for _ in (place / "all").iterdir())
    _check([workspace.derived / str(px) for px in PIXELS], count)
    return count / spent.wall, spent.cpu / count * 1000


def _way(place: Path, way: str) -> tuple[float, float] | None:
    """Images a second, and milliseconds of CPU an image; None where there is no such program or library."""
    python = ROOT / ".peers" / PEERS[way] / "bin" / "python" if way in PEERS else Path(sys.executable)
    if not python.exists() or (way in PROGRAMS and shutil.which(way) is None):
        return None
    out, photos = place / "out", place / (way if way in SLOW else "all")
    shutil.rmtree(out, ignore_errors=True)
    cores = len(os.sched_getaffinity(0))
    command = [python, Path(__file__).with_name("normalize_ways.py"), way, photos, out, cores]
    environment = {**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1", "VIPS_CONCURRENCY": "1"}
    done = subprocess.run(
        [str(part) for part in command], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"{way} cannot be run:\n{done.stderr[-2000:]}", file=sys.stderr)
        return None
    found = json.loads(done.stdout.splitlines()[-1])
    _check([out / str(px) for px in PIXELS], found["images"])
    return found["images"] / found["seconds"], found["cpu"] / found["images"] * 1000


def _check(folders: list[Path], count: int) -> None:
    """That as many files are there as were asked for, and that they are the squares that were asked for."""
    for folder, px in zip(folders, PIXELS, strict=True):
        files = sorted(folder.iterdir())
        with Image.open(files[0]) as image:
            size = image.size
        if len(files) != count or max(size) > px:
            raise SystemExit(f"{folder}: {len(files)} files of {size}, expected {count} of {px} px")


def _harvest(place: Path, *command: str | Path) -> Spent:
    words = [sys.executable, "-m", "harvest", *command, "-w", place / "workspace", "-q"]
    return spent_by(words, place / "words.log")


if __name__ == "__main__":
    main()
