"""Other ways from features to a grid, each with its own time: run in the environment where its parts are installed.

    python tests/bench/layout_peers.py umap-lapjv features.npz cells.npy    prints {"wall": ..., "cpu": ...}

What is timed is the work itself on features in memory, after a small run of the same that imports and compiles: so are
all the others that they are compared with.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Cells = np.ndarray
WARM = 200


def umap_lapjv(features: np.ndarray, columns: int, rows: int) -> Cells:
    """ImageRearranger's steps: UMAP(15, 0.1), each axis stretched to the grid, black tiles for holes, lapjv."""
    import umap  # noqa: PLC0415
    from lapjv import lapjv  # noqa: PLC0415

    tiles = np.zeros((columns * rows, features.shape[1]), np.float32)
    tiles[: len(features)] = features
    points = umap.UMAP(n_neighbors=15, min_dist=0.1, metric="euclidean").fit_transform(tiles)
    points = (points - points.min(axis=0)) / np.ptp(points, axis=0)
    x, y = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    places = np.stack([x.ravel(), y.ravel()], axis=1)
    cost = np.square(points[:, None] - places[None]).sum(axis=2)
    cost = (cost * (10_000_000 / cost.max())).astype(int)
    return np.asarray(lapjv(cost)[0][: len(features)])


def main() -> None:
    """Run one peer on a file of features, columns and rows; write the cells, print the time."""
    peer, given, found = sys.argv[1:]
    work: Callable[[np.ndarray, int, int], Cells] = {"umap-lapjv": umap_lapjv}[peer]
    with np.load(given) as data:
        features, columns, rows = data["features"], int(data["columns"]), int(data["rows"])
    few = features[:WARM]
    work(few, 20, -(-len(few) // 20))
    wall, cpu = time.perf_counter(), time.process_time()
    cells = work(features, columns, rows)
    spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    np.save(Path(found), cells)
    print(json.dumps(spent))


if __name__ == "__main__":
    main()
