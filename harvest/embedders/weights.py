"""Weights on this machine: where their files lie, and the digest of them by which vectors are kept."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from harvest.config.models import label_of
from harvest.embedders.framing import VERSION
from harvest.errors import ComponentMissing, WeightsMissing

__all__ = ["DO_WITHOUT", "Weights", "from_hub_cache", "missing", "needed"]

DO_WITHOUT = "do without: `features: pixels` under `layout:` and no `clip` filter in the recipe"
_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A model that can be loaded here. `files` are its configuration, where it has one of its own, and its weights.

    `code` tells versions of models apart that are code alone, or that code completes.
    """

    name: str
    files: tuple[Path, ...] = ()
    code: str = ""

    @property
    def model_id(self) -> str:
        """`label@digest`, by which vectors are kept: other weights under the same name are another model."""
        digest = _digest(self.code, tuple((path, path.stat().st_mtime_ns) for path in self.files))
        return f"{label_of(self.name)}@{digest}"

    def __str__(self) -> str:
        return str(self.files[-1]) if self.files else "part of this program"


def needed(*modules: str) -> None:
    """Raise ComponentMissing unless all of `modules` can be imported; see to it that none of them reaches out.

    The weights are here or they are missing: should a part of a library still want to download, it must not get far.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise ComponentMissing(
                f"{module} is missing, and models of pictures need it: pip install 'herbarium-harvester[clip]', or "
                f"{DO_WITHOUT}"
            )


def missing(name: str, command: str) -> WeightsMissing:
    """The error for weights that `command` would fetch."""
    return WeightsMissing(
        f"{name}: the weights are not on this machine, and nothing is downloaded during a run. Either fetch them "
        f"beforehand: `{command}`, or {DO_WITHOUT}"
    )


def from_hub_cache(repository: str, files: Iterable[str]) -> Path | None:
    """The first of `files` of a Hugging Face repository that lies in the local cache."""
    import huggingface_hub  # noqa: PLC0415 - comes with open_clip and timm

    for file in files:
        found = huggingface_hub.try_to_load_from_cache(repository, file)
        if isinstance(found, str):
            return Path(found)
    return None


@lru_cache(maxsize=64)
def _digest(code: str, files: tuple[tuple[Path, int], ...]) -> str:
    digest = hashlib.sha256(VERSION.encode() + code.encode())
    for path, _ in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:_DIGITS]
