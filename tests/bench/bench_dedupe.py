"""Copies found again, by transformation, and how fast: ours, imagehash, imagededup, faiss.

`python tests/bench/bench_dedupe.py [--pictures N] [--folder DIR] [--hashes N] [--queries N] [--only quality|speed]`;
peers are .peers/imagededup and .peers/faiss. A crop of 10 % takes a tenth of width and height away at each side.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import imagehash
import numpy as np
from alterations import ALTERATIONS, CROPS_AND_PADDING, PHOTOMETRIC
from finding import PRECISION, Method, customary, imagededup, imagehash_method, ours, prepare
from measuring import ROOT, Row, report
from numpy.typing import NDArray
from PIL import Image
from scenes import look_alikes, pictures

from harvest.images.fingerprint import fingerprint
from harvest.processes import cores
from harvest.stages.dedupe.pairs import near_pairs, near_values

FAISS = ROOT / ".peers" / "faiss" / "bin" / "python"
RADIUS = 8
SAMPLE = 100_000  # hashes of which all pairs are compared with the peer's, one by one
_SEARCH = """
import sys, time
import faiss, numpy as np
source, target, queries, radius, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
faiss.omp_set_num_threads(threads)
codes = np.load(source).view(np.uint8).reshape(-1, 8)
index = faiss.IndexBinaryFlat(64)
index.add(codes)
found, begun = [], time.perf_counter()
for start in range(0, queries, 10_000):
    limits, _, other = index.range_search(codes[start : min(start + 10_000, queries)], radius + 1)
    one = np.repeat(np.arange(len(limits) - 1) + start, np.diff(limits.astype(np.int64)))
    found.append(np.stack([one, other.astype(np.int64)], axis=1)[one < other])
print(time.perf_counter() - begun)
np.save(target, np.concatenate(found))
"""


def main() -> None:
    """Both halves, one after the other, in one result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=200, help="that are altered; as many look alike")
    parser.add_argument("--folder", type=Path, default=os.environ.get("IMAGES") or None)
    parser.add_argument("--hashes", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, help="hashes that the peer looks for, all by default")
    parser.add_argument("--photographs", type=int, default=100, help="of 1600x1200, to be fingerprinted")
    parser.add_argument("--only", choices=("quality", "speed"))
    options = parser.parse_args()
    rows: list[Row] = []
    more: dict[str, object] = {}
    if options.only != "speed":
        found, more = _quality(options.pictures, options.folder)
        rows += found
    if options.only != "quality":
        rows += [*_fingerprints(options.photographs), *_all_pairs(options.hashes, options.queries)]
    report("dedupe", rows, **more)


def _quality(count: int, folder: Path | None) -> tuple[list[Row], dict[str, object]]:
    with tempfile.TemporaryDirectory(prefix="bench-dedupe-") as name:
        gallery = prepare(Path(name), list(pictures(count, folder)), list(look_alikes(count)))
        methods, loop = ours(gallery), imagehash_method(gallery)
        peers, missing = imagededup(gallery)
    best, by_vector = methods[-1], methods[-2]
    goals = (("photometric", tuple(PHOTOMETRIC), 0.99), ("crops to 10 % and padding", tuple(CROPS_AND_PADDING), 0.95))
    rows = [
        Row.of(f"recall, {what}, {method.name}", method.over(names), "the goal", goal, "share", goal=1.0)
        for what, names, goal in goals
        for method in (by_vector, best)
    ]
    rows.append(Row.of("precision, all together", best.precision, "the goal", PRECISION, "share", goal=1.0))
    for start in ("imagehash.phash", "imagededup phash", "imagededup CNN"):
        peer = customary([*loop, *peers], start)
        if peer is None:
            rows.append(Row(metric="recall, total", peer=missing or f"{start} was not measured", goal=1.0))
            continue
        total = max(peer.over(tuple(ALTERATIONS)), 1e-9)
        rows.append(Row.of("recall, total", best.over(tuple(ALTERATIONS)), peer.name, total, "share", goal=1.0))
    everything = [*methods, *loop, *peers]
    _table(everything)
    recall = {method.name: method.recall for method in everything}
    return rows, {
        "pictures": len(gallery.altered["flip"]),
        "others": len(gallery.base) - len(gallery.altered["flip"]),
        "recall": recall,
        "precision": {method.name: [method.precision, method.wrong] for method in everything},
    }


def _table(methods: Sequence[Method]) -> None:
    """Recall by alteration, one column a method."""
    for number, method in enumerate(methods):
        print(f"({number}) {method.name}: precision {method.precision:.4f}, {method.wrong} wrong")
    print(" " * 24 + "".join(f"{f'({number})':>7}" for number in range(len(methods))))
    for name in ALTERATIONS:
        print(f"{name:24}" + "".join(f"{method.recall[name]:7.3f}" for method in methods))
    print(f"{'total':24}" + "".join(f"{method.over(tuple(ALTERATIONS)):7.3f}" for method in methods), flush=True)


