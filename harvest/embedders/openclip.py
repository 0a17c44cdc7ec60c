"""CLIP models through open_clip, found on this machine only: folders, files, tags in the local cache, our own model.

Mean, deviation, resize and activation come from the model's own configuration or from open_clip's table of tags; a
configuration that does not say them is refused, since open_clip would feed the model OpenAI's without a word.
"""

from __future__ import annotations

import importlib.resources
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harvest.embedders.framing import of_open_clip
from harvest.embedders.towers import TowerEmbedder
from harvest.embedders.weights import DO_WITHOUT, Weights, from_hub_cache, missing, needed
from harvest.embedders.words import tokenizer, words_missing
from harvest.errors import ComponentMissing, ConfigError, UsageError, WeightsMissing

if TYPE_CHECKING:
    import torch

__all__ = ["ClipEmbedder", "find_demo", "find_file", "find_folder", "find_tag", "load", "wordless"]

_CONFIG = "open_clip_config.json"
_WEIGHTS = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
)  # in the order in which open_clip prefers them
_TOKENIZER_ENDINGS = {".json", ".model", ".txt"}
_PREPROCESS = ("mean", "std", "interpolation", "resize_mode")
_QUICK_GELU = "quick-gelu"


class ClipEmbedder(TowerEmbedder):
    """A CLIP model: pictures and texts in one space.

    `logit_scale` is what cosines are multiplied by before a softmax over texts, as in training; `logit_bias`, where
    the model has one (SigLIP), is added then, before a sigmoid.
    """

    def __init__(self, weights: Weights, source: str, model: Any) -> None:
        config = model.visual.preprocess_cfg
        super().__init__(
            model_id=weights.model_id,
            framing=of_open_clip(config),
            tower=_image_tower(model),
            mean=config["mean"],
            std=config["std"],
        )
        self._weights, self._source = weights, source
        self._model = model.eval().requires_grad_(False)
        bias = getattr(model, "logit_bias", None)
        self.logit_scale = float(model.logit_scale.exp())
        self.logit_bias = None if bias is None else float(bias)
        self._tokenizer: Any = None

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of `texts`. Raises WeightsMissing, ComponentMissing where the model's tokenizer needs
        files or a package that are not here.
        """
        import torch  # noqa: PLC0415 - here already

        if self._tokenizer is None:
            with _folder(self._weights) as folder:
                self._tokenizer = tokenizer(self._weights.name, f"local-dir:{folder}" if folder else self._source)
        with torch.inference_mode():
            device = next(self._model.parameters()).device
            vectors = self._model.encode_text(self._tokenizer(list(texts)).to(device), normalize=True)
        return np.asarray(vectors.float().cpu().numpy(), dtype=np.float32)


def find_demo(name: str) -> Weights:
    """The small model in this package, which knows the drawings of the demonstration."""
    return _in_folder(name, Path(str(importlib.resources.files("harvest") / "demo" / "weights")))


def find_folder(name: str) -> Weights:
    """`local-dir:/path`: configuration and weights in one folder, as open_clip saves and publishes them."""
    folder = Path(name.partition(":")[2]).expanduser()
    return _in_folder(name, folder)


def find_file(name: str) -> Weights:
    """`file:/path/x.safetensors`: weights with their configuration beside them, `x.json` or open_clip_config.json."""
    file = Path(name.partition(":")[2]).expanduser()
    beside = (file.with_suffix(".json"), file.parent / _CONFIG)
    config = next((path for path in beside if path.is_file()), None)
    if not file.is_file() or config is None:
        raise WeightsMissing(
            f"{name}: expected the weights {file} and beside them {beside[0].name} or {_CONFIG}, which says "
            f"model_cfg and preprocess_cfg; put them there, or {DO_WITHOUT}"
        )
    _check(config)
    return Weights(name=name, files=(config, file))


def find_tag(name: str) -> Weights:
    """`ARCHITECTURE/TAG` as open_clip lists them, in the local cache of the Hugging Face hub or of CLIP."""
    needed("torch", "torchvision", "open_clip")
    architecture, _, tag = name.rpartition("/")
    config = _tag_config(architecture, tag)
    if not config:
        raise WeightsMissing(
            f"{name}: not a model open_clip knows; expected one like ViT-B-32/laion2b_s34b_b79k, or a name that begins "
            "with local-dir:, file:, timm: or torchvision:, or harvest-demo, pixels, colours"
        )
    repository, _, file = str(config.get("hf_hub", "")).rpartition("/")
    if repository:
        found = from_hub_cache(repository, (file, *_WEIGHTS) if file else _WEIGHTS)
        command = f"hf download {repository}"
    else:
        cached = Path.home() / ".cache" / "clip" / Path(str(config.get("url", ""))).name
        found = cached if cached.is_file() else None
        command = f"python -c \"import open_clip; open_clip.create_model('{architecture}', '{tag}')\""
    if found is None:
        raise missing(name, command)
    code = _QUICK_GELU if _lacks_quick_gelu(architecture, config) else ""
    return Weights(name=name, files=(found,), code=code)


def load(weights: Weights) -> ClipEmbedder:
    """Load what one of the finders found. Raises UsageError where weights and configuration do not belong together."""
    needed("torch", "torchvision", "open_clip")

    with _folder(weights) as folder:
        if folder is not None:
            return ClipEmbedder(weights, "", _created(weights, f"local-dir:{folder}"))
    architecture, _, tag = weights.name.rpartition("/")
    config = _tag_config(architecture, tag)
    model = _created(
        weights,
        architecture,
        pretrained=str(weights.files[0]),
        force_quick_gelu=weights.code == _QUICK_GELU,
        force_preprocess_cfg={key: config[key] for key in _PREPROCESS},
    )
    return ClipEmbedder(weights, architecture, model)


def wordless(weights: Weights) -> ComponentMissing | None:
    """What keeps the model from understanding words on this machine, None where nothing does."""
    with _folder(weights) as folder:
        source = f"local-dir:{folder}" if folder else weights.name.rpartition("/")[0]
        return words_missing(weights.name, source)


def _created(weights: Weights, source: str, **how: Any) -> Any:
    import open_clip  # noqa: PLC0415 - seconds to import, and an optional component

    try:
        return open_clip.create_model(source, **how)
    except Exception as error:
        # Unknown keys, missing ones, other shapes, bytes that are no weights: torch and open_clip raise what they like.
        words = " ".join(str(error).split())[:300]
        raise UsageError(f"{weights.name}: {weights} cannot be loaded by its configuration: {words}") from error


def _in_folder(name: str, folder: Path) -> Weights:
    weights = next((folder / file for file in _WEIGHTS if (folder / file).is_file()), None)
    if weights is None or not (folder / _CONFIG).is_file():
        raise WeightsMissing(
            f"{name}: expected {_CONFIG} and {_WEIGHTS[0]} in {folder}; put them there, or {DO_WITHOUT}"
        )
    _check(folder / _CONFIG)
    return Weights(name=name, files=(folder / _CONFIG, weights))


def _check(file: Path) -> None:
    """Raise ConfigError where a configuration leaves open how the model was fed. `interpolation` and `resize_mode`
    may be missing: older files of open_clip have neither, and their models were trained on bicubic and shortest.
    """
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(file, "", f"expected JSON: {error}") from None
    if not isinstance(config, dict) or "model_cfg" not in config:
        raise ConfigError(file, "model_cfg", "missing; expected the architecture as open_clip writes it")
    for key in ("mean", "std"):
        value = (config.get("preprocess_cfg") or {}).get(key)
        if not isinstance(value, list) or len(value) != 3:
            raise ConfigError(
                file,
                f"preprocess_cfg.{key}",
                f"expected three numbers, those of the model's training, got {value!r}; without them the model would "
                "be fed with OpenAI's",
            )


def _tag_config(architecture: str, tag: str) -> dict[str, Any]:
    import open_clip  # noqa: PLC0415

    return dict(open_clip.get_pretrained_cfg(architecture, tag))


def _lacks_quick_gelu(architecture: str, tag: dict[str, Any]) -> bool:
    """Whether a tag was trained with the quick GELU, and its architecture's name says nothing of it."""
    import open_clip  # noqa: PLC0415

    return bool(tag.get("quick_gelu")) and not (open_clip.get_model_config(architecture) or {}).get("quick_gelu")


