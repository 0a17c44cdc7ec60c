"""Networks that know pictures only: timm's, and those of torchvision that timm lacks (SqueezeNet).

Names are `timm:NAME` and `torchvision:NAME` for published weights in the local cache, `timm:NAME@/path/weights` for a
file of one's own. Vectors are the features that the classifier would see, pooled over the picture.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harvest.embedders.framing import Preprocess, of_timm, one_side
from harvest.embedders.towers import TowerEmbedder
from harvest.embedders.weights import DO_WITHOUT, Weights, from_hub_cache, missing, needed
from harvest.errors import UsageError, WeightsMissing

if TYPE_CHECKING:
    import torch

__all__ = ["find_timm", "find_torchvision", "load_timm", "load_torchvision"]

_HUB_FILES = ("model.safetensors", "pytorch_model.bin")
_AUXILIARY = "AuxLogits"  # Inception's second classifier, used in training only
_COUNTER = ".num_batches_tracked"
_SHOWN = 3


def find_timm(name: str) -> Weights:
    """Weights of a timm model, of a file or in the cache. Needs no timm to find a file."""
    architecture, _, file = _spelled(name)
    if file:
        return _in_file(name, Path(file))
    needed("torch", "timm")
    import timm  # noqa: PLC0415 - seconds to import, and an optional component

    if not timm.is_model(architecture):
        raise _unknown(name, architecture, timm.list_models())
    config = timm.get_pretrained_cfg(architecture)
    found = None
    if config is not None and config.hf_hub_id:
        files = (config.hf_hub_filename,) if config.hf_hub_filename else _HUB_FILES
        found = from_hub_cache(config.hf_hub_id, files)
    if found is None and config is not None and config.url:
        found = _in_torch_cache(str(config.url))
    if found is None:
        command = f"hf download {config.hf_hub_id}" if config and config.hf_hub_id else _fetch("timm", architecture)
        raise missing(name, command)
    return Weights(name=name, files=(found,))


def find_torchvision(name: str) -> Weights:
    """Weights of a torchvision classifier, of a file or in torch's cache."""
    architecture, _, file = _spelled(name)
    if file:
        return _in_file(name, Path(file))
    found = _in_torch_cache(_torchvision_weights(name, architecture).url)
    if found is None:
        raise missing(name, _fetch("torchvision.models", architecture))
    return Weights(name=name, files=(found,))


def load_timm(weights: Weights) -> TowerEmbedder:
    """Load what `find_timm` found, fed by timm's data config of that name: size, share of the crop, mean, deviation."""
    needed("torch", "timm")
    import timm  # noqa: PLC0415
    from timm.data.config import resolve_model_data_config  # noqa: PLC0415

    architecture, _, _ = _spelled(weights.name)
    if not timm.is_model(architecture):
        raise _unknown(weights.name, architecture, timm.list_models())
    model: Any = timm.create_model(architecture, pretrained=False, num_classes=0)
    heads = (model.pretrained_cfg.get("classifier"), _AUXILIARY)
    state = _without(_read(weights), *heads)
    if set(model.state_dict()) != set(state):
        # A file of the makers' own naming: timm keeps what translates it beside the model.
        translate = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
        state = _without(translate(state, model), *heads) if translate else state
    _fill(weights, model, state)
    config = resolve_model_data_config(model)  # type: ignore[no-untyped-call]
    return TowerEmbedder(
        model_id=weights.model_id, framing=of_timm(config), tower=model, mean=config["mean"], std=config["std"]
    )


