"""Which of dedupe's decisions are in force, and the measure that they rest on; nothing here is compiled."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from harvest.config.dedupe import DedupeConfig
from harvest.config.recipe import Recipe, params_digest
from harvest.ledger import Connection, latest_stage

__all__ = ["LIKENESS", "REGISTER_VERSION", "STAGE", "VERSION", "dedupe_digest", "digest_for", "measure_version"]

STAGE = "dedupe"
VERSION = 2
REGISTER_VERSION: Final = "upright-sift192/affine/window15-trim10/colour/2"
LIKENESS: Final = 0.965  # least score of a copy: altered ones have .97 and more, written pages of one layout up to .95


def dedupe_digest(con: Connection, recipe: Recipe) -> str:
    """The digest of the decisions in force: those made for the newest set that was deduplicated by this recipe.

    Images that came in since have no decision under it. Before the first run no decision has it.
    """
    last = latest_stage(con, STAGE, recipe.name)
    return digest_for(recipe.dedupe, last.input_digest if last else "")


def digest_for(config: DedupeConfig, inputs: str) -> str:
    """The digest of decisions about the set whose digest is `inputs`."""
    measure = {"likeness": LIKENESS, "measure": measure_version(config.dihedral)}
    return params_digest(STAGE, VERSION, {**asdict(config), **measure, "inputs": inputs})


def measure_version(dihedral: str) -> str:
    """The version under which likenesses are remembered: what may be mirrored is part of the measure."""
    return REGISTER_VERSION if dihedral == "none" else f"{REGISTER_VERSION}/{dihedral}"
