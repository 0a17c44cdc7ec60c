"""Real servers on loopback ports: each is started for the tests that need it, and its absence is a failure."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.crawl.conftest import Desk, Site, crawls, desk, jpeg, site  # noqa: E402, F401 - fixtures
from tests.patience import wait_until  # noqa: E402


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    """Whether somebody is there; a front that waits for the server behind it says 503."""
    try:
        urlopen(url, timeout=30).close()
    except HTTPError as error:
        return error.code < 500
    except OSError:
        return False
    return True


@contextlib.contextmanager
def running(command: Sequence[str], url: str, log: Path, cwd: Path) -> Iterator[None]:
    """A server in a process of its own, from the moment when `url` answers until the end of the block."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=cwd)
    try:
        try:
            wait_until(lambda: _answers(url), process)
        except AssertionError as error:
            pytest.fail(f"{command[0]} did not start: {error}:\n{log.read_text(errors='replace')[-2000:]}")
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
