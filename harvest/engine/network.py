"""An image tower on its device: which precision it keeps its vectors in, and batches under way to it and back."""

from __future__ import annotations

import copy
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harvest.engine.devices import Device

if TYPE_CHECKING:
    import torch

__all__ = ["Network", "Pending", "Towered"]

_AGREEMENT = 0.99975  # cosine to float32 that a quicker precision has to keep: so any two devices agree to .999
_PROBES = 8
_SAVED, _COMPILING = 0.2, 90.0  # share of a model's time that compiling saves, and the seconds that it takes
_STAGES = 3  # batches in page-locked memory: one is filled, one on its way, one computed

Pending = Callable[[], NDArray[np.float32]]  # waits for vectors that are being computed


@runtime_checkable
class Towered(Protocol):
    """An embedder that is a neural network: `tower` makes (n, d) of normalised float pixels (n, 3, side, side)."""

    @property
    def tower(self) -> torch.nn.Module:
        """The image tower in float32, in evaluation mode."""

    @property
    def mean(self) -> tuple[float, float, float]:
        """What is subtracted from pixels in [0, 1], by channel."""

    @property
    def std(self) -> tuple[float, float, float]:
        """What they are divided by then."""


class Network:
    """The tower of an embedder on `device`, in `precision`.

    The device's quick precision is taken where vectors of probe pictures keep a cosine of .99975 to those in float32:
    for all weights if that will do, else by autocast. So any two devices agree to .999, and a model's vectors, which
    hang on the kind of device alone, are the same from run to run. int8 is not offered: its accuracy was not measured.
    """

    def __init__(self, embedder: Towered, device: Device, side: int) -> None:
        import torch  # noqa: PLC0415 - seconds to import, and an optional component

        self._torch = torch
        self._on = torch.device(device.kind)
        self._side = side
        self._autocast: torch.dtype | None = None
        self._scale = 1 / (255 * torch.tensor(embedder.std, device=self._on).view(3, 1, 1))
        self._shift = (torch.tensor(embedder.mean) / torch.tensor(embedder.std)).view(3, 1, 1).to(self._on)
        self._tower = self._placed(embedder.tower, torch.float32)
        self.precision = "float32"
        if device.quick:
            self._hasten(embedder.tower, device.quick)
        self._stages: deque[_Stage] = deque()
        self._copies: torch.cuda.Stream | None = torch.cuda.Stream() if self._on.type == "cuda" else None  # type: ignore[no-untyped-call]

    def begin(self, pixels: NDArray[np.uint8], batch: int) -> Pending:
        """Compute the vectors of at most `batch` framed pictures, as a batch of just that many.

        On a GPU this returns when the pixels are copied, and the result waits for the rest.
        """
        if self._copies is not None:
            return self._begin_there(pixels, batch)
        block = self._torch.empty((batch, self._side, self._side, 3), dtype=self._torch.uint8)
        self._fill(block, pixels)
        found = self.vectors(block)[: len(pixels)].numpy()
        return lambda: found

    def compile_for(self, images: int, batch: int, backend: str = "inductor") -> bool:
        """Compile the tower where that pays over so many images in batches of `batch`; whether it did.

        Taken from a batch as it is: compiling takes about a minute and a half, and what is fused saves about a fifth.
        Vectors that compiling would change, and machines without a compiler, stay with the tower as it is.
        """
        block = self._torch.from_numpy(_probes(self._side)).to(self._on).repeat(-(-batch // _PROBES), 1, 1, 1)[:batch]
        plain, is_same = self._tower, False
        try:
            expected = self._settled(block)
            began = time.perf_counter()
            self._settled(block)
            if _SAVED * images * (time.perf_counter() - began) / batch < _COMPILING:
                return False
            self._tower = cast("torch.nn.Module", self._torch.compile(plain, backend=backend))
            is_same = float((self._settled(block) * expected).sum(dim=1).min()) >= _AGREEMENT
        except Exception as error:  # whatever a compiler, or a memory, says: the tower runs without it
            logging.getLogger(__name__).info("%s: not compiled: %s", self._on, error)
        if not is_same:
            self._tower = plain
        return is_same

    def release(self) -> None:
        """Give back what batches of the present size took."""
        self._stages.clear()
        if self._copies is not None:
            self._torch.cuda.synchronize()
            self._torch.cuda.empty_cache()

    def _begin_there(self, pixels: NDArray[np.uint8], batch: int) -> Pending:
        assert self._copies is not None
        if not self._stages or self._stages[0].batch != batch:
            self._stages = deque(_Stage(batch, self._side) for _ in range(_STAGES))
        stage = self._stages[0]
        self._stages.rotate(-1)
        stage.copied.synchronize()  # what it held before has left it
        self._fill(stage.host, pixels)
        with self._torch.cuda.stream(self._copies):
            there = stage.host.to(self._on, non_blocking=True)
            stage.copied.record(self._copies)
        current = self._torch.cuda.current_stream()
        current.wait_event(stage.copied)
        there.record_stream(current)
        vectors = self.vectors(there)[: len(pixels)]
        back = self._torch.empty(vectors.shape, dtype=self._torch.float32, pin_memory=True)
        back.copy_(vectors, non_blocking=True)
        done: torch.cuda.Event = self._torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record(current)

        def result() -> NDArray[np.float32]:
            done.synchronize()
            return np.asarray(back.numpy())

        return result

    def _fill(self, block: torch.Tensor, pixels: NDArray[np.uint8]) -> None:
        block[: len(pixels)] = self._torch.from_numpy(pixels)
        block[len(pixels) :] = 0

    def vectors(self, block: torch.Tensor) -> torch.Tensor:
        """Unit vectors in float32 of pixels (n, side, side, 3), which are channels_last by themselves."""
        kept = next(self._tower.parameters()).dtype
        with self._torch.inference_mode():
            normalised = (block.permute(0, 3, 1, 2).float() * self._scale - self._shift).to(kept)
            with self._torch.autocast(self._on.type, self._autocast, enabled=self._autocast is not None):
                found = self._tower(normalised)
            unit: torch.Tensor = self._torch.nn.functional.normalize(found.float(), dim=-1)
        return unit

    def _settled(self, block: torch.Tensor) -> torch.Tensor:
        """`vectors`, here and done."""
        return self.vectors(block).cpu()

    def _hasten(self, tower: torch.nn.Module, quick: str) -> None:
        dtype = getattr(self._torch, quick)
        probes = self._torch.from_numpy(_probes(self._side)).to(self._on)
        exact, plain = self.vectors(probes), self._tower
        for weights, autocast in ((dtype, None), (self._torch.float32, dtype)):
            self._tower = self._placed(tower, weights) if weights != self._torch.float32 else plain
            self._autocast = autocast
            try:
                agreement = float((self.vectors(probes) * exact).sum(dim=1).min())
            except RuntimeError:  # a layer that does not know this precision
                continue
            if agreement >= _AGREEMENT:
                self.precision = quick if autocast is None else f"{quick} by autocast"
                return
        self._tower, self._autocast = plain, None

    def _placed(self, tower: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
        """The tower on the device; a copy where that is not where, or not what, the embedder has."""
        if self._on.type != "cpu" or dtype != self._torch.float32:
            tower = copy.deepcopy(tower).to(self._on, dtype)
        return tower.to(memory_format=self._torch.channels_last)


class _Stage:
    """Page-locked memory that a batch goes through on its way to the GPU."""

    def __init__(self, batch: int, side: int) -> None:
        import torch  # noqa: PLC0415

        self.batch = batch
        self.host = torch.zeros((batch, side, side, 3), dtype=torch.uint8, pin_memory=True)
        self.copied: torch.cuda.Event = torch.cuda.Event()  # type: ignore[no-untyped-call]


def _probes(side: int) -> NDArray[np.uint8]:
    """Pictures on which precisions are compared: clouds of colour, coarse to fine, the same ones every time."""
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(_PROBES):
        cells = 2 ** (1 + number % 5)
        cloud = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        pictures.append(np.asarray(cloud.resize((side, side), Image.Resampling.BICUBIC)))
    return np.stack(pictures)
