"""Images looked at ahead of whoever needs them, in batches: in worker processes when they are many, else in threads."""

from __future__ import annotations

import itertools
import queue
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from harvest.engine.look import Order, Seen
from harvest.engine.workers import Job, Plane, Reader, Workers, see
from harvest.processes import batches, cores, in_threads

__all__ = ["Batch", "look"]

_WORTH_PROCESSES = 48  # starting them costs about as much as this many pictures
_PATIENCE = 1.0  # seconds after which the thread looks whether it is still wanted
_AHEAD = 2  # batches that are being decoded while others are used


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Images in the order in which they were asked for, and their pixels for each framing of the order.

    `pixels` are (n, side, side, 3), a row for each of `seen`, of no meaning where that has a fault; they are valid
    until the next batch is asked for.
    """

    seen: Sequence[Seen]
    pixels: tuple[NDArray[np.uint8], ...] = field(default=(), repr=False)


def look(
    images: Iterable[tuple[str, str]],
    read: Reader,
    order: Order,
    *,
    batch: int = 64,
    total: int | None = None,
    workers: int | None = None,
) -> Generator[Batch]:
    """Look at images, given as (sha256, path), and yield what was seen in batches of at most `batch`, in their order.

    `read` gives the bytes at a path and goes to worker processes. With `total` below some fifty images, threads of this
    process do it instead. Memory is bounded by the batches under way. An image that cannot be read or decoded, or that
    kills its process, is a `Seen` with a fault; other errors of workers are raised.
    """
    if total is not None and total < _WORTH_PROCESSES and workers is None:
        yield from _in_threads(images, read, order, batch)
        return
    with closing(_Pipeline(read, order, batch, workers or cores())) as pipeline:
        yield from pipeline.run(images)


def _in_threads(images: Iterable[tuple[str, str]], read: Reader, order: Order, size: int) -> Iterator[Batch]:
    def seen(image: tuple[str, str]) -> Seen:
        return see(*image, read, order)

    blank = [np.zeros((framing.side, framing.side, 3), np.uint8) for framing in order.framings]
    for group in batches(in_threads(seen, images, ahead=2 * size), size, seconds=60):
        pixels = tuple(
            np.stack([one.pixels[place] if one.pixels else nothing for one in group])
            for place, nothing in enumerate(blank)
        )
        yield Batch(seen=group, pixels=pixels)


class _Pipeline:
    """A thread that keeps workers busy, some batches ahead of the consumer; pixels lie in a ring of batches."""

    def __init__(self, read: Reader, order: Order, size: int, workers: int) -> None:
        self._size = size
        self._depth = _AHEAD + 1 + -(-2 * workers // size)
        planes = tuple(Plane(self._depth * size, framing.side) for framing in order.framings)
        self._pixels = [plane.pixels for plane in planes]
        self._start = partial(Workers, workers, read, order, planes)
        self._free = threading.Semaphore(self._depth)
        self._done: queue.Queue[Batch | BaseException | None] = queue.Queue()
        self._is_over = threading.Event()

    def run(self, images: Iterable[tuple[str, str]]) -> Iterator[Batch]:
        """Batches in order; a batch's place in the ring is free again when the next is asked for."""
        self._thread = threading.Thread(target=self._feed, args=(iter(images),), daemon=True)
        self._thread.start()
        while (batch := self._done.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield batch
            self._free.release()

    def close(self) -> None:
        """Stop, wherever it is."""
        self._is_over.set()
        self._free.release()
        self._thread.join()

    def _feed(self, images: Iterator[tuple[str, str]]) -> None:
        try:
            with closing(self._start()) as workers:
                self._carry_out(images, workers)
            self._done.put(None)
        except BaseException as error:
            self._done.put(error)

    def _carry_out(self, images: Iterator[tuple[str, str]], workers: Workers) -> None:
        under_way: deque[_Open] = deque()
        waiting: deque[Job] = deque()
        number, is_exhausted = 0, False
        while not self._is_over.is_set() and (workers.busy or waiting or not is_exhausted):
            if not waiting and not is_exhausted and self._free.acquire(blocking=not workers.busy):
                group = list(itertools.islice(images, self._size))
                is_exhausted = len(group) < self._size
                under_way.append(_Open(number, self._depth, self._size, group))
                waiting.extend(under_way[-1].jobs)
                number += 1
            while waiting and workers.free():
                workers.give(waiting.popleft())
            for job, seen in workers.take(_PATIENCE):
                next(one for one in under_way if job.row in one.rows).put(job.row, seen)
            while under_way and not under_way[0].missing:
                self._emit(under_way.popleft())

    def _emit(self, finished: _Open) -> None:
        rows = slice(finished.rows.start, finished.rows.stop)
        if finished.seen:
            self._done.put(Batch(seen=finished.seen, pixels=tuple(pixels[rows] for pixels in self._pixels)))


class _Open:
    """A batch whose images are being looked at, in the rows of the ring that are its own."""

    def __init__(self, number: int, depth: int, size: int, images: Sequence[tuple[str, str]]) -> None:
        start = number % depth * size
        self.rows = range(start, start + len(images))
        self.jobs = [
            Job(sha256=sha256, path=path, row=row) for row, (sha256, path) in zip(self.rows, images, strict=True)
        ]
        self.missing = len(images)
        self._seen: list[Seen | None] = [None] * len(images)

    @property
    def seen(self) -> list[Seen]:
        """All that was seen, in order."""
        return [seen for seen in self._seen if seen is not None]

    def put(self, row: int, seen: Seen) -> None:
        """Take what was made for a row."""
        self._seen[row - self.rows.start] = seen
        self.missing -= 1
