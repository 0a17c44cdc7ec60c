"""Spreading work over cores, and handing results on in batches that a kill loses at most one of."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

from harvest.processes import cores, spawned_pool

__all__ = ["batches", "digest_over", "in_processes", "in_threads"]

Job = TypeVar("Job")
Result = TypeVar("Result")

_WORTH_A_POOL = 48  # starting a process costs about as much as this many small pictures
_AHEAD = 8  # jobs a worker that wait or are done and not fetched yet


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


def digest_over(parts: Iterable[object]) -> str:
    """Hex sha256 over the text of each of `parts`, in order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


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
