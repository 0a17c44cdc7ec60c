"""The bench of embedding still runs: a small one, with the demonstration model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harvest.embedders import find_weights

BENCH = Path(__file__).parent


def run(tmp_path: Path, *arguments: object) -> dict[str, object]:
    command = [sys.executable, BENCH / "bench_embed.py", "--repeats", "1", *arguments]
    environment = {**os.environ, "BENCH_RESULTS": str(tmp_path)}
    done = subprocess.run(
        [str(part) for part in command], env=environment, capture_output=True, text=True, timeout=800, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((tmp_path / "embed.json").read_text())


@pytest.mark.long
@pytest.mark.slow
def test_the_ways_to_embed_are_compared_and_the_limit_is_named(tmp_path):
    folder = find_weights("harvest-demo").files[0].parent

    result = run(tmp_path, "--images", "60", "--model", f"local-dir:{folder}")

    rows = {row["metric"]: row for row in result["rows"]}
    assert (result["images"], set(rows)) == (
        60,
        {
            "embed",
            "embed, of the model alone",
            "decoding alone",
            "peak memory of one process",
        },
    )
    assert all(row["ratio"] > 0 for row in rows.values())
    assert 0 < result["share_of_time_decoding"] < 1
    assert "is the limit" in result["limit"]


@pytest.mark.long
@pytest.mark.slow
def test_memory_does_not_grow_with_the_images(tmp_path):
    folder = find_weights("harvest-demo").files[0].parent

    result = run(tmp_path, "--images", "60", "--model", f"local-dir:{folder}", "--memory", "--small", "500", "10000")

    (row,) = [row for row in result["rows"] if row["metric"].startswith("peak memory of harvest embed")]
    assert row["met"], row
