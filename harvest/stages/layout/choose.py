"""Which images a mosaic shows, and what the ledger says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harvest.config.layout import AxesConfig, LayoutConfig
from harvest.config.recipe import Recipe
from harvest.errors import ConfigError
from harvest.ledger import Connection, derived, open_ledger, provenance, selected, vectors
from harvest.ledger.rows import DerivedRow, ImageRow, SightingRow
from harvest.stages.cards import card, findings
from harvest.stages.labelling import labelled_by
from harvest.stages.layout.known import Facts, is_known
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

    facts: Facts
    cards: Sequence[dict[str, Any]]
    pictures: Pictures
    vectors: Mapping[str, NDArray[np.float32]]
    left_out: int

    @property
    def images(self) -> Sequence[ImageRow]:
        """The images themselves."""
        return self.facts.images

    @property
    def names(self) -> list[str]:
        """The file names that people know the images by."""
        return [self.pictures.name(index) for index in range(len(self.images))]


def choose(workspace: Workspace, recipe: Recipe, config: LayoutConfig, at: str, models: Sequence[str]) -> Chosen:
    """The selected images that have a vector of each of `models` (`name@digest`) and a value on every axis.

    Raises ConfigError at `at`, the layout's place in the recipe, for scores of a filter that gives none.
    """
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
        sha256s = [image.sha256 for image in shown]
        told = findings(con, workspace, name=recipe.name, stages=stages, labelled_by=labels, sha256s=sha256s)
        facts = _with_values(config, _facts(recipe, config, at, shown, known, told, stages))
        shown = list(facts.images)
        pictures = Pictures.of(con, workspace, recipe, shown, side=config.tile, whole=config.fit == "contain")
        large = _largest(con, recipe)
    return Chosen(
        facts=facts,
        cards=[
            card(
                image,
                origin,
                file=pictures.name(index),
                picture=large[image.sha256].path if image.sha256 in large else None,
                found=told[image.sha256],
            )
            for index, (image, origin) in enumerate(zip(shown, facts.origins, strict=True))
        ],
        pictures=pictures,
        vectors={
            model: matrices[model][[places[model][image.sha256] for image in shown]] for model in dict.fromkeys(models)
        },
        left_out=len(images) - len(shown),
    )


def _facts(  # noqa: PLR0917 - what is known of images comes from several tables
    recipe: Recipe,
    config: LayoutConfig,
    at: str,
    images: Sequence[ImageRow],
    known: Mapping[str, SightingRow],
    told: Mapping[str, Mapping[str, Any]],
    stages: Mapping[str, str],
) -> Facts:
    filter_ = _scored(recipe, config, at, told, stages)
    return Facts(
        images=images,
        origins=[known.get(image.sha256) for image in images],
        labels=[next(iter(told[image.sha256].get("labels", ())), None) for image in images],
        scores=[told[image.sha256].get("scores", {}).get(filter_) for image in images],
    )


def _scored(
    recipe: Recipe,
    config: LayoutConfig,
    at: str,
    told: Mapping[str, Mapping[str, Any]],
    stages: Mapping[str, str],
) -> str | None:
    """The filter whose values are the layout's scores, as cards call it; None where it uses none."""
    if "score" not in config.compared:
        return None
    given = {name for found in told.values() for name in found.get("scores", ())}
    filters = [stage.removeprefix("filter.") for stage in stages if stage.startswith("filter.")]
    numbered = [name for name in filters if name in given]
    wanted = config.score.removeprefix("filter.") if config.score else next(reversed(numbered), None)
    if told and wanted not in numbered:
        there = ", ".join(f"filter.{name}" for name in numbered) or "none does yet"
        raise ConfigError(
            recipe.file, f"{at}.score", f"expected a filter that gives numbers ({there}), got {config.score!r}"
        )
    return wanted


def _with_values(config: LayoutConfig, facts: Facts) -> Facts:
    """Of the images that the layout has a place for: all, unless those without a value are to be left out."""
    if not isinstance(config.project, AxesConfig) or config.unknown == "end":
        return facts
    there = np.flatnonzero(is_known(config.project.x, facts) & is_known(config.project.y, facts)).tolist()
    return Facts(
        images=[facts.images[index] for index in there],
        origins=[facts.origins[index] for index in there],
        labels=[facts.labels[index] for index in there],
        scores=[facts.scores[index] for index in there],
    )


def _largest(con: Connection, recipe: Recipe) -> dict[str, DerivedRow]:
    digests = size_digests(recipe)
    return derived(con, max(digests), digests[max(digests)]) if digests else {}
