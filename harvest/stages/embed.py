"""Vectors of what images show, one row for each image and model, computed once."""

from __future__ import annotations

from harvest.config.layout import FeatureConfig
from harvest.config.recipe import Recipe
from harvest.embedders import DEFAULT_MODEL
from harvest.ledger import Connection, dropped, open_ledger
from harvest.progress import Progress
from harvest.stages import dedupe, filters
from harvest.stages.report import StageReport
from harvest.stages.vectors import STAGE, embed_all, embed_images, model_id, undecodable
from harvest.workspace import Workspace

__all__ = [
    "STAGE",
    "copies",
    "embed_missing",
    "first_model",
    "model_id",
    "model_of_part",
    "models_of",
    "run_embed",
    "undecodable",
]


def run_embed(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Embed what has no vector yet, with every model that the recipe needs or names.

    Images that dedupe dropped are left out: their better copy speaks for them. An image that does not decode gets a
    `drop` decision of the stage `embed`. Raises WeightsMissing or ComponentMissing.
    """
    with open_ledger(workspace) as con:
        left_out = copies(con, recipe)
    reports = embed_all(workspace, models_of(recipe), progress=progress, left_out=left_out)
    return StageReport(
        stage=STAGE,
        done=sum(report.done for report in reports.values()),
        skipped=sum(report.skipped for report in reports.values()),
        dropped=sum(report.dropped for report in reports.values()),
        detail={name: dict(report.detail) for name, report in reports.items()},
    )


def models_of(recipe: Recipe) -> tuple[str, ...]:
    """The models that a recipe needs: those of its filters, those of its layouts, and whatever `embed` names."""
    of_layouts = [model_of_part(recipe, part) for layout in recipe.layouts for part in layout.parts]
    named = [*_models_of_filters(recipe), *of_layouts, *recipe.embed]
    return tuple(dict.fromkeys(name for name in named if name is not None))


def model_of_part(recipe: Recipe, part: FeatureConfig) -> str | None:
    """The model whose vectors a layout compares images by; None for a part that needs none."""
    if part.of not in ("clip", "vectors"):
        return None
    return part.model or first_model(recipe)


def first_model(recipe: Recipe) -> str:
    """The model of the recipe's first filter by meaning, which stands where none is named."""
    return next(iter(_models_of_filters(recipe)), DEFAULT_MODEL)


def _models_of_filters(recipe: Recipe) -> list[str]:
    return [job.params.model for job in filters.build(recipe) if isinstance(job.params, filters.ByVectors)]


def embed_missing(workspace: Workspace, recipe: Recipe, name: str, *, progress: Progress) -> StageReport:
    """Embed with the model `name` every image that needs it and has no vector. Loads nothing when none is missing."""
    with open_ledger(workspace) as con:
        left_out = copies(con, recipe)
    return embed_images(workspace, name, progress=progress, left_out=left_out)


def copies(con: Connection, recipe: Recipe) -> set[str]:
    """The sha256s that dedupe dropped."""
    return dropped(con, dedupe.STAGE, dedupe.dedupe_digest(con, recipe))
