"""The bench of layouts still runs: a small one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent


@pytest.mark.long
def test_the_bench_of_layouts_finds_ours_the_best_on_colours(tmp_path):
    command = [sys.executable, BENCH / "bench_layout.py", *("--sets", "colours", "--sizes", "3000", "--repeats", "1")]
    environment = {**os.environ, "BENCH_RESULTS": str(tmp_path)}

    done = subprocess.run(
        [*command, "--tiles", "0", "--images", "0"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "layout.json").read_text())["rows"]
    (above,) = [row for row in rows if row["metric"] == "colours: DPQ16 above the best peer"]
    assert above["ours"] > 0
    assert all(row["met"] for row in rows if "memory" in row["metric"] or "cost of" in row["metric"])
