"""Specimens: a typology of drawn natural and made things, each the same picture for the same kind and seed.

Seeds are shared out so that no picture is ever in two roles: the demo museum, the tests and the training of the
demonstration model each keep to a range of their own.
"""

from __future__ import annotations

import math
import zlib
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from harvest.demo.specimens.describe import Specimen, describe
from harvest.demo.specimens.offtopic import OFF_TOPIC, draw_off_topic

__all__ = [
    "DEMO_SEEDS",
    "KINDS",
    "OFF_TOPIC",
    "TEST_SEEDS",
    "TRAINING_SEEDS",
    "Specimen",
    "describe",
    "draw",
    "draw_off_topic",
]

DEMO_SEEDS: Final = range(100_000)
TEST_SEEDS: Final = range(100_000, 200_000)
TRAINING_SEEDS: Final = range(1_000_000, 10_000_000)

KINDS: Final[tuple[str, ...]] = (
    "ammonite",
    "beetle",
    "egg",
    "feather",
    "fern",
    "fish",
    "flower",
    "key",
    "leaf",
    "moth",
    "mushroom",
    "scallop",
    "starfish",
    "urchin",
    "vessel",
    "whelk",
)


def draw(kind: str, seed: int, size: int = 512) -> Image.Image:
    """Draw the specimen `seed` of `kind` as an RGB picture of `size` x `size` pixels."""
    rng = np.random.default_rng([zlib.crc32(kind.encode()), seed])
    image = Image.new("RGB", (size, size), tuple(int(v) for v in rng.integers(150, 240, 3)))
    pen = ImageDraw.Draw(image)
    lobes = 2 + KINDS.index(kind)
    points = []
    for step in range(240):
        angle = step / 240 * 2 * math.pi
        radius = size * (0.3 + 0.1 * math.sin(lobes * angle + float(seed)))
        points.append((size / 2 + radius * math.cos(angle), size / 2 + radius * math.sin(angle)))
    pen.polygon(points, fill=tuple(int(v) for v in rng.integers(20, 140, 3)))
    return image
