"""A model on its device: fixed batches with a padded tail, in the precision that the device is quick in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from harvest.embedders.base import Embedder
from harvest.engine.devices import Device, best_device, is_out_of_memory
from harvest.engine.network import Network, Pending, Towered

__all__ = ["Runner"]

_PLAIN = Device(kind="cpu", words="CPU", batch=64)  # for embedders that are no neural networks


class Runner:
    """Vectors of framed pictures by one embedder, on the best device there is.

    Networks run in fixed batches of `batch` pictures, the last one filled up, so that an image has the same vector
    whatever else is embedded with it; `batch` is halved, for good, when memory runs out. `images`, how many there
    will be, decides whether compiling the network pays. Not safe in threads.
    """

    def __init__(
        self, embedder: Embedder, *, batch: int | None = None, device: Device | None = None, images: int = 0
    ) -> None:
        self._embedder = embedder
        self.model_id = embedder.model_id
        self.framing = embedder.framing
        self.device = device or (best_device() if isinstance(embedder, Towered) else _PLAIN)
        self.batch = batch or self.device.batch
        self.network = Network(embedder, self.device, self.framing.side) if isinstance(embedder, Towered) else None
        self.precision = self.network.precision if self.network else "float32"
        # Compiled where it was built for: on processors it takes minutes, which a run seldom wins back.
        if self.network and self.device.kind == "cuda" and self.network.compile_for(images, self.batch):
            self.precision += ", compiled"

    @property
    def where(self) -> str:
        """Device and precision in words."""
        return f"{self.device.words}, {self.precision}" if self.network else self.device.words

    @property
    def at_once(self) -> int:
        """How many pictures keep the device busy."""
        return self.batch * self.device.lanes

    def vectors(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of framed pictures (n, side, side, 3), any number of them from 1 on."""
        return self.submit(pixels)()

    def submit(self, pixels: NDArray[np.uint8]) -> Pending:
        """Begin with framed pictures (n, side, side, 3), which may change once this returns.

        The call that comes back waits for their vectors, which are computed meanwhile; it raises what torch raises when
        not even one picture fits into memory, if this did not.
        """
        if self.network is None:
            found = self._embedder.images(pixels)
            return lambda: found
        if self.device.lanes == 1:
            parts = self._begun(pixels)
            return lambda: np.concatenate([part() for part in parts])
        size, pixels = self.batch, pixels.copy()
        futures = [self._lanes.submit(self._begun, pixels[at : at + size]) for at in range(0, len(pixels), size)]
        return lambda: np.concatenate([part() for future in futures for part in future.result()])

    def _begun(self, pixels: NDArray[np.uint8]) -> list[Pending]:
        """Batches that are under way; smaller ones from where memory ran out."""
        assert self.network is not None
        parts: list[Pending] = []
        at = 0
        while at < len(pixels):
            size = self.batch
            part = pixels[at : at + size]
            try:
                parts.append(self.network.begin(part, size))
            except Exception as error:
                if size == 1 or not is_out_of_memory(error):
                    raise
                self.network.release()
                self.batch = min(self.batch, size // 2)
                continue
            at += len(part)
        return parts

    @cached_property
    def _lanes(self) -> ThreadPoolExecutor:
        import torch  # noqa: PLC0415 - here already, where there is a network

        return ThreadPoolExecutor(self.device.lanes, initializer=torch.set_num_threads, initargs=(1,))
