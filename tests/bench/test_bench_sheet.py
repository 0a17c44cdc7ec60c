"""The bench of contact sheets still runs: a small one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent


@pytest.mark.long
def test_the_bench_of_sheets_makes_one_from_a_crawl(tmp_path):
    command = [sys.executable, BENCH / "bench_sheet.py", "--tiles", "40"]
    environment = {**os.environ, "BENCH_RESULTS": str(tmp_path)}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)

    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "sheet.json").read_text())["rows"]
    assert rows[0]["metric"].startswith("40 tiles")
    assert rows[0]["ours"] > 0
    assert all(row["met"] for row in rows if "SSIM" in row["metric"])
