"""Work spread over cores, by processes that start light, leave Ctrl-C to their parent, and are gone when it is."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
import threading
import time
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

__all__ = ["batches", "behind", "cores", "in_processes", "in_threads", "spawned", "spawned_pool"]

Job = TypeVar("Job")
Result = TypeVar("Result")

_WORTH_A_POOL = 48  # starting a process costs about as much as this many small pictures
_AHEAD = 8  # jobs a worker that wait or are done and not fetched yet

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


def in_processes(function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
    """`function` of each of `jobs`, in their order, over all cores; in this process when there are few.

    Only some jobs are ahead of the results that were taken, so memory does not grow with their number. `function` and
    `jobs` have to be picklable.
    """
    if cores() == 1 or len(jobs) < _WORTH_A_POOL:
        yield from map(function, jobs)
        return
    with spawned_pool(cores()) as pool:
        yield from _bounded(pool, function, jobs, cores() * _AHEAD)


def in_threads(function: Callable[[Job], Result], jobs: Iterable[Job], *, ahead: int) -> Iterator[Result]:
    """`function` of each of `jobs`, in their order, in as many threads as cores, at most `ahead` not taken yet."""
    with ThreadPoolExecutor(cores()) as pool:
        yield from _bounded(pool, function, jobs, ahead)


def behind(function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
    """`function` of each of `jobs`, in their order, in one thread: while it works, the next job is made."""
    with ThreadPoolExecutor(1) as pool:
        yield from _bounded(pool, function, jobs, 2)


def batches(items: Iterable[Job], size: int, *, seconds: float = 5.0) -> Iterator[list[Job]]:
    """`items` in lists of at most `size`, sooner when `seconds` went by since the last."""
    batch: list[Job] = []
    started = time.monotonic()
    for item in items:
        batch.append(item)
        if len(batch) >= size or time.monotonic() - started >= seconds:
            yield batch
            batch, started = [], time.monotonic()
    if batch:
        yield batch


def _bounded(pool: Executor, function: Callable[[Job], Result], jobs: Iterable[Job], ahead: int) -> Iterator[Result]:
    waiting = iter(jobs)
    running = deque(pool.submit(function, job) for job in itertools.islice(waiting, ahead))
    try:
        while running:
            result = running.popleft().result()
            running.extend(pool.submit(function, job) for job in itertools.islice(waiting, 1))
            yield result
    finally:
        for future in running:
            future.cancel()


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
