"""What an embedder is: how it wants pictures framed, and what it makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["Embedder", "Framing", "Speaking"]


class Framing(Protocol):
    """How a picture becomes the pixels that a model looks at: its own resize and crop, before mean and deviation.

    Picklable and free of torch, so that worker processes decode and frame while another process holds the model.
    """

    @property
    def side(self) -> int:
        """Pixels of the square that the model looks at."""

    @property
    def least(self) -> int:
        """Pixels that the shorter side of a decoded picture should have, for `decode_rgb(..., longest=)` and draft."""

    def __call__(self, picture: Image.Image) -> NDArray[np.uint8]:
        """An upright RGB picture as pixels, (side, side, 3)."""


class Embedder(Protocol):
    """A loaded model. Vectors are float32 and of unit length."""

    @property
    def model_id(self) -> str:
        """`name@digest`, by which vectors are kept: other weights, or other framing, are another model."""

    @property
    def framing(self) -> Framing:
        """What its pixels have to go through."""

    def images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of framed pictures (n, side, side, 3): in float32, the plain way."""


@runtime_checkable
class Speaking(Protocol):
    """An embedder in whose space words lie beside pictures."""

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of texts."""
