"""The bench of filters still runs: a small one, on drawings, and on files whose names hold a class."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from harvest.demo.specimens import TEST_SEEDS, draw

BENCH = Path(__file__).parent


def bench(results: Path, *arguments: str, **environment: str) -> dict:
    named = {name: value for name, value in os.environ.items() if name not in {"HARVEST_WEIGHTS", "IMAGES"}}
    done = subprocess.run(
        [sys.executable, BENCH / "bench_filter.py", *arguments],
        env={**named, **environment, "BENCH_RESULTS": str(results)},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads((results / "filter.json").read_text())


@pytest.mark.long
def test_it_measures_drawings_and_photographs(tmp_path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for kind in ("moth", "key", "fern"):
        for number in range(4):
            draw(kind, TEST_SEEDS[80_000 + number], 96).save(photographs / f"n0000000{number}_{kind}_{number}.JPEG")

    result = bench(
        tmp_path, "--pictures", "300", "--seeds", "1", "--tasks", "2", "--points", "2000",
        HARVEST_WEIGHTS=str(files("harvest") / "demo" / "weights"), IMAGES=str(photographs),
    )  # fmt: skip

    ours = {row["metric"]: row["ours"] for row in result["rows"]}
    assert ours["drawings: precision by prompt, mean of 23"] > 0.9
    assert ours["drawings: recall by prompt, mean of 23"] > 0.9
    assert ours["drawings: F1 after 100 judgements, 2 tasks, 1 seeds"] > 0.8
    assert ours["photographs: precision by prompt, mean of 3"] > 0.9
    assert {"photographs: learned", "500 of 2,000 by k-centre, 512 dimensions"} <= ours.keys()
    assert set(result["photographs"]["by_prompt"]) == {"moth", "key", "fern"}


@pytest.mark.long
def test_without_weights_photographs_are_skipped_with_the_reason(tmp_path) -> None:
    result = bench(tmp_path, "--only", "photographs", IMAGES="/nowhere")

    (row,) = result["rows"]
    assert row["peer"] == "skipped: HARVEST_WEIGHTS=DIR (an open_clip folder) is not given"
