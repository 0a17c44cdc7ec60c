"""Commands in forks of a process that has imported everything they need: for small crawls that is half of their time.

with Forked("harvest.crawl", imports=["harvest.crawl.process"]) as crawls: crawls.run(["source.yaml"], cwd=folder)
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parent.parent
_LONGEST = 1 << 20  # bytes of one order


class Forked:
    """Runs `python -m MODULE ARGUMENTS` as often as wanted, each time in a new process.

    `imports` are modules, and packages with all that they hold, that are imported before.
    """

    def __init__(self, module: str, imports: Sequence[str]) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "tests.forked", str(theirs.fileno()), module, *imports]
            self._server = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._orders.close()
        self._server.wait()

    def run(self, arguments: Sequence[str], *, cwd: Path, timeout: float) -> subprocess.CompletedProcess[str]:
        """What the command gave back, with the environment that is ours now. Raises TimeoutError, and kills it then."""
        order = json.dumps([list(arguments), str(cwd), dict(os.environ)]).encode()
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as words:
            answers, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with answers:
                with theirs:
                    socket.send_fds(self._orders, [order], [out.fileno(), words.fileno(), theirs.fileno()])
                answers.settimeout(timeout)
                process = int(answers.recv(64))
                try:
                    code = int(answers.recv(64))
                except TimeoutError:
                    os.kill(process, signal.SIGKILL)
                    raise
            out.seek(0)
            words.seek(0)
            return subprocess.CompletedProcess(list(arguments), code, out.read(), words.read())


def _import(name: str) -> None:
    module = importlib.import_module(name)
    for found in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{name}."):
        if not found.name.endswith("__main__"):
            _import(found.name)


def _serve(orders: socket.socket, module: str) -> None:
    """Fork for every order until there are no more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        order, files, _, _ = socket.recv_fds(orders, _LONGEST, 3)
        if not order:
            return
        if os.fork() == 0:
            orders.close()
            _attend(order, files, module)
        for file in files:
            os.close(file)


def _attend(order: bytes, files: Sequence[int], module: str) -> None:
    """In a process of its own: fork once more, and say how that one ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out, words, answer = files
    command = os.fork()
    if command == 0:
        os.close(answer)
        _become(order, out, words, module)
    for file in (out, words):
        os.close(file)
    with socket.socket(fileno=answer) as waiting:
        waiting.send(str(command).encode())
        _, status = os.waitpid(command, 0)
        waiting.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(order: bytes, out: int, words: int, module: str) -> None:
    """In that one: be what `python -m MODULE` would have been."""
    arguments, cwd, environment = json.loads(order)
    os.dup2(out, 1)
    os.dup2(words, 2)
    for file in (out, words):
        os.close(file)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        gc.unfreeze()
    sys.exit()


if __name__ == "__main__":
    number, module, *imports = sys.argv[1:]
    for name in imports:
        _import(name)
    gc.freeze()  # what is imported is not looked at again, and so not copied
    _serve(socket.socket(fileno=int(number)), module)
    gc.unfreeze()