def _fingerprints(count: int) -> list[Row]:
    """Bytes to hash, one core, in turns; ours also hashes the bytes and measures quality."""
    bodies = [_photograph(number) for number in range(min(count, 10))] * -(-count // 10)
    ours_spent, theirs_spent, drift = 0.0, 0.0, []
    for body in bodies[:count]:
        begun = time.process_time()
        found = fingerprint(body, max_pixels=10**9).phash
        between = time.process_time()
        with Image.open(io.BytesIO(body)) as image:
            expected = int(str(imagehash.phash(image)), 16)
        theirs_spent += time.process_time() - between
        ours_spent += between - begun
        drift.append((found ^ expected).bit_count())
    speed = Row.of(
        "fingerprints of 1600x1200 JPEGs, CPU time",
        count / ours_spent,
        "a loop of imagehash.phash",
        count / theirs_spent,
        "images/s a core",
        goal=3.0,
    )
    mean = max(float(np.mean(drift)), 0.01)
    limit = Row.of(
        "mean drift from imagehash.phash", mean, "the goal", 1.0, "bits of 64", goal=1.0, less_is_better=True
    )
    return [speed, limit]


def _photograph(number: int) -> bytes:
    """Clouds of colour with grain, 1600 x 1200."""
    rng = np.random.default_rng(number)
    plane = np.full((1200, 1600, 3), 128.0) + rng.normal(0, 6, (1200, 1600, 1))
    for cells, strength in ((4, 70.0), (16, 40.0), (60, 20.0)):
        coarse = np.clip(rng.normal(128, strength, (cells * 3 // 4 + 2, cells + 2, 3)), 0, 255).astype(np.uint8)
        plane += np.asarray(Image.fromarray(coarse).resize((1600, 1200), Image.Resampling.BICUBIC)) - 128.0
    buffer = io.BytesIO()
    Image.fromarray(np.clip(plane, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _all_pairs(count: int, queries: int | None) -> list[Row]:
    if not FAISS.exists():
        return [Row(metric=f"all pairs of {count:,} hashes at radius 8", peer="faiss cannot be installed", goal=5.0)]
    hashes = _hashes(count)
    sample = hashes[:SAMPLE]
    with tempfile.TemporaryDirectory(prefix="bench-dedupe-") as name:
        _, expected = _faiss(Path(name), sample, len(sample))
        found = near_pairs(sample, RADIUS)[:, :2]
        order = np.lexsort((expected[:, 1], expected[:, 0]))
        is_equal = np.array_equal(found, expected[order])
        near_values(np.unique(hashes[:1000]), RADIUS)  # compiles
        begun = time.perf_counter()
        near_values(np.unique(hashes), RADIUS)
        spent = time.perf_counter() - begun
        asked = min(queries or count, count)
        theirs, _ = _faiss(Path(name), hashes, asked)
    peer = "faiss IndexBinaryFlat.range_search"
    if asked < count:
        peer += f", {asked:,} queries extrapolated"
    pairs = Row.of(
        f"all pairs of {count:,} hashes at radius {RADIUS}",
        spent,
        peer,
        theirs * count / asked,
        "s",
        goal=5.0,
        less_is_better=True,
    )
    equal = Row.of(
        f"pairs of {len(sample):,} hashes that both find",
        len(found) * is_equal,
        "faiss",
        len(expected),
        "pairs",
        goal=1.0,
    )
    return [pairs, equal]


def _hashes(count: int) -> NDArray[np.uint64]:
    """Hashes of which a tenth are copies of others with up to 10 bits changed, and a hundredth the same."""
    rng = np.random.default_rng(7)
    hashes = rng.integers(0, 2**64, count, dtype=np.uint64)
    copies = rng.choice(count, count // 10, replace=False)
    hashes[copies] = hashes[rng.integers(0, count, len(copies))]
    for row, bits in zip(copies.tolist(), rng.integers(0, 11, len(copies)).tolist(), strict=True):
        for bit in rng.choice(64, bits, replace=False).tolist():
            hashes[row] ^= np.uint64(1 << bit)
    for begin, end in pairwise(range(0, count // 100, 50)):
        hashes[begin:end] = hashes[begin]
    return hashes


def _faiss(place: Path, hashes: NDArray[np.uint64], queries: int) -> tuple[float, NDArray[np.int64]]:
    """Seconds of the search alone, and the pairs i < j it found."""
    np.save(place / "hashes.npy", hashes)
    arguments = [place / "hashes.npy", place / "pairs.npy", queries, RADIUS, cores()]
    done = subprocess.run(
        [str(part) for part in (FAISS, "-c", _SEARCH, *arguments)], capture_output=True, text=True, check=True
    )
    return float(done.stdout), np.load(place / "pairs.npy")


if __name__ == "__main__":
    main()
