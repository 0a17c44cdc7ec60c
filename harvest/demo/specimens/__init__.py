"""Specimens: a typology of drawn natural and made things, each the same picture for the same kind and seed.

Seeds are shared out so that no picture is ever in two roles: the demo museum, the tests and the training of the
demonstration model each keep to a range of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image

from harvest.demo.specimens.animals import egg, feather, fish
from harvest.demo.specimens.artefacts import key, vessel
from harvest.demo.specimens.canvas import Surface
from harvest.demo.specimens.describe import Specimen, describe
from harvest.demo.specimens.echinoderms import starfish, urchin
from harvest.demo.specimens.flora import flower, mushroom
from harvest.demo.specimens.grounds import Material, laid
from harvest.demo.specimens.insects import beetle, moth
from harvest.demo.specimens.leaves import fern, leaf
from harvest.demo.specimens.looks import KINDS, Look, generator, look
from harvest.demo.specimens.offtopic import OFF_TOPIC, draw_off_topic
from harvest.demo.specimens.shells import ammonite, scallop, whelk

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

_ARTISTS: Final[dict[str, Callable[[Surface, Look, np.random.Generator], Material]]] = {
    "ammonite": ammonite,
    "beetle": beetle,
    "egg": egg,
    "feather": feather,
    "fern": fern,
    "fish": fish,
    "flower": flower,
    "key": key,
    "leaf": leaf,
    "moth": moth,
    "mushroom": mushroom,
    "scallop": scallop,
    "starfish": starfish,
    "urchin": urchin,
    "vessel": vessel,
    "whelk": whelk,
}


def draw(kind: str, seed: int, size: int = 512) -> Image.Image:
    """Draw the specimen `seed` of `kind`, RGB, `size` x `size` pixels. Raises KeyError for an unknown kind."""
    settled = look(kind, seed)
    surface = Surface(size, settled.pose, settled.tincture.dark)
    material = _ARTISTS[kind](surface, settled, generator(kind, seed, 1))
    return laid(surface, settled, material, generator(kind, seed, 2))
