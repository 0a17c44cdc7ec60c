"""The formats, and how a recipe's `export:` sections become jobs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harvest.config.reader import Section
from harvest.config.recipe import Recipe
from harvest.errors import ConfigError, UsageError
from harvest.export.base import ExportFormat, ExportSettings
from harvest.export.formats.civitai import CIVITAI
from harvest.export.formats.coco import COCO
from harvest.export.formats.diffusers import DIFFUSERS
from harvest.export.formats.folder import FOLDER
from harvest.export.formats.imagefolder import IMAGEFOLDER
from harvest.export.formats.kohya import KOHYA
from harvest.export.formats.parquet import PARQUET
from harvest.export.formats.stylegan import STYLEGAN
from harvest.export.formats.webdataset import WEBDATASET
from harvest.export.paper.questions import QUESTIONS
from harvest.places import normal_url

__all__ = ["FORMATS", "ExportJob", "build"]

_ALL: list[ExportFormat[Any]] = [
    FOLDER,
    IMAGEFOLDER,
    PARQUET,
    WEBDATASET,
    COCO,
    KOHYA,
    DIFFUSERS,
    CIVITAI,
    STYLEGAN,
]
FORMATS: Mapping[str, ExportFormat[Any]] = {entry.name: entry for entry in _ALL}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportJob:
    """One validated `export:` section."""

    format: ExportFormat[Any]
    settings: ExportSettings


def build(recipe: Recipe, *, to: str | None = None) -> list[ExportJob]:
    """Validate the recipe's exports, in their order. Raises ConfigError at the first thing that does not fit.

    `to` keeps those of one format; where the recipe has none of it, it asks for one with that format's defaults.
    """
    _check_answers(recipe)
    jobs = [_job(recipe, section) for section in recipe.export]
    folders: set[str] = set()
    for job, section in zip(jobs, recipe.export, strict=True):
        folder = job.settings.folder
        if folder in folders:
            raise section.error("name", f"expected a name that no other export has, got {folder!r}")
        folders.add(folder)
    if to is None:
        return jobs
    asked = Section(recipe.file, "--to", {"format": to})
    return [job for job in jobs if job.format.name == to] or [_job(recipe, asked)]


def _check_answers(recipe: Recipe) -> None:
    known = [name for questions in QUESTIONS.values() for name in questions]
    for name in recipe.about.answers:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {nearest[0]!r}?" if nearest else "DATASHEET.md of an export names them all"
            raise ConfigError(recipe.file, f"about.answers.{name}", f"no question is called so; {hint}")


def _check_training(recipe: Recipe, section: Section, settings: ExportSettings) -> None:
    """Parts and variants have to be made before they can be exported; variants are of one size."""
    if settings.splits and recipe.split is None:
        raise section.error("splits", "expected `split:` in the recipe, which makes the parts, got none")
    if settings.augment and recipe.augment is None:
        raise section.error("augment", "expected `augment:` in the recipe, which makes the variants, got none")
    if settings.augment and recipe.augment is not None and recipe.augment.size != settings.size:
        raise section.error(
            "augment", f"variants are made of size {recipe.augment.size}, the export is of size {settings.size}"
        )


def _job(recipe: Recipe, section: Section) -> ExportJob:
    name = section.values.get("format")
    if not isinstance(name, str) or name not in FORMATS:
        nearest = difflib.get_close_matches(str(name), FORMATS, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise section.error("format", f"expected one of {', '.join(FORMATS)}, got {name!r}{hint}")
    chosen = FORMATS[name]
    settings: ExportSettings = section.read(chosen.settings)
    sizes = [size.px for size in recipe.sizes]
    if settings.size is not None and settings.size not in sizes:
        listed = ", ".join(str(px) for px in sizes) or "none"
        raise section.error("size", f"expected one of the recipe's sizes ({listed}) or null, got {settings.size}")
    if settings.captions == "recipe" and recipe.captions is None:
        raise section.error("captions", "expected `captions:` in the recipe to take them from, got none")
    _check_training(recipe, section, settings)
    if settings.to is not None:
        try:
            normal_url(settings.to)
        except UsageError as error:
            raise section.error("to", str(error)) from None
    if settings.labels == "model" and not any("labels" in entry.values for entry in recipe.filter):
        raise section.error("labels", "expected a `labels` filter in the recipe to take labels from, got none")
    captions = settings.captions or ("title" if recipe.captions is None else "recipe")
    learns = chosen.only_training and recipe.split is not None and not settings.splits
    settings = replace(settings, captions=captions, splits=("train",) if learns else settings.splits)
    return ExportJob(format=chosen, settings=chosen.complete(recipe, section, settings))
