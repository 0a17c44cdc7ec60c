from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

MODEL = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1},
}


def save(file: Path, model: torch.nn.Module) -> Path:
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, file)
    return file


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a CLIP of random weights with the `preprocess_cfg` asked for, in the form of open_clip's folders."""

    def write(preprocess: dict[str, Any] | None, *, name: str = "tiny", **text: Any) -> Path:
        torch.manual_seed(7)
        folder = tmp_path_factory.mktemp("models") / name
        folder.mkdir()
        save(folder / "open_clip_model.safetensors", open_clip.CLIP(**MODEL))
        config = {"model_cfg": {**MODEL, "text_cfg": {**MODEL["text_cfg"], **text}}, "preprocess_cfg": preprocess}
        (folder / "open_clip_config.json").write_text(json.dumps({k: v for k, v in config.items() if v is not None}))
        return folder

    return write


@pytest.fixture(scope="session")
def scene() -> Callable[..., Image.Image]:
    """A picture with edges, gradients and grain in it, so that a resize that is off by half a pixel shows."""

    def draw(seed: int, width: int, height: int) -> Image.Image:
        rng = np.random.default_rng(seed)
        coarse = Image.fromarray(rng.integers(0, 256, (5, 7, 3), np.uint8)).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        grain = rng.integers(-20, 21, (height, width, 3))
        pixels = np.clip(np.asarray(coarse).astype(int) + grain, 0, 255).astype(np.uint8)
        pixels[height // 3 : height // 2, width // 4 : width // 2] = rng.integers(0, 256, 3)
        return Image.fromarray(pixels)

    return draw
