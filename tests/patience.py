"""How tests wait for what must come: a shared machine may be slow for minutes, which says nothing about the code."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PATIENCE = 240.0  # seconds after which something hangs; less than the time that pytest gives a test


def wait_until(condition: Callable[[], object], *processes: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """Look again and again until it holds. None of `processes` may end before."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "this takes too long"
        assert all(process.poll() is None for process in processes), "a process has ended before"
        time.sleep(0.02)


def processes_with(word: str) -> list[bytes]:
    """The command lines, other than ours, that have `word`."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines += [path.read_bytes()] if path.parent.name != str(os.getpid()) else []
    return [line for line in lines if word.encode() in line]
