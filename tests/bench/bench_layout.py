"""Layouts on sets of pictures, of digits and of colours, against other ways to make them: quality and time.

    make bench-layout                                           DIR=DIR with nga_kress_32.zip and src_cyr_32.png
    python tests/bench/bench_layout.py --sets colours --sizes 10000     a small one

All are given the same features and the same full grid, and are judged by the same DPQ16. Times are medians of work on
features in memory, after a small run of the same that imports and compiles.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from deep_zoom import deep_zoom_rows
from layout_sets import SETS, FeatureSet
from measuring import ROOT, Row, report
from wall_rows import wall_rows

from layout.arrange import arrange
from layout.assign import assign
from layout.grid import Grid
from layout.grow import grow
from layout.metrics import distance_preservation
from layout.project import EPOCHS_BEFORE_REFINE, ProjectionMethod, project
from layout.reduced import reduced
from layout.refine import refine

BENCH = Path(__file__).parent
SIZES = (10_000, 100_000, 1_000_000)
LIMITS = {10_000: 2.0, 100_000: 15.0, 1_000_000: 180.0}  # seconds of assignment and refine, on two cores
MEMORY = 4 * 2**30
REPEATED = 100_000  # images up to which runs are repeated
ABOVE, SHARE, FRESH = 0.01, 0.3, 0.99  # goals: DPQ16 above the best peer; of ImageRearranger's time; of a fresh layout
WARM = 300
OURS = "straight from features"
UMAP, TSNE, REARRANGER = "UMAP + refine", "t-SNE + exact", "ImageRearranger's steps: UMAP + lapjv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one way made of one set: seconds on the clock and of all cores, and DPQ16."""

    wall: float
    cpu: float
    quality: float


def _projected(features: np.ndarray, method: ProjectionMethod) -> np.ndarray:
    return project(features, method=method, seed=0)


def _refined(features: np.ndarray, method: ProjectionMethod, grid: Grid) -> np.ndarray:
    """As the layout stage does it."""
    small = reduced(features, seed=0)
    cloud = project(features, method=method, seed=0, small=small, epochs=EPOCHS_BEFORE_REFINE)
    return refine(features, assign(cloud, grid, method="shufflesnap"), grid, small=small)


WAYS: dict[str, Callable[[np.ndarray, Grid], np.ndarray]] = {
    OURS: arrange,
    UMAP: lambda features, grid: _refined(features, "umap", grid),
    "t-SNE + refine": lambda features, grid: _refined(features, "tsne", grid),
    TSNE: lambda features, grid: assign(_projected(features, "tsne"), grid, method="exact"),
    "UMAP + shufflesnap": lambda features, grid: assign(_projected(features, "umap"), grid, method="shufflesnap"),
    "vc-flas, fast": lambda features, grid: arrange(features, grid, method="flas"),
    "vc-flas, fine": lambda features, grid: arrange(features, grid, method="flas", fine=True),
}
PEERS = (REARRANGER, TSNE, "UMAP + shufflesnap", "vc-flas, fast", "vc-flas, fine")


