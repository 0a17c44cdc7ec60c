"""Which labels the recipe's filters find, and by which model and vocabulary they stand in the ledger."""

from __future__ import annotations

from harvest.config.recipe import Recipe
from harvest.stages import embed, filters
from harvest.stages.filters.labels import LabelsFilter
from harvest.workspace import Workspace

__all__ = ["label_filters", "labelled_by"]


def label_filters(recipe: Recipe) -> list[LabelsFilter]:
    """The recipe's `labels` filters, in its order."""
    return [job.params for job in filters.build(recipe) if isinstance(job.params, LabelsFilter)]


def labelled_by(recipe: Recipe, workspace: Workspace) -> list[tuple[str, str]]:
    """(model, vocabulary) by which the recipe's filters find labels, in its order."""
    found = [(embed.model_id(workspace, each.model), each.vocabulary_digest) for each in label_filters(recipe)]
    return list(dict.fromkeys(found))
