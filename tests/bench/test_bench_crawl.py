"""The comparisons still run: a small one of each, without a peer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent


@pytest.mark.long
@pytest.mark.slow
def test_the_crawl_s_comparison_crawls_and_checks_what_it_got():
    command = [sys.executable, BENCH / "bench_crawl.py", "--images", "200", "--distinct", "20", "--repeats", "1"]

    done = subprocess.run([*command, "--only-ours"], capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ours: ")
    assert "ms CPU an image" in done.stdout