def load_torchvision(weights: Weights) -> TowerEmbedder:
    """Load what `find_torchvision` found, fed by the transforms that torchvision publishes with those weights."""
    needed("torch", "torchvision")
    import torch  # noqa: PLC0415
    import torchvision  # noqa: PLC0415

    architecture, _, _ = _spelled(weights.name)
    preset = _torchvision_weights(weights.name, architecture).transforms()
    model = torchvision.models.get_model(architecture, weights=None)
    if not hasattr(model, "features"):
        raise UsageError(f"{weights.name}: its features cannot be told from its classifier; timm has it: `timm:NAME`")
    tower = torch.nn.Sequential()
    tower.add_module("features", model.features)
    _fill(weights, tower, _without(_read(weights), "classifier"))
    tower.append(torch.nn.AdaptiveAvgPool2d(1)).append(torch.nn.Flatten())
    framing = Preprocess(
        side=one_side(preset.crop_size * 2 if len(preset.crop_size) == 1 else preset.crop_size),
        scaled=int(preset.resize_size[0]),
        interpolation=preset.interpolation.value,
    )
    return TowerEmbedder(model_id=weights.model_id, framing=framing, tower=tower, mean=preset.mean, std=preset.std)


def _spelled(name: str) -> tuple[str, str, str]:
    """`timm:vgg16@/path` as vgg16, @ and the path; the last two empty without a file."""
    architecture, at, file = name.partition(":")[2].partition("@")
    return architecture, at, file


def _in_file(name: str, file: Path) -> Weights:
    file = file.expanduser()
    if not file.is_file():
        raise WeightsMissing(f"{name}: no such file: {file}; put the weights there, or {DO_WITHOUT}")
    return Weights(name=name, files=(file,))


def _in_torch_cache(url: str) -> Path | None:
    import torch  # noqa: PLC0415

    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    return cached if cached.is_file() else None


def _torchvision_weights(name: str, architecture: str) -> Any:
    needed("torch", "torchvision")
    import torchvision  # noqa: PLC0415

    known = torchvision.models.list_models(module=torchvision.models)
    if architecture not in known:
        raise _unknown(name, architecture, known)
    return torchvision.models.get_model_weights(architecture).DEFAULT


def _unknown(name: str, architecture: str, known: list[str]) -> WeightsMissing:
    import difflib  # noqa: PLC0415 - for an error only

    near = difflib.get_close_matches(architecture, known, n=_SHOWN)
    return WeightsMissing(f"{name}: no model of that name; " + (f"near: {', '.join(near)}" if near else "none is near"))


def _fetch(module: str, architecture: str) -> str:
    if module == "timm":
        return f"python -c \"import timm; timm.create_model('{architecture}', pretrained=True)\""
    return f"python -c \"import torchvision; torchvision.models.get_model('{architecture}', weights='DEFAULT')\""


def _read(weights: Weights) -> dict[str, torch.Tensor]:
    from timm.models import load_state_dict  # noqa: PLC0415

    try:
        return dict(load_state_dict(str(weights.files[-1]), weights_only=True))
    except Exception as error:
        # Of pickles, zip archives and safetensors each reader has errors of its own; none of them names the file.
        raise UsageError(f"{weights.name}: {weights.files[-1]} cannot be read as weights: {error}") from error


def _without(state: Mapping[str, torch.Tensor], *classifiers: str | tuple[str, ...] | None) -> dict[str, torch.Tensor]:
    names = [name for group in classifiers for name in ((group,) if isinstance(group, str) else group or ())]
    heads = tuple(f"{name}." for name in names)
    return {key: value for key, value in state.items() if not key.startswith(heads)}


def _fill(weights: Weights, model: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Load all weights and no others: a file of another architecture is refused, not half used."""
    found = model.state_dict()
    # Counters of training steps, which older files lack and nothing here reads.
    state = {**{key: value for key, value in found.items() if key.endswith(_COUNTER)}, **state}
    wrong = [f"{key} is missing" for key in found if key not in state]
    wrong += [f"{key} is not the model's" for key in state if key not in found]
    wrong += [
        f"{key} is {tuple(state[key].shape)}, not {tuple(found[key].shape)}"
        for key in found
        if key in state and state[key].shape != found[key].shape
    ]
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise UsageError(
            f"{weights.name}: {weights.files[-1]} holds weights of another architecture: "
            f"{'; '.join(wrong[:_SHOWN])}{more}"
        )
    model.load_state_dict(dict(state))
