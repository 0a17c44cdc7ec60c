"""Processes that handle the bytes of images: light to start, replaced when one dies, gone when the crawl is.

Each has a socket of its own, over which bodies go out and findings come back, in a frame each: the length of what is
pickled, the length of the body, both. One copy into the kernel, one out of it, no thread in between.
"""

from __future__ import annotations

import asyncio
import ctypes
import pickle
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess

from harvest.config.sizes import SizeConfig
from harvest.images.tombstones import Tombstones
from harvest.items import Derivative, Fingerprint, Signal
from harvest.processes import cores, spawned
from harvest.store import Store

__all__ = ["Finding", "Orders", "WorkerDied", "Workers"]

_MOST = 4
_BACKLOG = 4  # images that every worker has when another is started
_BUFFER = 1 << 20  # bytes that the kernel may hold of what is on its way to a worker
_FRAME = struct.Struct("<II")  # bytes of the pickle, bytes of the body
_ANSWER = struct.Struct("<II")  # number of the job, bytes of the pickle: none when the worker is awake
_KEEPING = 8  # originals that a worker has on their way to the disk, or to a store across a network
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h of the GNU C library


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What holds for all images of a crawl: where they are kept, in which sizes, which refusals are honoured, and what
    was taken down.
    """

    store: Store
    max_pixels: int
    sizes: tuple[SizeConfig, ...] = ()
    honoured: tuple[str, ...] = ()
    tombstones: Tombstones = field(default_factory=Tombstones)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of the bytes of one image.

    With a `reason` they are no usable image, and have no `fingerprint`; `refusal` says that they were taken down.
    `signals` are what they refuse. `path` is where they are kept: on the disk when this is told; None when they are
    refused or when `failure` kept them from it.
    """

    sha256: str
    fingerprint: Fingerprint | None = None
    reason: str | None = None
    refusal: str | None = None
    signals: tuple[Signal, ...] = ()
    path: str | None = None
    is_new: bool = False
    derived: tuple[Derivative, ...] = ()
    failure: str | None = None


class WorkerDied(Exception):
    """A worker died under an image twice, the second time with no other image around."""


class Workers:
    """Up to `count` processes that do what `orders` say, 0 for one a core and at most four: one from the start, another
    whenever all have too much to do. A crawl that keeps to its pace rarely needs two. Used from one event loop.
    """

    def __init__(self, orders: Orders, count: int = 0) -> None:
        self._orders = orders
        self._count = count or min(_MOST, cores())
        self._workers: list[_Worker] = []
        self._apart: _Worker | None = None
        self._choosing = asyncio.Lock()
        self._alone = asyncio.Lock()

    @property
    def pids(self) -> list[int]:
        """The process ids of those that live."""
        return [worker.pid for worker in self._workers if worker.is_alive]

    async def start(self) -> None:
        """Start the first process now, so that it is awake when there is something to do."""
        await self._chosen()

    async def close(self) -> None:
        """End the processes; waits for them."""
        everyone = [*self._workers, *([self._apart] if self._apart else [])]
        self._workers, self._apart = [], None
        for worker in everyone:
            worker.hang_up()
        await asyncio.gather(*(asyncio.to_thread(worker.join) for worker in everyone))

    async def handle(self, body: bytes, title: str | None, image_url: str) -> Finding:
        """Have `body` handled by whoever has least to do. Raises WorkerDied."""
        worker = await self._chosen()
        try:
            return await worker.do(body, title, image_url)
        except WorkerDied:
            # All images that the worker held meet here, though one of them did it: each tries again by itself.
            async with self._alone:
                if self._apart is None or not self._apart.is_alive:
                    self._apart = await _Worker.started(self._orders)
                return await self._apart.do(body, title, image_url)

    async def _chosen(self) -> _Worker:
        """Whoever of those awake has least to do; one more is started where that is too much.

        What a worker that is still waking up was given would be lost with it, long after what came later is kept.
        """
        async with self._choosing:
            self._workers = [worker for worker in self._workers if worker.is_alive]
            awake = [worker for worker in self._workers if worker.is_awake]
            found = min(awake or self._workers, key=lambda worker: worker.load, default=None)
            if found is None or (found.jobs >= _BACKLOG and len(awake) == len(self._workers) < self._count):
                self._workers.append(await _Worker.started(self._orders))
            return found or self._workers[0]


