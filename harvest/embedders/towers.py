"""A neural network as an embedder, in float32 and the plain way: what everything faster is held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harvest.embedders.framing import Preprocess

if TYPE_CHECKING:
    import torch

__all__ = ["TowerEmbedder"]


class TowerEmbedder:
    """A loaded network in evaluation mode. `tower` makes of normalised float pictures (n, 3, side, side) vectors
    (n, d) that are not of unit length yet; `mean` and `std` are those of its training, of colours in [0, 1].

    The engine may move `tower` to another device; whoever changes its precision does so around a call, not in place.
    """

    def __init__(
        self,
        *,
        model_id: str,
        framing: Preprocess,
        tower: torch.nn.Module,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        self.model_id = model_id
        self.framing = framing
        self.tower = tower.eval().requires_grad_(False)
        self.mean, self.std = _three(mean), _three(std)

    @property
    def device(self) -> torch.device:
        """Where the tower is."""
        device: torch.device = next(self.tower.parameters()).device
        return device

    def images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of framed pictures (n, side, side, 3), in float32."""
        import torch  # noqa: PLC0415 - here already, where there is a tower

        with torch.inference_mode():
            batch = torch.from_numpy(np.require(pixels, requirements=["C", "W"])).to(self.device).permute(0, 3, 1, 2)
            mean, std = (batch.new_tensor(three, dtype=torch.float32).view(3, 1, 1) for three in (self.mean, self.std))
            vectors = self.tower((batch.float() / 255 - mean) / std)
            unit = torch.nn.functional.normalize(vectors.float(), dim=-1)
        return np.asarray(unit.cpu().numpy(), dtype=np.float32)


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
