"""Time, memory and quality of a layout of many images, in a process of its own: layout_scale.py N RUNS, JSON out."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import TypeVar

import numpy as np
import shufflesnap

from layout.assign import assign, fitted
from layout.grid import best_grid
from layout.metrics import quality
from layout.refine import refine

Made = TypeVar("Made")
KINDS, WIDTH, LATENT = 20, 64, 3


def clusters(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, 64) of twenty kinds that vary in three ways each, and the cloud (n, 2) of a projection."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, KINDS, n)
    middles, turns = rng.normal(size=(KINDS, WIDTH)), rng.normal(scale=0.5, size=(KINDS, LATENT, WIDTH))
    inner = rng.normal(size=(n, LATENT)).astype(np.float32)
    features = rng.normal(scale=0.15, size=(n, WIDTH)).astype(np.float32)
    for kind in range(KINDS):
        own = kinds == kind
        features[own] += (inner[own] @ turns[kind] + middles[kind]).astype(np.float32)
    cloud = 2 * rng.normal(size=(KINDS, 2))[kinds] + 0.3 * inner[:, :2]
    return features, cloud


def timed(work: Callable[[], Made], runs: int = 1) -> tuple[Made, dict[str, float]]:
    """What `work` makes, and the seconds it took: the median of so many runs."""
    walls, cpus = [], []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        made = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return made, {"wall": median(walls), "cpu": median(cpus)}


def main() -> None:
    """Lay out, measure, print."""
    n, runs = int(sys.argv[1]), int(sys.argv[2])
    features, cloud = clusters(n)
    few = best_grid(500, 1.6)
    refine(features[:500], few.cells[:500], few, tries=1)  # compiles
    grid = best_grid(n, 1.618)
    cells, snap = timed(lambda: assign(cloud, grid, method="shufflesnap"), runs)
    found, refined = timed(lambda: refine(features, cells, grid), runs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    before = quality(features, cells, grid, sample=3_000)
    after, spent = timed(lambda: quality(features, found, grid, sample=3_000))
    places = fitted(cloud, grid)
    squares = shufflesnap.Grid.from_mask(np.array(grid.mask))
    alone = grid.cells[np.asarray(shufflesnap.assign(places - 0.5, squares, normalize="none", seed=0).cell)]
    costs = [float(np.square(places - grid.centres(these)).sum(axis=1).mean()) for these in (cells, alone)]
    result = {
        "snap": snap,
        "refine": refined,
        "peak": peak,
        "cost": costs[0],
        "cost_alone": costs[1],
        "quality": {
            "before": before.distance_preservation.value,
            "after": after.distance_preservation.value,
            "error": after.distance_preservation.error,
            "seconds": spent["wall"],
        },
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
