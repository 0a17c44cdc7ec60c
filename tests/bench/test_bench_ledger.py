"""The bench of the ledger still runs: a small one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent


@pytest.mark.long
def test_the_ledger_s_bench_runs_every_command_and_counts_what_it_left(tmp_path):
    command = [sys.executable, BENCH / "bench_ledger.py", "--images", "2000", "--journalled", "500"]
    environment = {**os.environ, "BENCH_RESULTS": str(tmp_path)}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)

    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "ledger.json").read_text())
    assert (result["images"], result["sightings"], result["decisions"]) == (2500, 6500, 15_000)
    measured = {row["metric"].partition(" (")[0] for row in result["rows"]}
    assert {"status", "dedupe", "filter, five of them", "audit, no files", "Parquet of all tables"} <= measured
