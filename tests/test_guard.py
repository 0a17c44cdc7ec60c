"""`spiders` and `layout` are common names: a foreign one is noticed before it does harm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def harvest(*arguments: str, cwd: Path, pythonpath: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(pythonpath or "")}
    command = [sys.executable, "-W", "error", "-c", "from harvest.cli.main import main; main()", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_a_foreign_package_of_the_same_name_is_named_with_the_ways_out(tmp_path: Path) -> None:
    foreign = tmp_path / "elsewhere" / "layout"
    foreign.mkdir(parents=True)
    (foreign / "__init__.py").write_text("")

    answer = harvest("status", cwd=tmp_path, pythonpath=foreign.parent)

    assert answer.returncode == 2
    assert f"{foreign} is not the 'layout' that belongs to herbarium-harvester" in answer.stderr
    assert "out of PYTHONPATH" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_our_own_packages_pass(tmp_path: Path) -> None:
    answer = harvest("--version", cwd=tmp_path, pythonpath=ROOT)

    assert answer.returncode == 0
    assert answer.stdout.startswith("harvest, version ")
