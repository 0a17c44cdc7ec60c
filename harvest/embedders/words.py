"""Tokenizers: open_clip's own comes with it, others need files that are not downloaded during a run."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from harvest.embedders.weights import from_hub_cache, needed
from harvest.errors import ComponentMissing, WeightsMissing

__all__ = ["tokenizer", "words_missing"]

_LOCAL = "local-dir:"
_FILES = ("tokenizer.json", "tokenizer_config.json")
_VOCABULARIES = ("tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.txt")


def tokenizer(name: str, source: str) -> Any:
    """The tokenizer of the model `name`, whose configuration open_clip finds under `source`: an architecture or
    `local-dir:FOLDER`. Raises WeightsMissing when files are not here, ComponentMissing when a package is not.
    """
    if (lack := words_missing(name, source)) is not None:
        raise lack
    import open_clip  # noqa: PLC0415 - seconds to import, and an optional component

    return open_clip.get_tokenizer(source)


def words_missing(name: str, source: str) -> ComponentMissing | None:
    """What keeps a model from understanding words, which SigLIP, PE and others read with tokenizers of the hub."""
    repository = _text_config(source).get("hf_tokenizer_name")
    if not repository:
        return None
    if source.startswith(_LOCAL):
        folder = Path(source.removeprefix(_LOCAL))
        here = any((folder / file).is_file() for file in _VOCABULARIES)
        way = f"put {' and '.join(_FILES)} of {repository} beside the weights"
    else:
        here = from_hub_cache(repository, _VOCABULARIES) is not None
        way = f"fetch them beforehand: `hf download {repository} {' '.join(_FILES)}`"
    if not here:
        return WeightsMissing(
            f"{name}: the files of its tokenizer are not on this machine, and nothing is downloaded during a run. "
            f"Either {way}, or ask it about pictures only: by example images, not by words"
        )
    if importlib.util.find_spec("transformers") is None:
        return ComponentMissing(
            f"{name}: its tokenizer needs transformers: pip install transformers, or ask it about pictures only"
        )
    return None


def _text_config(source: str) -> dict[str, Any]:
    if source.startswith(_LOCAL):
        file = Path(source.removeprefix(_LOCAL)) / "open_clip_config.json"
        config = json.loads(file.read_text(encoding="utf-8"))["model_cfg"]
    else:
        needed("open_clip")
        import open_clip  # noqa: PLC0415

        config = open_clip.get_model_config(source) or {}
    return dict(config.get("text_cfg", {}))
