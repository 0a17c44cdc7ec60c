"""The bench of dedupe still runs: a small one, with the peers that are there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent


@pytest.mark.long
@pytest.mark.slow
def test_the_dedupe_s_bench_finds_copies_and_compares_speeds(tmp_path):
    command = [sys.executable, BENCH / "bench_dedupe.py", "--pictures", "8", "--hashes", "5000", "--photographs", "3"]
    environment = {**os.environ, "BENCH_RESULTS": str(tmp_path)}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1200, check=False)

    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "dedupe.json").read_text())
    recall = result["recall"]
    assert (result["pictures"], result["others"], len(recall["all together"])) == (8, 8, 26)
    assert recall["all together"]["jpeg 60"] == 1
    assert recall["all together"]["crop 10 % a side"] > recall["imagehash.phash within 8"]["crop 10 % a side"]
    assert result["precision"]["all together"] == [1.0, 0]
