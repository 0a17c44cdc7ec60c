"""Embedding against a plain open_clip loop, and against the model alone on pixels that are on the device already.

    make bench-embed                                        generated photographs, ViT-B-32 of random weights
    make bench-embed IMAGES=DIR MODEL=ARCHITECTURE/TAG      photographs and weights of your own
    python tests/bench/bench_embed.py --memory              besides: memory from 1,000 to 100,000 small images

The ways (embed_ways.py) take turns. All run on the GPU where there is one.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import herbarium
import yaml
from measuring import Row, report, spent_by
from photographs import commented, photographs
from PIL import Image

from harvest.ledger import open_ledger
from harvest.workspace import Workspace

WAYS = Path(__file__).with_name("embed_ways.py")
COMPARED = ("plain", "ours", "alone", "decode")
DISTINCT = 100  # different pictures; each file gets bytes of its own by a comment
COUNTS = {"cpu": 600, "cuda": 20_000}
SMALL = (1_000, 100_000)  # images of the comparison of memory
FLAT = 1.25  # times the memory that a hundred times the images may take


def main() -> None:
    """Measure in turns, compare the medians, say which resource is the limit."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, help="; ".join(f"{count:,} on {kind}" for kind, count in COUNTS.items()))
    parser.add_argument("--folder", type=Path, default=os.environ.get("IMAGES") or None)
    parser.add_argument("--model", default=os.environ.get("MODEL") or None, help="as recipes name it")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="memory of many small images, too")
    parser.add_argument("--small", type=int, nargs=2, default=SMALL, help="how many, twice")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-embed-") as name:
        place = Path(name)
        extra = [_memory(place, *options.small)] if options.memory else []
        _compare(place, options, extra)


def _compare(place: Path, options: argparse.Namespace, extra: list[Row]) -> None:
    device, _ = _way(place, "device", "", place)
    count = options.images or COUNTS[device["kind"]]
    model = options.model
    if model is None:
        drawn, _ = _way(place, "weights", "", place / "weights")
        model, options.model = f"local-dir:{place / 'weights'}", f"{drawn['architecture']}, random weights"
    _write(place / "photographs", count, options.folder)
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in COMPARED}
    peaks: dict[str, int] = dict.fromkeys(COMPARED, 0)
    for _ in range(options.repeats):
        for way, found in runs.items():
            result, peak = _way(place, way, model, place / "photographs")
            found.append(result)
            peaks[way] = max(peaks[way], peak)
            print(f"{way}: {_rate(result):.1f} images/s, {peak / 2**20:.0f} MiB", flush=True)
    rate = {way: statistics.median(map(_rate, found)) for way, found in runs.items()}
    ours = runs["ours"][0]
    limit = _limit(rate, device, statistics.median(run["decoding"] for run in runs["ours"]))
    rows = [*_rows(rate, peaks, device, ours["precision"]), *extra]
    report(
        "embed",
        rows,
        images=count,
        model=options.model,
        device=device["words"],
        precision=ours["precision"],
        batch=ours["batch"],
        device_busy=round(min(1.0, rate["ours"] / rate["alone"]), 3),
        share_of_time_decoding=round(statistics.median(run["decoding"] for run in runs["ours"]), 3),
        limit=limit,
        rates={way: [round(_rate(run), 1) for run in found] for way, found in runs.items()},
    )
    print(limit)


def _rows(rate: dict[str, float], peaks: dict[str, int], device: dict[str, Any], precision: str) -> list[Row]:
    is_gpu = device["kind"] == "cuda"
    goals = {"plain": None, "alone": 0.8} if is_gpu else {"plain": 1.5, "alone": None}
    plain = f"a plain open_clip loop, {'GPU' if is_gpu else 'CPU'}"
    alone = f"the model alone, resident tensors, {precision}"
    memory = (peaks["ours"] / 2**20, plain, peaks["plain"] / 2**20, "MiB")
    return [
        Row.of("embed", rate["ours"], plain, rate["plain"], "images/s", goal=goals["plain"]),
        Row.of("embed, of the model alone", rate["ours"], alone, rate["alone"], "images/s", goal=goals["alone"]),
        Row.of("decoding alone", rate["decode"], "embed", rate["ours"], "images/s"),
        Row.of("peak memory of one process", *memory, less_is_better=True),
    ]


def _limit(rate: dict[str, float], device: dict[str, Any], decoding: float) -> str:
    """Which resource is the limit, in a sentence."""
    busy = min(1.0, rate["ours"] / rate["alone"])
    if device["kind"] == "cpu":
        return (
            f"The processor is the limit: decoding takes {decoding:.0%} of its time; alone, it would decode "
            f"{rate['decode']:.0f} images/s, and the model would embed {rate['alone']:.0f}."
        )
    if busy >= 0.8:
        return f"The GPU is the limit: it is busy {busy:.0%} of the time."
    cores, needed = device["cores"], -(-rate["alone"] * device["cores"] // rate["decode"])
    return (
        f"Decoding is the limit: {cores} cores decode {rate['decode']:.0f} images/s, and the GPU, busy {busy:.0%} of "
        f"the time, could embed {rate['alone']:.0f}; {needed:.0f} cores would keep up with it."
    )


def _rate(run: dict[str, Any]) -> float:
    return float(run["images"] / run["seconds"])


def _way(place: Path, way: str, model: str, folder: Path) -> tuple[dict[str, Any], int]:
    """What a way of embedding says of its run, and the most memory that one of its processes held."""
    log = place / f"{way}.log"
    log.unlink(missing_ok=True)
    spent = spent_by([sys.executable, WAYS, way, model, folder], log)
    return json.loads(log.read_text().splitlines()[-1]), spent.peak


def _write(folder: Path, count: int, source: Path | None) -> None:
    folder.mkdir()
    bodies = photographs(min(count, DISTINCT) if source is None else count, source)
    for number in range(count):
        head, rest = commented(bodies[number % len(bodies)], number)
        (folder / f"{number:07d}.jpg").write_bytes(head + rest)


def _memory(place: Path, few: int, many: int) -> Row:
    """What `harvest embed` holds at most, of few and of many small images."""
    recipe = place / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({"name": "bench", "embed": ["harvest-demo"], "layout": None}))
    peaks = []
    for count in (few, many):
        workspace = Workspace(place / f"small-{count}")
        herbarium.fill(workspace, count)
        _fill_originals(place, workspace)
        command = [sys.executable, "-m", "harvest", "embed", recipe, "-w", workspace.root]
        peaks.append(spent_by(command, place / "memory.log").peak / 2**20)
        print(f"harvest embed of {count:,} small images: {peaks[-1]:.0f} MiB", flush=True)
    metric = f"peak memory of harvest embed, {many:,} small images"
    return Row.of(metric, peaks[1], f"{few:,} of them", peaks[0], "MiB", goal=round(1 / FLAT, 2), less_is_better=True)


def _fill_originals(place: Path, workspace: Workspace) -> None:
    small = []
    for number, body in enumerate(photographs(20)):
        small.append(place / f"small-{number}.jpg")
        Image.open(io.BytesIO(body)).resize((96, 72)).save(small[-1], quality=85)
    with open_ledger(workspace) as con:
        paths = [path for (path,) in con.execute("SELECT path FROM images").fetchall()]
    for number, path in enumerate(paths):
        file = workspace.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        os.link(small[number % len(small)], file)


if __name__ == "__main__":
    main()
