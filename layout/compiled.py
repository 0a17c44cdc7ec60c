"""How loops over arrays are compiled, and spread over the processor's cores, so that these change no bit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numba

__all__ = ["called", "compiled", "in_parts", "inlined", "one_thread_a_product"]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as machine code that runs without Python's lock, kept on disk where there is a place for it."""
    made: Callable[..., Any]
    try:
        made = numba.njit(nogil=True, cache=True, fastmath=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written to
        made = numba.njit(nogil=True, fastmath=True)(function)
    return made


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as part of those compiled ones that call it: passing many arrays on costs more than short loops do."""
    made: Callable[..., Any] = numba.njit(inline="always", fastmath=True)(function)
    return made


def called(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` for compiled ones to call, each term rounded as it is written.

    All loops of a process that call it share one machine code, that of whichever is loaded first: were they free to
    round otherwise, it would depend on the order of loading what they find.
    """
    made: Callable[..., Any] = numba.njit(nogil=True, fastmath=False)(function)
    return made


def in_parts(work: Callable[..., Any], count: int, *given: object, least: int = 1) -> None:
    """Call `work(first, last, *given)` for parts of 0 .. count - 1, on all cores. Parts must not touch each other.

    A part is of at least `least`, for a thread takes time to start.

    Threads of our own instead of numba's: those cannot be entered by two threads at once, nor survive a fork.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parts = min(count // least, 4 * cores)
    if parts < 2 or cores < 2:
        work(0, count, *given)
        return
    edges = [count * part // parts for part in range(parts + 1)]
    with ThreadPoolExecutor(cores) as pool:
        done = [pool.submit(work, first, last, *given) for first, last in pairwise(edges)]
    for part in done:
        part.result()


@contextmanager
def one_thread_a_product() -> Iterator[None]:
    """Matrix products within are each made by one thread: the number of threads changes their last bits."""
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - comes with scikit-learn

    with threadpool_limits(limits=1):
        yield
