"""The museum as a process of its own, started and stopped by whoever needs one."""

from __future__ import annotations

import json
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Self

from harvest.demo.museum.exhibit import TRUTH
from harvest.demo.museum.flickr import FLICKR_KEY
from harvest.demo.museum.plan import Scale
from harvest.demo.museum.planted import Planted, read_truth
from harvest.demo.museum.server import Logged
from harvest.errors import HarvestError

__all__ = ["Museum"]


class Museum:
    """Context manager: a museum that serves from a process of its own while the block runs.

    `cache` keeps the drawings between runs; what is not there yet is drawn before the block begins. Raises HarvestError
    when the museum does not start.
    """

    def __init__(self, cache: Path, seed: int = 0, scale: Scale = "full") -> None:
        self.cache, self.seed, self.scale = cache, seed, scale
        self.proxy = ""
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        options = ["--cache", str(self.cache), "--seed", str(self.seed), "--scale", self.scale]
        command = [sys.executable, "-m", "harvest.demo.museum", *options]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self.__exit__(None, None, None)
            raise HarvestError(f"the demo museum did not start (exit code {code}); try: {' '.join(command)}")
        self.proxy = json.loads(line)["proxy"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the demo's source configs name."""
        return {"MUSEUM_PROXY": self.proxy, "MUSEUM_FLICKR_KEY": FLICKR_KEY}

    @property
    def truth(self) -> tuple[Planted, ...]:
        """What is planted where."""
        return read_truth(self._ask("/truth.jsonl"))

    @property
    def requests(self) -> tuple[Logged, ...]:
        """Every request answered so far, in order."""
        return tuple(Logged(**line) for line in json.loads(self._ask("/requests.json")))

    def _ask(self, path: str) -> str:
        host, port = self.proxy.removeprefix("http://").split(":")
        connection = HTTPConnection(host, int(port), timeout=30)
        try:
            connection.request("GET", path, headers={"Host": TRUTH})
            return connection.getresponse().read().decode()
        finally:
            connection.close()
