"""What an export was made by: the recipe as it stands, and digests of all that it rests on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harvest.export.base import RecipeFacts

__all__ = ["write_digests"]


def write_digests(folder: Path, recipe: RecipeFacts, made: Mapping[str, Any]) -> None:
    """recipe.yaml, to the letter, and DIGESTS.json: sha256s of the recipe, its sources and its policy.

    Digests are blind to layout and comments of a YAML file. `made` says by which format and settings, and which rows of
    the ledger's stages chose the images.
    """
    if recipe.text is not None:
        (folder / "recipe.yaml").write_text(recipe.text, encoding="utf-8")
    told = {
        "recipe": {"name": recipe.name, "sha256": recipe.digest},
        "sources": {source.name: source.digest for source in recipe.sources},
        "policy": recipe.policy_digest,
        **made,
    }
    (folder / "DIGESTS.json").write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
