"""The bench of text still runs: a few pictures, and the rule is not worse than none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.long
def test_shares_of_text_are_compared_with_those_of_the_bare_detector(tmp_path):
    bench = Path(__file__).parent / "bench_text.py"
    environment = {**os.environ, "BENCH_RESULTS": str(tmp_path), "EACH": "2", "IMAGES": ""}

    done = subprocess.run([sys.executable, bench], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["metric"]: row for row in json.loads((tmp_path / "text.json").read_text())["rows"]}
    assert rows["mean error of the share"]["ours"] < 0.06
    assert rows["more than 20% text: recall"]["ours"] == 1.0
    assert rows["more than 20% text: precision"]["ours"] >= rows["more than 20% text: precision"]["peer_value"]
