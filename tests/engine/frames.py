"""Pictures, and ways to read them, that engine tests share; worker processes import them from here."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 32


def read(path: str) -> bytes:
    return Path(path).read_bytes()


def read_or_die(path: str) -> bytes:
    """As a decoder that a picture drives into a wall."""
    if "deadly" in path:
        os.kill(os.getpid(), signal.SIGSEGV)
    return read(path)


def read_or_die_once(path: str) -> bytes:
    """As a process that the system ends although nothing is wrong with its picture."""
    mark = Path(path).with_suffix(".met")
    if "deadly" in path and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return read(path)


def read_wrongly(path: str) -> bytes:
    raise ZeroDivisionError(path)


def pictures(count: int, side: int = SIDE, seed: int = 0) -> NDArray[np.uint8]:
    """Framed pictures: clouds of colour."""
    rng = np.random.default_rng(seed)
    clouds = [Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)) for _ in range(count)]
    return np.stack([np.asarray(cloud.resize((side, side), Image.Resampling.BICUBIC)) for cloud in clouds])


def jpegs(folder: Path, count: int, size: tuple[int, int] = (160, 120)) -> list[tuple[str, str]]:
    """JPEG files of different clouds, as (sha256, path)."""
    found = []
    for number in range(count):
        rng = np.random.default_rng(number)
        cloud = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8))
        cloud.resize(size, Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=90)
        found.append((f"{number:064x}", str(folder / f"{number}.jpg")))
    return found
