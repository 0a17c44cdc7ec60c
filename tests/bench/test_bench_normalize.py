"""The bench of sizes still runs: a small one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent


@pytest.mark.long
def test_the_bench_of_sizes_makes_them_from_a_crawl(tmp_path):
    command = [sys.executable, BENCH / "bench_normalize.py", "--images", "12", "--repeats", "1"]
    environment = {**os.environ, "BENCH_RESULTS": str(tmp_path)}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)

    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "normalize.json").read_text())
    assert {row["metric"] for row in result["rows"]} >= {"the function alone"}
    assert all(speed > 0 for speed in (*result["images_per_second"]["stage"], *result["images_per_second"]["ours"]))
    assert all(row["ratio"] > 0 for row in result["rows"] if "not here" not in row["peer"])