@contextmanager
def _folder(weights: Weights) -> Iterator[Path | None]:
    """A folder that open_clip reads the model from, None for a tag: made of links where file names are others."""
    if len(weights.files) < 2:
        yield None
        return
    config, file = weights.files
    if not weights.name.startswith("file:"):
        yield config.parent
        return
    with tempfile.TemporaryDirectory(prefix="harvest-model-") as name:
        folder = Path(name)
        for beside in file.parent.iterdir():
            if beside.suffix in _TOKENIZER_ENDINGS and beside.name != _CONFIG:
                (folder / beside.name).symlink_to(beside.resolve())
        (folder / _CONFIG).symlink_to(config.resolve())
        (folder / f"model{file.suffix}").symlink_to(file.resolve())
        yield folder


def _image_tower(model: Any) -> torch.nn.Module:
    """What makes vectors of pictures, without the text's half where open_clip can do without it."""
    import open_clip  # noqa: PLC0415
    import torch  # noqa: PLC0415

    plain = {open_clip.CLIP.encode_image, open_clip.CustomTextCLIP.encode_image}
    if type(model).encode_image in plain:
        visual: torch.nn.Module = model.visual
        return visual

    class Pictures(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            vectors: torch.Tensor = self.model.encode_image(pixels)
            return vectors

    return Pictures()
