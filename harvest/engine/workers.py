"""Processes that decode: each has its pipe, pixels come back through shared memory, and a death costs one image."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harvest.engine.look import Fault, Order, Seen, look_at
from harvest.errors import HarvestError
from harvest.processes import spawned

__all__ = ["Job", "Plane", "Reader", "Workers", "see"]

Reader = Callable[[str], bytes]  # path -> encoded bytes; picklable; raises OSError
_WAITING = 3  # jobs at a worker: one under way, others so that it never waits
_ATTEMPTS = 2  # a process may also die for other reasons than its image


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One image: under which `path` its bytes are, and in which `row` of the planes its pixels belong."""

    sha256: str
    path: str
    row: int = 0
    attempt: int = 1


class Plane:
    """Memory that worker processes share: `rows` framed pictures of (side, side, 3) bytes."""

    def __init__(self, rows: int, side: int) -> None:
        self._shape = (rows, side, side, 3)
        self._memory = multiprocessing.get_context("spawn").RawArray(ctypes.c_uint8, rows * side * side * 3)

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """All rows, (rows, side, side, 3)."""
        return np.ctypeslib.as_array(self._memory).reshape(self._shape)


def see(sha256: str, path: str, read: Reader, order: Order) -> Seen:
    """Read an image and look at it; bytes that cannot be read are a fault of the kind `gone`."""
    try:
        body = read(path)
    except OSError as error:
        return Seen(sha256=sha256, fault=Fault(kind="gone", words=str(error)))
    return look_at(sha256, body, order)


class Workers:
    """`count` processes that carry out an order. One thread gives them jobs and takes what they made."""

    def __init__(self, count: int, read: Reader, order: Order, planes: tuple[Plane, ...]) -> None:
        self._terms = (read, order, planes)
        self._again: deque[Job] = deque()
        self._crew = [self._hire() for _ in range(count)]

    @property
    def busy(self) -> int:
        """Jobs that were given and not answered yet."""
        return sum(len(worker.jobs) for worker in self._crew) + len(self._again)

    def free(self) -> bool:
        """Whether a worker can take another job."""
        return any(len(worker.jobs) < _WAITING for worker in self._crew)

    def give(self, job: Job) -> None:
        """Let the worker with the least to do carry out a job."""
        worker = min(self._crew, key=lambda worker: len(worker.jobs))
        worker.jobs.append(job)
        worker.send(job)

    def take(self, seconds: float | None = None) -> list[tuple[Job, Seen]]:
        """What was made since, without its pixels, which are in the planes; waits for something.

        Raises what a worker raised, and HarvestError when workers die before they have begun.
        """
        found = []
        by_pipe = {worker.pipe: worker for worker in self._crew}
        for pipe in wait([*by_pipe], seconds):
            worker = by_pipe[pipe]  # type: ignore[index] # what went in comes out
            try:
                answer = worker.pipe.recv()
            except (EOFError, OSError):
                found += self._bury(worker)
                continue
            if isinstance(answer, BaseException):
                raise answer
            if answer is None:
                worker.is_ready = True
                continue
            found.append((worker.jobs.popleft(), answer))
        while self._again and self.free():
            self.give(self._again.popleft())
        return found

    def close(self) -> None:
        """End all processes."""
        for worker in self._crew:
            worker.pipe.close()
        for worker in self._crew:
            worker.process.terminate()
            worker.process.join()

    def _hire(self) -> _Worker:
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        process = spawned(_work, theirs, *self._terms)
        theirs.close()
        return _Worker(process, ours)

    def _bury(self, worker: _Worker) -> list[tuple[Job, Seen]]:
        """Put another in the place of a worker that died; the job that it was at is tried once more, then given up."""
        worker.process.join()
        worker.pipe.close()
        if not worker.is_ready:
            raise HarvestError(
                f"a process that decodes images ended with {worker.process.exitcode} before it began; "
                "is there memory left? Fewer images at a time need less"
            )
        self._crew[self._crew.index(worker)] = self._hire()
        jobs = list(worker.jobs)
        if not jobs:
            return []
        first, rest = jobs[0], jobs[1:]
        self._again.extend(rest)
        if first.attempt < _ATTEMPTS:
            self._again.append(replace(first, attempt=first.attempt + 1))
            return []
        words = f"the process that decoded it ended with {worker.process.exitcode}"
        return [(first, Seen(sha256=first.sha256, fault=Fault(kind="crash", words=words)))]


class _Worker:
    def __init__(self, process: BaseProcess, pipe: Connection[Any, Any]) -> None:
        self.process, self.pipe = process, pipe
        self.jobs: deque[Job] = deque()
        self.is_ready = False

    def send(self, job: Job) -> None:
        with contextlib.suppress(OSError):  # it died; `take` finds out and gives its jobs to another
            self.pipe.send(job)


def _work(pipe: Connection[Any, Any], read: Reader, order: Order, planes: tuple[Plane, ...]) -> None:
    pixels = [plane.pixels for plane in planes]
    pipe.send(None)
    while True:
        try:
            job: Job = pipe.recv()
        except EOFError:
            return
        try:
            seen = see(job.sha256, job.path, read, order)
            for plane, framed in zip(pixels, seen.pixels, strict=bool(seen.pixels)):
                plane[job.row] = framed
            pipe.send(replace(seen, pixels=()))
        except Exception as error:
            error.add_note("".join(traceback.format_exc()))
            pipe.send(error)
            return