class _Worker(asyncio.Protocol):
    """One process, seen from the crawl."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        self._unread = bytearray()
        self._jobs: dict[int, tuple[asyncio.Future[Finding], int]] = {}
        self._next = 0
        self.load = 0  # bytes under way
        self.is_alive = True
        self.is_awake = False

    @classmethod
    async def started(cls, orders: Orders) -> _Worker:
        """Start a process and talk to it."""
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        with theirs:
            process = spawned(_serve, theirs, orders)
        _, worker = await asyncio.get_running_loop().create_connection(lambda: cls(process), sock=ours)
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def jobs(self) -> int:
        """How many images it has, waiting or in hand."""
        return len(self._jobs)

    async def do(self, body: bytes, title: str | None, image_url: str) -> Finding:
        if not self.is_alive:
            raise WorkerDied
        about = pickle.dumps((self._next, title, image_url), pickle.HIGHEST_PROTOCOL)
        answer: asyncio.Future[Finding] = asyncio.get_running_loop().create_future()
        self._jobs[self._next] = (answer, len(body))
        self._next += 1
        self.load += len(body) + 1
        self._transport.writelines([_FRAME.pack(len(about), len(body)), about, body])
        return await answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while len(self._unread) >= _ANSWER.size:
            number, length = _ANSWER.unpack_from(self._unread)
            end = _ANSWER.size + length
            if len(self._unread) < end:
                return
            if not length:
                self.is_awake = True
                del self._unread[:end]
                continue
            finding = pickle.loads(self._unread[_ANSWER.size : end])  # noqa: S301 - from a process of ours
            del self._unread[:end]
            answer, size = self._jobs.pop(number)
            self.load -= size + 1
            if not answer.done():
                answer.set_result(finding)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.is_alive = False
        for answer, _ in self._jobs.values():
            if not answer.done():
                answer.set_exception(WorkerDied())
        self._jobs.clear()

    def hang_up(self) -> None:
        self._transport.close()

    def join(self) -> None:
        self._process.join()


def _serve(channel: socket.socket, orders: Orders) -> None:
    """A worker's life: one job after another until the crawl hangs up.

    Looking is done at once, one image after another; keeping waits for disks and networks, so it has threads.
    """
    from harvest.crawl.steps.handling import Looked, keep, look  # noqa: PLC0415 - only workers need the decoders

    telling = threading.Lock()
    _hold_memory()

    def finish(number: int, body: bytes, looked: Looked) -> None:
        said = pickle.dumps(keep(body, looked, orders), pickle.HIGHEST_PROTOCOL)
        with telling:
            channel.sendall(_ANSWER.pack(number, len(said)) + said)

    with channel, ThreadPoolExecutor(_KEEPING) as keeping:
        with suppress(ConnectionError):  # the crawl may be over before its worker is awake
            channel.sendall(_ANSWER.pack(0, 0))
        while head := _received(channel, _FRAME.size):
            about_length, body_length = _FRAME.unpack(head)
            number, title, image_url = pickle.loads(_received(channel, about_length))  # noqa: S301 - from our own crawl
            body = _received(channel, body_length)
            keeping.submit(finish, number, body, look(body, title, image_url, orders))


def _hold_memory() -> None:
    """Let the C library keep what pictures gave back, for the next ones: asking the system anew costs a tenth."""
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, 64 << 20)
        library.mallopt(_TRIM_THRESHOLD, 128 << 20)


def _received(channel: socket.socket, length: int) -> bytes:
    """Exactly `length` bytes; none when the other side has hung up."""
    got = channel.recv(length, socket.MSG_WAITALL) if length else b""
    if len(got) == length or not got:
        return got
    rest = _received(channel, length - len(got))
    return got + rest if rest else b""
