"""Embedders without weights: coarse forms and colours, for those who have no model and for what models do not see."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harvest.embedders.framing import Preprocess
from harvest.embedders.weights import Weights
from harvest.errors import ComponentMissing
from layout.features import PYRAMID_SIDE, colour_histogram, pyramid_code

__all__ = ["PlainEmbedder", "find_colours", "find_pixels", "load_colours", "load_pixels"]

_PIXELS = Preprocess(side=PYRAMID_SIDE, scaled=PYRAMID_SIDE)
_COLOURS = Preprocess(side=64, scaled=64, fit="squash", interpolation="box")  # all of the picture, edges too


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainEmbedder:
    """Arithmetic on pixels: no weights, no torch."""

    model_id: str
    framing: Preprocess
    function: Callable[[NDArray[np.uint8]], NDArray[np.float32]]

    def images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of framed pictures (n, side, side, 3)."""
        return self.function(pixels)


def find_pixels(name: str) -> Weights:
    """`pixels`: where which brightness and colour lies, coarsely."""
    return Weights(name=name, code="pixels/1")


def find_colours(name: str) -> Weights:
    """`colours`: how much of which colour there is."""
    return Weights(name=name, code="colours/1")


def load_pixels(weights: Weights) -> PlainEmbedder:
    """The pixel pyramid of the picture's middle."""
    _need_scipy(weights)
    return PlainEmbedder(model_id=weights.model_id, framing=_PIXELS, function=pyramid_code)


def load_colours(weights: Weights) -> PlainEmbedder:
    """The colour histogram of the whole picture."""
    _need_scipy(weights)
    return PlainEmbedder(model_id=weights.model_id, framing=_COLOURS, function=colour_histogram)


def _need_scipy(weights: Weights) -> None:
    if importlib.util.find_spec("scipy") is None:
        raise ComponentMissing(f"{weights.name} needs scipy: pip install 'herbarium-harvester[layout]'")
