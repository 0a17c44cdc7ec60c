"""Worker processes that start light, leave Ctrl-C to their parent, and are gone when it is."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

__all__ = ["cores", "spawned", "spawned_pool"]

_main_lock = threading.Lock()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spawned_pool(count: int) -> ProcessPoolExecutor:
    """A pool of `count` processes, all started. Spawned, not forked: libraries with threads may be running here."""
    pool = ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"), initializer=_settle)
    with _bare_main():
        pool.submit(os.getpid)  # a pool that spawns starts all its processes with the first job
    return pool


def spawned(function: Callable[..., object], *arguments: Any) -> BaseProcess:
    """A process that does `function(*arguments)`, started; sockets among the arguments are handed over."""
    process = multiprocessing.get_context("spawn").Process(target=_settled, args=(function, *arguments), daemon=True)
    with _bare_main():
        process.start()
    return process


def _settled(function: Callable[..., object], *arguments: Any) -> None:
    _settle()
    function(*arguments)


def _settle() -> None:
    """What a worker does first: leave Ctrl-C to its parent, keep to one core, and die when the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


@contextmanager
def _bare_main() -> Iterator[None]:
    """While processes start, hide the main module: spawn would import it, and all that it imports, in each of them."""
    with _main_lock:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