def main() -> None:
    """Compare on every set, then in size; print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES), help="images in clusters")
    parser.add_argument("--repeats", type=int, default=3, help="runs whose median time counts")
    parser.add_argument("--tiles", type=int, default=100_000, help="tiles of the Deep Zoom; 0 leaves it out")
    parser.add_argument("--images", type=int, default=100_000, help="images of the wall in a browser; 0 leaves it out")
    parser.add_argument("--alone", choices=list(SETS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps({"rows": [asdict(row) for row in _of_set(options.alone, options.repeats)]}))
        return
    rows: list[Row] = []
    for name in options.sets:
        # Each in a process of its own: what one holds in memory would count as that of all started after it.
        found = _alone([__file__, "--alone", name, "--repeats", str(options.repeats)])
        rows += [Row(**row) for row in found["rows"]]
    for size in options.sizes:
        rows += _scale(size, options.repeats)
    rows.append(_cold())
    if options.tiles:
        images = os.environ.get("IMAGES")
        rows += deep_zoom_rows(options.tiles, Path(images) if images else None)
    if options.images:
        rows += wall_rows(options.images, _alone)
    report("layout", rows)


def _of_set(name: str, repeats: int) -> list[Row]:
    found = SETS[name]()
    if found is None:
        print(f"{name}: not there, DIR=DIR says where", file=sys.stderr)
        return []
    rows = _compare(name, found, repeats)
    return rows + _growth(found) if name == "digits" else rows


def _compare(name: str, given: FeatureSet, repeats: int) -> list[Row]:
    results = {way: _timed(work, given, repeats) for way, work in WAYS.items()}
    rearranger = _rearranger(given, repeats)
    if rearranger is not None:
        results[REARRANGER] = rearranger
    for way, result in results.items():
        spent = f"{result.wall:.2f} s, {result.cpu:.2f} s of CPU"
        print(f"{name}: {way}: DPQ16 {result.quality:.4f} in {spent}", file=sys.stderr)
    ours, umap, tsne = results[OURS], results[UMAP], results[TSNE]
    peers = {peer: results[peer] for peer in PEERS if peer in results}
    best = max(peers, key=lambda peer: peers[peer].quality)
    rows = [
        Row.of(f"{name}, {way}: DPQ16", results[way].quality, peer, peers[peer].quality, "")
        for way in (OURS, UMAP, "t-SNE + refine")
        for peer in peers
    ]
    above = ours.quality - peers[best].quality
    rows += [
        Row(
            metric=f"{name}: DPQ16 above the best peer", ours=round(above, 4), peer=best, goal=ABOVE, met=above >= ABOVE
        ),
        Row.of(f"{name}, {UMAP}: DPQ16", umap.quality, TSNE, tsne.quality, "", goal=1.0),
        Row.of(f"{name}: time", ours.wall, TSNE, tsne.wall, "s", goal=1.0, less_is_better=True),
        Row.of(f"{name}: CPU", ours.cpu, TSNE, tsne.cpu, "s", less_is_better=True),
        Row.of(f"{name}, {UMAP}: time", umap.wall, TSNE, tsne.wall, "s", goal=1.0, less_is_better=True),
        Row.of(f"{name}, {UMAP}: CPU", umap.cpu, TSNE, tsne.cpu, "s", less_is_better=True),
    ]
    if rearranger is not None:
        rows += [
            Row.of(
                f"{name}, {UMAP}: time",
                umap.wall,
                REARRANGER,
                rearranger.wall,
                "s",
                goal=1 / SHARE if name == "kress" else None,
                less_is_better=True,
            ),
            Row.of(f"{name}, {UMAP}: CPU", umap.cpu, REARRANGER, rearranger.cpu, "s", less_is_better=True),
            Row.of(f"{name}: time", ours.wall, REARRANGER, rearranger.wall, "s", less_is_better=True),
        ]
    return rows


def _timed(work: Callable[[np.ndarray, Grid], np.ndarray], given: FeatureSet, repeats: int) -> Result:
    few = given.features[:WARM]
    work(few, Grid(columns=20, rows=-(-len(few) // 20)))
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        cells = work(given.features, given.grid)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    quality = distance_preservation(given.features, cells, given.grid)
    return Result(wall=median(walls), cpu=median(cpus), quality=quality)


def _rearranger(given: FeatureSet, repeats: int) -> Result | None:
    """ImageRearranger's steps in their own environment; None where that could not be made."""
    python = ROOT / ".peers" / "imagerearranger" / "bin" / "python"
    if not python.exists():
        return None
    with tempfile.TemporaryDirectory(prefix="bench-layout-") as folder:
        features, cells = Path(folder) / "features.npz", Path(folder) / "cells.npy"
        np.savez(features, features=given.features, columns=given.grid.columns, rows=given.grid.rows)
        command = [str(python), str(BENCH / "layout_peers.py"), "umap-lapjv", str(features), str(cells)]
        spent = []
        for _ in range(repeats):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(done.stderr[-2000:], file=sys.stderr)
                return None
            spent.append(json.loads(done.stdout.splitlines()[-1]))
        quality = distance_preservation(given.features, np.load(cells), given.grid)
    return Result(wall=median(s["wall"] for s in spent), cpu=median(s["cpu"] for s in spent), quality=quality)


