"""Thumbnails of all images, decoded once and read again from one file: for features, mosaic, scatter and Deep Zoom."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from harvest.processes import cores, in_threads
from harvest.progress import Progress
from harvest.stages.pictures import Pictures

__all__ = ["Thumbs", "read_thumbs"]

_RGB = 3
_GAP = 3.0  # pixels of the source for one of the thumbnail, from which on means are taken first
_AHEAD = 16  # decoded pictures a core that wait to be written


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbs:
    """`thumbs(i)` is the i-th picture as (h, w, 3) uint8, in any thread.

    They lie in a file without a name, which is read, not mapped: what it holds is the system's to keep or to drop, and
    no memory of this process.
    """

    handle: int
    side: int
    sizes: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.sizes)

    def __call__(self, index: int) -> NDArray[np.uint8]:
        """Read one."""
        height, width = (int(pixels) for pixels in self.sizes[index])
        body = os.pread(self.handle, height * width * _RGB, index * self.side * self.side * _RGB)
        return np.frombuffer(body, np.uint8).reshape(height, width, _RGB)

    def batches(self, side: int, count: int) -> Iterator[NDArray[np.uint8]]:
        """All of them in order, `count` at a time, as (count, side, side, 3): squeezed where they are no squares."""
        for first in range(0, len(self), count):
            yield np.stack([self._square(index, side) for index in range(first, min(first + count, len(self)))])

    def _square(self, index: int, side: int) -> NDArray[np.uint8]:
        pixels = self(index)
        if pixels.shape[:2] == (side, side):
            return pixels
        return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BOX))


@contextmanager
def read_thumbs(pictures: Pictures, folder: Path, *, side: int, whole: bool, progress: Progress) -> Iterator[Thumbs]:
    """Thumbnails of `side` x `side` pixels, cut to the square; or `whole`, the longer side so long.

    Their file lies in `folder` and is gone at the end, whatever happens. It takes `3 * side**2` bytes an image.
    """
    n = len(pictures.images)
    sizes = np.zeros((n, 2), np.int16)
    size = (side, side)

    def thumb(index: int) -> NDArray[np.uint8]:
        picture = pictures(index)
        if whole:
            picture = picture if max(picture.size) == side else _contained(picture, side)
        elif picture.size != size:
            picture = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
        return np.asarray(picture)

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file, progress.start("read thumbnails", n) as task:
        for index, pixels in enumerate(in_threads(thumb, range(n), ahead=_AHEAD * cores())):
            sizes[index] = pixels.shape[:2]
            os.pwrite(file.fileno(), pixels.tobytes(), index * side * side * _RGB)
            task.advance()
        yield Thumbs(handle=file.fileno(), side=side, sizes=sizes)


def _contained(picture: Image.Image, side: int) -> Image.Image:
    share = side / max(picture.size)
    size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=_GAP)
