"""Names of models: in a recipe those that hold a path hold it relative to its folder, as all paths there do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harvest.config.reader import Section

__all__ = ["label_of", "located", "located_name"]

_BEFORE_PATH = {"local-dir": ":", "file": ":", "timm": "@", "torchvision": "@"}


def located(document: Section) -> Section:
    """A recipe's document in which every `model`, and every entry of `embed`, has its path written out in full."""
    base = document.file.resolve().parent
    values = {key: _located(value, base) for key, value in document.values.items()}
    further = values.get("embed")
    if isinstance(further, list):
        values["embed"] = [located_name(name, base) if isinstance(name, str) else name for name in further]
    return replace(document, values=values)


def located_name(name: str, base: Path) -> str:
    """The name of a model with its path, where it has one, taken from the folder `base`.

    >>> located_name("local-dir:models/small", Path("/recipes"))
    'local-dir:/recipes/models/small'
    >>> located_name("timm:vgg16", Path("/recipes"))
    'timm:vgg16'
    """
    before = _BEFORE_PATH.get(name.partition(":")[0])
    head, found, path = name.partition(before) if before else (name, "", "")
    return f"{head}{found}{base / Path(path).expanduser()}" if path else name


def label_of(name: str) -> str:
    """The name of a model without the path to it, as it stands in its id: the same wherever the weights lie.

    >>> label_of("local-dir:/recipes/models/small"), label_of("timm:vgg16@/weights/vgg16.pth"), label_of("RN50/openai")
    ('local-dir:small', 'timm:vgg16', 'RN50/openai')
    """
    kind = name.partition(":")[0]
    before = _BEFORE_PATH.get(kind)
    if before == "@":
        return name.partition("@")[0]
    return f"{kind}:{Path(name.partition(':')[2]).name}" if before else name


def _located(value: Any, base: Path) -> Any:
    if isinstance(value, list):
        return [_located(each, base) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: located_name(each, base) if key == "model" and isinstance(each, str) else _located(each, base)
        for key, each in value.items()
    }
