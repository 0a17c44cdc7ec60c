"""Small networks of random weights, as embedders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from harvest.embedders.framing import Preprocess
from tests.engine.frames import SIDE


@dataclass
class Network:
    """An embedder of random weights; `most` is the largest batch for which there is memory."""

    tower: torch.nn.Module
    model_id: str = "random@0"
    framing: Preprocess = Preprocess(side=SIDE, scaled=SIDE)
    mean: tuple[float, float, float] = (0.48, 0.46, 0.41)
    std: tuple[float, float, float] = (0.27, 0.26, 0.28)

    def images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """In float32, the plain way."""
        batch = (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - three(self.mean)) / three(self.std)
        with torch.inference_mode():
            return torch.nn.functional.normalize(self.tower(batch), dim=-1).numpy()


def three(values: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(values).view(3, 1, 1)


def network(seed: int = 0) -> Network:
    torch.manual_seed(seed)
    layers = (
        torch.nn.Conv2d(3, 16, 3, stride=2, padding=1),
        torch.nn.BatchNorm2d(16),
        torch.nn.GELU(),
        torch.nn.Conv2d(16, 32, 3, stride=2, padding=1),
        torch.nn.AdaptiveAvgPool2d(4),
        torch.nn.Flatten(),
        torch.nn.LayerNorm(512),
        torch.nn.Linear(512, 64),
    )
    return Network(torch.nn.Sequential(*layers).eval())
