"""Which images a mosaic shows, and what the ledger says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harvest.config.layout import AxesConfig, LayoutConfig
from harvest.config.recipe import Recipe
from harvest.ledger import Connection, derived, open_ledger, provenance, selected, vectors
from harvest.ledger.rows import DerivedRow, ImageRow, SightingRow
from harvest.stages.cards import card, findings
from harvest.stages.labelling import labelled_by
from harvest.stages.layout.known import is_known
from harvest.stages.normalize import size_digests
from harvest.stages.pictures import Pictures
from harvest.stages.selection import stage_digests
from harvest.workspace import Workspace

__all__ = ["Chosen", "choose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What is laid out: images in the order of their sha256, and the same of all that belongs to them.

    `vectors` are by model. `left_out` counts selected images that have no vector, or no value on an axis.
    """

    images: Sequence[ImageRow]
    origins: Sequence[SightingRow | None]
    cards: Sequence[dict[str, Any]]
    pictures: Pictures
    vectors: Mapping[str, NDArray[np.float32]]
    left_out: int

    @property
    def names(self) -> list[str]:
        """The file names that people know the images by."""
        return [self.pictures.name(index) for index in range(len(self.images))]


def choose(workspace: Workspace, recipe: Recipe, config: LayoutConfig, models: Sequence[str]) -> Chosen:
    """The selected images that have a vector of each of `models` (`name@digest`) and a value on every axis."""
    stages = stage_digests(recipe, workspace)
    labels = labelled_by(recipe, workspace)
    with open_ledger(workspace) as con:
        images = selected(con, stages)
        known = provenance(con, [image.sha256 for image in images])
        places: dict[str, dict[str, int]] = {}
        matrices: dict[str, NDArray[np.float32]] = {}
        for model in models:
            names, matrices[model] = vectors(con, model)
            places[model] = {sha256: row for row, sha256 in enumerate(names)}
        shown = [image for image in images if all(image.sha256 in rows for rows in places.values())]
        shown = _with_values(config, shown, known)
        pictures = Pictures.of(con, workspace, recipe, shown, side=config.tile, whole=config.fit == "contain")
        large = _largest(con, recipe)
        sha256s = [image.sha256 for image in shown]
        told = findings(con, workspace, name=recipe.name, stages=stages, labelled_by=labels, sha256s=sha256s)
    origins = [known.get(image.sha256) for image in shown]
    return Chosen(
        images=shown,
        origins=origins,
        cards=[
            card(
                image,
                origin,
                file=pictures.name(index),
                picture=large[image.sha256].path if image.sha256 in large else None,
                found=told[image.sha256],
            )
            for index, (image, origin) in enumerate(zip(shown, origins, strict=True))
        ],
        pictures=pictures,
        vectors={
            model: matrices[model][[places[model][image.sha256] for image in shown]] for model in dict.fromkeys(models)
        },
        left_out=len(images) - len(shown),
    )


def _with_values(config: LayoutConfig, images: Sequence[ImageRow], known: Mapping[str, SightingRow]) -> list[ImageRow]:
    """The images that the layout has a place for: all, unless those without a value are to be left out."""
    if not isinstance(config.project, AxesConfig) or config.unknown == "end":
        return list(images)
    origins = [known.get(image.sha256) for image in images]
    there = is_known(config.project.x, images, origins) & is_known(config.project.y, images, origins)
    return [images[index] for index in np.flatnonzero(there).tolist()]


def _largest(con: Connection, recipe: Recipe) -> dict[str, DerivedRow]:
    digests = size_digests(recipe)
    return derived(con, max(digests), digests[max(digests)]) if digests else {}
