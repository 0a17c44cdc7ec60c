"""Which decisions, together, say that an image belongs to a recipe's dataset."""

from __future__ import annotations

from harvest.config.recipe import Recipe
from harvest.ledger import open_ledger
from harvest.stages import dedupe
from harvest.stages.filter import filter_digests
from harvest.workspace import Workspace

__all__ = ["stage_digests"]


def stage_digests(recipe: Recipe, workspace: Workspace) -> dict[str, str]:
    """Stage -> recipe digest of the decisions in force, for harvest.ledger.selected, exports and audits.

    Dedupe decides about a set, so its digest is that of the newest set it saw here; images that came later are not
    selected until it ran again. Filters by meaning name the weights they judged with. Raises ConfigError and
    WeightsMissing.
    """
    filters = filter_digests(workspace, recipe)
    with open_ledger(workspace) as con:
        return {dedupe.STAGE: dedupe.dedupe_digest(con, recipe), **filters}
