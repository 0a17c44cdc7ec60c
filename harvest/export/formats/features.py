"""How Hugging Face's `datasets` writes down what columns mean: JSON in a Parquet file's schema.

https://huggingface.co/docs/datasets/about_dataset_features
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["features_metadata"]


def features_metadata(kinds: Mapping[str, str | Sequence[str]]) -> dict[str, str]:
    """Metadata for a schema. A kind is `image`, a type such as `string`, `list` of strings, or the names of classes."""
    features = {name: _feature(kind) for name, kind in kinds.items()}
    return {"huggingface": json.dumps({"info": {"features": features}}, ensure_ascii=False)}


def _feature(kind: str | Sequence[str]) -> dict[str, Any]:
    if not isinstance(kind, str):
        return {"names": list(kind), "_type": "ClassLabel"}
    if kind == "image":
        return {"_type": "Image"}
    if kind == "list":
        return {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"}
    return {"dtype": kind, "_type": "Value"}