def _growth(given: FeatureSet) -> list[Row]:
    """One percent more images, in a grid with one row more."""
    n = len(given.features)
    known = np.sort(np.random.default_rng(0).choice(n, n - n // 100, replace=False))
    before = np.full(n, -1)
    before[known] = arrange(given.features[known], given.grid)
    wider = Grid(columns=given.grid.columns, rows=given.grid.rows + 1)
    began = time.perf_counter()
    grown = grow(given.features, before, wider)
    spent = time.perf_counter() - began
    fresh = arrange(given.features, wider)
    qualities = [distance_preservation(given.features, cells, wider) for cells in (grown.cells, fresh)]
    return [
        Row.of("1 % more digits: DPQ16", qualities[0], "a fresh layout", qualities[1], "", goal=FRESH),
        Row(metric="1 % more digits: share of the others that moved", ours=round(grown.moved, 4), peer=""),
        Row(metric="1 % more digits: time", ours=round(spent, 2), peer="", unit="s"),
    ]


def _scale(size: int, repeats: int) -> list[Row]:
    runs = repeats if size <= REPEATED else 1
    done = _alone([str(BENCH / "layout_scale.py"), str(size), str(runs)])
    goal = LIMITS.get(size)
    what = f"{size:,} in clusters"
    total = done["snap"]["wall"] + done["refine"]["wall"]
    limit = f"at most {goal:g} s" if goal else ""
    quality = done["quality"]
    return [
        Row(
            metric=f"{what}: assignment and refine",
            ours=round(total, 2),
            peer=limit,
            peer_value=goal,
            unit="s",
            ratio=round(goal / total, 3) if goal else None,
            goal=1.0 if goal else None,
            met=not goal or total <= goal,
        ),
        Row(
            metric=f"{what}: CPU of assignment; of refine",
            ours=round(done["snap"]["cpu"], 2),
            peer="refine",
            peer_value=round(done["refine"]["cpu"], 2),
            unit="s",
        ),
        Row.of(
            f"{what}: memory", done["peak"] / 2**20, "at most", MEMORY / 2**20, "MiB", goal=1.0, less_is_better=True
        ),
        Row.of(
            f"{what}: cost of assignment",
            done["cost"],
            "shufflesnap alone",
            done["cost_alone"],
            "",
            goal=1.0,
            less_is_better=True,
        ),
        Row.of(
            f"{what}: DPQ16 (error {quality['error']:.4f})", quality["after"], "before refine", quality["before"], ""
        ),
        Row(metric=f"{what}: time of all measures", ours=round(quality["seconds"], 2), peer="", unit="s"),
    ]


def _cold() -> Row:
    """How long the first layout of an installation takes: the loops are compiled, and kept."""
    code = (
        "import numpy as np; from layout.arrange import arrange; from layout.grid import Grid; "
        "arrange(np.random.default_rng(0).random((100, 3)), Grid(10, 10), tries=10)"
    )
    spent = []
    with tempfile.TemporaryDirectory(prefix="bench-numba-") as folder:
        for _ in range(2):
            began = time.perf_counter()
            environment = {**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": str(ROOT)}
            subprocess.run([sys.executable, "-c", code], env=environment, check=True)
            spent.append(time.perf_counter() - began)
    return Row(
        metric="a process that lays out 100 images: the first",
        ours=round(spent[0], 1),
        peer="the second",
        peer_value=round(spent[1], 1),
        unit="s",
    )


def _alone(command: list[str]) -> dict[str, Any]:
    """What a process of its own prints as JSON in its last line, or in all of them."""
    done = subprocess.run(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return dict(json.loads(done.stdout[done.stdout.index("{") :]))


if __name__ == "__main__":
    main()
