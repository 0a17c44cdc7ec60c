"""CLIP models through open_clip: found on this machine only, identified by their weights, fed as they were trained.

A model is named `harvest-demo` (the demonstration model in this package), `local-dir:/path` (open_clip_config.json and
weights in one folder) or `ARCHITECTURE/TAG` as open_clip lists them, which has to be in the local cache already.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harvest.errors import ComponentMissing, WeightsMissing
from harvest.processes import cores

if TYPE_CHECKING:
    import torch

__all__ = ["DEFAULT_MODEL", "DEMO_MODEL", "Clip", "Weights", "find_weights", "load"]

DEFAULT_MODEL = "ViT-B-32/laion2b_s34b_b79k"
DEMO_MODEL = "harvest-demo"
_LOCAL = "local-dir:"
_CONFIG = "open_clip_config.json"
_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
_DIGITS = 16
_DO_WITHOUT = "do without: `features: pixels` under `layout:` and no `clip` filter in the recipe"
_VERSION = b"upright-srgb/1"  # how images are decoded before the model's own preprocessing


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A model whose weights are here. `files` are the configuration, if it has one, and the weights."""

    name: str
    files: tuple[Path, ...]

    @property
    def model_id(self) -> str:
        """`name@digest`, by which vectors are kept: other weights under the same name are another model."""
        label = self.name if not self.name.startswith(_LOCAL) else _LOCAL + Path(self.name[len(_LOCAL) :]).name
        return f"{label}@{_digest(tuple((path, path.stat().st_mtime_ns) for path in self.files))}"

    def __str__(self) -> str:
        return str(self.files[-1])


def find_weights(name: str) -> Weights:
    """Where the weights of the model `name` lie on this machine. Nothing is downloaded.

    Raises WeightsMissing with the ways out, ComponentMissing when open_clip itself is needed to know and is not here.
    """
    if name == DEMO_MODEL:
        return _in_folder(name, Path(str(importlib.resources.files("harvest") / "demo" / "weights")))
    if name.startswith(_LOCAL):
        return _in_folder(name, Path(name[len(_LOCAL) :]).expanduser())
    architecture, _, tag = name.rpartition("/")
    config = _pretrained(architecture, tag) if architecture else {}
    if not config:
        raise WeightsMissing(
            f"{name}: not a model open_clip knows; expected {DEMO_MODEL}, local-dir:/path, or ARCHITECTURE/TAG "
            f"like {DEFAULT_MODEL}"
        )
    found = _in_cache(config)
    if found is None:
        raise _missing(name, _fetch_command(architecture, tag, config))
    return Weights(name=name, files=(found,))


class Clip:
    """A loaded model in evaluation mode; vectors are unit length and float32."""

    def __init__(self, weights: Weights) -> None:
        import open_clip  # noqa: PLC0415 - seconds to import, and an optional component
        import torch  # noqa: PLC0415

        self._torch = torch
        self.model_id = weights.model_id
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.threads = min(torch.get_num_threads(), cores())
        torch.set_num_threads(self.threads)
        name = weights.name
        if name == DEMO_MODEL or name.startswith(_LOCAL):
            architecture, tag = f"{_LOCAL}{weights.files[0].parent}", None
        else:
            architecture, _, tag = name.rpartition("/")
        model, _, self._preprocess = open_clip.create_model_and_transforms(architecture, pretrained=tag)
        self._model = model.to(self.device).eval()
        self._tokenizer = open_clip.get_tokenizer(architecture)
        size = self._model.visual.image_size
        self.image_size = int(max(size) if isinstance(size, tuple) else size)

    @property
    def where(self) -> str:
        """The device in words."""
        if self.device.type == "cuda":
            return f"GPU ({self._torch.cuda.get_device_name(self.device)})"
        return f"CPU ({self.threads} threads)"

    def prepare(self, picture: Image.Image) -> torch.Tensor:
        """An RGB picture as the model wants it: its own resize, crop, mean and standard deviation. Safe in threads."""
        tensor: torch.Tensor = self._preprocess(picture)
        return tensor

    def images(self, tensors: Sequence[torch.Tensor], *, pad_to: int) -> NDArray[np.float32]:
        """Unit vectors (n, d) of prepared pictures, computed as a batch of `pad_to`.

        One batch size throughout: an image gets the same vector whatever else is embedded with it.
        """
        torch = self._torch
        batch = torch.zeros((max(pad_to, len(tensors)), *tensors[0].shape))
        torch.stack(list(tensors), out=batch[: len(tensors)])
        with torch.inference_mode():
            vectors = self._model.encode_image(batch.to(self.device), normalize=True)
        return np.asarray(vectors[: len(tensors)].float().cpu().numpy(), dtype=np.float32)

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of `texts`."""
        with self._torch.inference_mode():
            vectors = self._model.encode_text(self._tokenizer(list(texts)).to(self.device), normalize=True)
        return np.asarray(vectors.float().cpu().numpy(), dtype=np.float32)


@lru_cache(maxsize=2)
def load(name: str) -> Clip:
    """Load the model `name`. Raises WeightsMissing or ComponentMissing."""
    weights = find_weights(name)
    _need_open_clip()
    # The weights are here; should a part of a library still reach out, it must not get far.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return Clip(weights)


def _in_folder(name: str, folder: Path) -> Weights:
    weights = next((folder / file for file in _WEIGHTS if (folder / file).is_file()), None)
    if weights is None or not (folder / _CONFIG).is_file():
        raise WeightsMissing(
            f"{name}: expected {_CONFIG} and {_WEIGHTS[0]} in {folder}; put them there, or {_DO_WITHOUT}"
        )
    return Weights(name=name, files=(folder / _CONFIG, weights))


def _need_open_clip() -> None:
    for module in ("torch", "torchvision", "open_clip"):
        if importlib.util.find_spec(module) is None:
            raise ComponentMissing(
                f"{module} is missing, and CLIP needs it: pip install 'herbarium-harvester[clip]', or {_DO_WITHOUT}"
            )


def _pretrained(architecture: str, tag: str) -> dict[str, Any]:
    _need_open_clip()
    import open_clip  # noqa: PLC0415

    return dict(open_clip.get_pretrained_cfg(architecture, tag))


def _in_cache(config: dict[str, Any]) -> Path | None:
    """The weights file of an open_clip tag in the caches that open_clip itself looks into."""
    import huggingface_hub  # noqa: PLC0415 - comes with open_clip

    repository, _, file = str(config.get("hf_hub", "")).rpartition("/")
    if repository:
        for candidate in (file, *_WEIGHTS) if file else _WEIGHTS:
            found = huggingface_hub.try_to_load_from_cache(repository, candidate)
            if isinstance(found, str):
                return Path(found)
        return None
    cached = Path.home() / ".cache" / "clip" / Path(str(config.get("url", ""))).name
    return cached if cached.is_file() else None


def _fetch_command(architecture: str, tag: str, config: dict[str, Any]) -> str:
    repository = str(config.get("hf_hub", "")).rpartition("/")[0]
    if repository:
        return f"hf download {repository}"
    return f"python -c \"import open_clip; open_clip.create_model('{architecture}', '{tag}')\""


def _missing(name: str, command: str) -> WeightsMissing:
    return WeightsMissing(
        f"{name}: the weights are not on this machine, and nothing is downloaded during a run. Either fetch them "
        f"beforehand: `{command}`, or {_DO_WITHOUT}"
    )


@lru_cache(maxsize=16)
def _digest(files: tuple[tuple[Path, int], ...]) -> str:
    digest = hashlib.sha256(_VERSION)
    for path, _ in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:_DIGITS]
