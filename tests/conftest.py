"""What tests of the whole share: the command line as users type it, and one finished demo to look at."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# A shared machine may be slow for a moment, which says nothing about the code.
settings.register_profile("patient", parent=settings(), deadline=None)
settings.load_profile("patient")

ROOT = Path(__file__).parent.parent
Completed = subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def harvest() -> Callable[..., Completed]:
    """Run `harvest ...` in a process of its own, as a user would."""

    def run(*arguments: object, cwd: Path = ROOT, **environment: str) -> Completed:
        command = [sys.executable, "-m", "harvest", *map(str, arguments)]
        return subprocess.run(
            command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="session")
def small_demo(harvest: Callable[..., Completed], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of `harvest demo --scale small`: look, do not touch; `copy_of_demo` is for breaking."""
    workspace = tmp_path_factory.mktemp("demo") / "workspace"
    answer = harvest("demo", "--scale", "small", "-w", workspace)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return workspace


@pytest.fixture
def copy_of_demo(small_demo: Path, tmp_path: Path) -> Path:
    """A copy of the small demo's workspace that a test may break."""
    return Path(shutil.copytree(small_demo, tmp_path / "workspace"))
