"""Heads on top of vectors: linear layers from a file, which turn the vector of an image into one number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harvest.errors import ComponentMissing, UsageError

__all__ = ["ACTIVATIONS", "Head", "read_head"]

ACTIVATIONS = ("none", "relu", "gelu")
_READ = (".safetensors", ".pt", ".pth", ".bin", ".npz")
_BLOCK = 65_536  # vectors at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Layers (weight (out, in), bias (out,)) in float32, one after another, with `activation` between them."""

    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...] = field(repr=False)
    activation: str = "none"

    @property
    def width(self) -> int:
        """The length of the vectors that it takes."""
        return int(self.layers[0][0].shape[1])

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The numbers, (n,), of vectors (n, width)."""
        found = [self._block(vectors[at : at + _BLOCK]) for at in range(0, len(vectors), _BLOCK)]
        return np.concatenate(found) if found else np.empty(0)

    def _block(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        for index, (weight, bias) in enumerate(self.layers):
            values = values @ weight.T + bias
            if index < len(self.layers) - 1:
                values = _activated(values, self.activation)
        return values[:, 0].astype(np.float64)


def read_head(file: Path, activation: str = "none") -> Head:
    """The head in `file`: a state dict of nn.Linear layers as .safetensors, .pt, .pth, .bin or .npz.

    LAION's aesthetic heads are such files: a single layer (`weight`, `bias`; v1), and five (`layers.0.weight` and so
    on; v2, https://github.com/christophschuhmann/improved-aesthetic-predictor), which has no activations between them.
    .npz may also hold scikit-learn's `coef_` and `intercept_`. Which activation goes between layers does not stand in
    such a file: `activation` says it.

    Raises UsageError, with what was found, for anything that is no chain of layers that ends in one number; and
    ComponentMissing where the package that reads the file is not installed.
    """
    arrays = _arrays(file)
    weights = {name: array for name, array in arrays.items() if name.rsplit(".", 1)[-1] in {"weight", "coef_"}}
    layers: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    used: set[str] = set()
    for name in sorted(weights, key=_natural):
        weight = np.atleast_2d(np.asarray(weights[name], np.float32))
        prefix, _, kind = name.rpartition(".")
        bias_name = ".".join(filter(None, (prefix, "bias" if kind == "weight" else "intercept_")))
        bias = np.asarray(arrays.get(bias_name, np.zeros(len(weight))), np.float32).reshape(-1)
        used |= {name, bias_name}
        layers.append((weight, bias))
    _check(file, arrays, layers, used)
    return Head(layers=tuple(layers), activation=activation)


def _check(
    file: Path,
    arrays: Mapping[str, NDArray[Any]],
    layers: list[tuple[NDArray[np.float32], NDArray[np.float32]]],
    used: set[str],
) -> None:
    shapes = ", ".join(f"{name} {array.shape}" for name, array in sorted(arrays.items()))
    said = f"{file}: expected linear layers, each a `weight` and a `bias`, of which the last makes one number; it "
    if strange := sorted(set(arrays) - used):
        raise UsageError(f"{said}also holds {', '.join(strange)}")
    fits = [
        weight.ndim == 2 and len(weight) == len(bias) and (index == 0 or weight.shape[1] == len(layers[index - 1][0]))
        for index, (weight, bias) in enumerate(layers)
    ]
    if not layers or not all(fits) or len(layers[-1][0]) != 1:
        raise UsageError(f"{said}holds {shapes or 'nothing'}")
    if not all(np.isfinite(array).all() for layer in layers for array in layer):
        raise UsageError(f"{file} holds values that are not finite")


def _arrays(file: Path) -> dict[str, NDArray[Any]]:
    if file.suffix not in _READ:
        raise UsageError(f"{file}: expected a file that ends in {', '.join(_READ)}")
    try:
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        if file.suffix == ".safetensors":
            from safetensors.numpy import load_file  # noqa: PLC0415 - optional

            return dict(load_file(file))
        return _from_torch(file)
    except ImportError as error:
        raise ComponentMissing(
            f"{file}: {error.name} is needed to read it: pip install 'herbarium-harvester[clip]'"
        ) from None
    except (UsageError, ComponentMissing):
        raise
    except Exception as error:  # readers meet damaged and foreign files with errors of all kinds
        raise UsageError(f"{file} cannot be read: {type(error).__name__}: {str(error).splitlines()[0]}") from None


def _from_torch(file: Path) -> dict[str, NDArray[Any]]:
    import torch  # noqa: PLC0415 - optional and heavy

    found = torch.load(file, map_location="cpu", weights_only=True)  # runs nothing that a pickle may hold
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]
    if not isinstance(found, Mapping) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise UsageError(f"{file}: expected a state dict, names and tensors")
    return {str(name): value.detach().to(torch.float32).numpy() for name, value in found.items()}


def _activated(values: NDArray[np.float32], activation: str) -> NDArray[np.float32]:
    if activation == "relu":
        return np.maximum(values, np.float32(0))
    if activation == "gelu":  # with the error function, as torch's default has it
        return (values * np.float32(0.5) * (1 + _erf(values / np.float32(np.sqrt(2))))).astype(np.float32)
    return values


def _erf(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Abramowitz and Stegun 7.1.26: within 1.5e-7."""
    t = 1 / (1 + 0.3275911 * np.abs(values))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.asarray(np.sign(values) * (1 - series * np.exp(-values * values)), np.float32)


def _natural(name: str) -> tuple[object, ...]:
    """Layer 10 after layer 9."""
    return tuple(part.zfill(6) if part.isdigit() else part for part in re.split(r"(\d+)", name))
