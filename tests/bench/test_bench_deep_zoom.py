"""The bench of Deep Zoom still runs: a small one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent


@pytest.mark.long
def test_the_bench_of_deep_zoom_writes_tiles_and_says_what_they_took(tmp_path):
    command = [sys.executable, BENCH / "deep_zoom.py", "--tiles", "300"]
    environment = {**os.environ, "BENCH_RESULTS": str(tmp_path)}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)

    assert done.returncode == 0, done.stderr
    time, memory = json.loads((tmp_path / "deep_zoom.json").read_text())["rows"]
    assert "300 tiles" in time["metric"]
    assert 0 < time["ours"] < 300
    assert memory["met"]
