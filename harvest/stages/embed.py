"""Vectors of what images show, one row for each image and model, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harvest.config.recipe import Recipe
from harvest.embedders import DEFAULT_MODEL
from harvest.ledger import Connection, dropped, open_ledger, vectors
from harvest.progress import Progress
from harvest.stages import dedupe, filters
from harvest.stages.report import StageReport
from harvest.stages.vectors import STAGE, embed_all, embed_images, model_id, undecodable
from harvest.workspace import Workspace

__all__ = ["STAGE", "LedgerSpace", "copies", "embed_missing", "model_id", "models_of", "run_embed", "undecodable"]


def run_embed(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Embed what has no vector yet, with every model that the recipe's filters and layout name.

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
    """The CLIP models that a recipe needs, in the order in which it names them."""
    named = [job.params.model for job in filters.build(recipe) if isinstance(job.params, filters.ByVectors)]
    if recipe.layout is not None and recipe.layout.features == "clip":
        named.append(recipe.layout.model or (named[0] if named else DEFAULT_MODEL))
    return tuple(dict.fromkeys(named))


def embed_missing(workspace: Workspace, recipe: Recipe, name: str, *, progress: Progress) -> StageReport:
    """Embed with the model `name` every image that needs it and has no vector. Loads nothing when none is missing."""
    with open_ledger(workspace) as con:
        left_out = copies(con, recipe)
    return embed_images(workspace, name, progress=progress, left_out=left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSpace:
    """A model's space: vectors of images from the ledger, and of texts as they are asked for."""

    name: str
    vectors: Mapping[str, NDArray[np.float32]] = field(repr=False)

    @classmethod
    def of(cls, con: Connection, name: str, identity: str) -> LedgerSpace:
        """All vectors that the ledger has of the model `identity`."""
        sha256s, matrix = vectors(con, identity)
        return cls(name=name, vectors=dict(zip(sha256s, matrix, strict=True)))

    def image(self, sha256: str) -> NDArray[np.float32] | None:
        """The unit vector of an image, None when it has none."""
        return self.vectors.get(sha256)


def copies(con: Connection, recipe: Recipe) -> set[str]:
    """The sha256s that dedupe dropped."""
    return dropped(con, dedupe.STAGE, dedupe.dedupe_digest(con, recipe))
