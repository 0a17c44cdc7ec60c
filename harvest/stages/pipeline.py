"""The stages of a recipe in their order. Each does only what is missing, so that any of them may be run at any time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from harvest import embedders
from harvest.config.recipe import Recipe
from harvest.progress import Progress
from harvest.stages import filters
from harvest.stages.augment import run_augment
from harvest.stages.caption import check_captions, run_caption
from harvest.stages.dedupe import run_dedupe
from harvest.stages.embed import models_of, run_embed
from harvest.stages.filter import run_filter
from harvest.stages.layout import run_layout
from harvest.stages.normalize import run_normalize, size_digests
from harvest.stages.report import StageReport
from harvest.stages.selection import stage_digests
from harvest.stages.sheet import run_sheet
from harvest.stages.split import check_split, run_split
from harvest.workspace import Workspace

__all__ = ["STAGES", "Stage", "StageReport", "check_recipe", "size_digests", "stage_digests"]


class Stage(Protocol):
    """What every stage looks like."""

    def __call__(self, workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
        """Do what is missing of this stage. Raises HarvestError for what the user can mend."""


STAGES: Mapping[str, Stage] = {
    "dedupe": run_dedupe,
    "embed": run_embed,
    "filter": run_filter,
    "split": run_split,
    "normalize": run_normalize,
    "augment": run_augment,
    "caption": run_caption,
    "sheet": run_sheet,
    "layout": run_layout,
}


def check_recipe(recipe: Recipe, *, weights: bool = True) -> None:
    """Find fault with a recipe before any work is done for it.

    Raises ConfigError for a filter, a split or captions that do not fit and, with `weights`, WeightsMissing or
    ComponentMissing for a model that is not on this machine.
    """
    filters.build(recipe)
    check_split(recipe)
    check_captions(recipe)
    if weights:
        for name in models_of(recipe):
            embedders.find_weights(name)
