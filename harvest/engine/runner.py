"""A model on its device: fixed batches with a padded tail, in the precision that the device is quick in."""

from __future__ import annotations

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
    whatever else is embedded with it; `batch` is halved, for good, when memory runs out. `images`, how many
    there will be, decides whether compiling the network pays. Not safe in threads.
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
        # On processors compiling was not seen to pay.
        if self.network and self.device.kind == "cuda" and self.network.compile_for(images, self.batch):
            self.precision += ", compiled"

    @property
    def where(self) -> str:
        """Device and precision in words."""
        return f"{self.device.words}, {self.precision}" if self.network else self.device.words

    def vectors(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of framed pictures (n, side, side, 3), any number of them from 1 on."""
        return self.submit(pixels)()

    def submit(self, pixels: NDArray[np.uint8]) -> Pending:
        """Begin with framed pictures (n, side, side, 3), which may change once this returns.

        The call that comes back gives their vectors. On a GPU they are computed meanwhile; on a processor they are
        computed already. Raises what torch raises when not even one picture fits into memory.
        """
        if self.network is None:
            found = self._embedder.images(pixels)
            return lambda: found
        parts: list[Pending] = []
        at = 0
        while at < len(pixels):
            part = pixels[at : at + self.batch]
            try:
                parts.append(self.network.begin(part, self.batch))
            except Exception as error:
                if self.batch == 1 or not is_out_of_memory(error):
                    raise
                self.network.release()
                self.batch //= 2
                continue
            at += len(part)
        return lambda: np.concatenate([part() for part in parts])
