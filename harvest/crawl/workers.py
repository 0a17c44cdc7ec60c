"""A pool of processes that fingerprint images: light to start, rebuilt when one dies, gone when the crawl is."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace

from harvest.errors import Broken
from harvest.items import Fingerprint, Signal
from harvest.processes import cores, spawned_pool

__all__ = ["Identified", "Workers"]

_MOST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """What a worker found: a fingerprint, or the reason why there is none; `signals` are what the bytes refuse."""

    sha256: str
    fingerprint: Fingerprint | None = None
    reason: str | None = None
    signals: tuple[Signal, ...] = ()


class Workers:
    """`count` processes, 0 for one a core and at most four."""

    def __init__(self, count: int = 0) -> None:
        self._count = count or min(_MOST, cores())
        self._pool: ProcessPoolExecutor | None = None

    def start(self) -> None:
        """Start all processes now."""
        self._pool = self._new_pool()

    def close(self) -> None:
        """End the processes; waits for them."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    async def identify(self, body: bytes, max_pixels: int) -> Identified:
        """Fingerprint `body` in a worker. Raises BrokenProcessPool when workers died under it twice."""
        try:
            return await self._submit(body, max_pixels)
        except BrokenProcessPool:
            # Every image in the pool gets this error, though one of them did it: each tries again by itself.
            return await asyncio.to_thread(_alone, body, max_pixels)

    async def _submit(self, body: bytes, max_pixels: int) -> Identified:
        if self._pool is None:
            self._pool = self._new_pool()
        pool = self._pool
        try:
            return await asyncio.wrap_future(pool.submit(_identify, body, max_pixels))
        except BrokenProcessPool:
            if self._pool is pool:
                self._pool = None
                pool.shutdown(wait=False)
            raise

    def _new_pool(self) -> ProcessPoolExecutor:
        pool = spawned_pool(self._count)
        for _ in range(self._count):
            pool.submit(_wake)
        return pool


def _alone(body: bytes, max_pixels: int) -> Identified:
    """Fingerprint in a process of its own. Raises BrokenProcessPool when it dies."""
    with spawned_pool(1) as pool:
        return pool.submit(_identify, body, max_pixels).result()


def _wake() -> None:
    from harvest.images import fingerprint  # noqa: F401, PLC0415 - decoders load while the first page is on its way


def _identify(body: bytes, max_pixels: int) -> Identified:
    from harvest.images.credentials import read_credentials  # noqa: PLC0415
    from harvest.images.fingerprint import fingerprint  # noqa: PLC0415 - only workers need the decoders

    try:
        found = fingerprint(body, max_pixels=max_pixels)
    except Broken as error:
        return Identified(sha256=hashlib.sha256(body).hexdigest(), reason=f"{error.kind}: {error}")
    said = read_credentials(body, found.format)
    found = replace(found, digital_source_type=found.digital_source_type or said.digital_source_type)
    return Identified(sha256=found.sha256, fingerprint=found, signals=said.signals)
