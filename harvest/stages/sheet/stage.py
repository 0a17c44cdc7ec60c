"""The stage: every selected image, whole, as large as its cell allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from PIL import Image

from harvest.config.recipe import Recipe, params_digest
from harvest.config.sheet import SheetConfig
from harvest.errors import ConfigError
from harvest.ledger import latest_stage, open_ledger, record_stage
from harvest.processes import cores, in_threads
from harvest.progress import Progress
from harvest.stages.pictures import Pictures, is_current, sizes_of
from harvest.stages.report import StageReport
from harvest.stages.selection import stage_digests
from harvest.stages.sheet.pages import publish
from harvest.stages.sheet.subjects import Subject, by_colour, mean_colour, subjects
from harvest.stages.work import digest_over
from harvest.workspace import Workspace

if TYPE_CHECKING:
    from layout.bands import Bands

__all__ = ["STAGE", "run_sheet"]

STAGE = "sheet"
VERSION = 3
_COLOUR_SIDE = 16


def run_sheet(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Write `layouts/<name>/sheet-01.jpg` and on, as many pages as it takes; nothing when they are there already.

    sheet-images.json beside them lists the sha256 of the images that they show. Raises ConfigError.
    """
    if recipe.sheet is None:
        return StageReport(stage=STAGE)
    config = recipe.sheet
    heading = (config.heading or recipe.title or recipe.name) if config.headed else ""
    stages = stage_digests(recipe, workspace)
    with open_ledger(workspace) as con:
        chosen = subjects(con, recipe, config, stages)
        last = latest_stage(con, STAGE, recipe.name)
    labels = ["\n".join(subject.words(label) for label in config.labels) or None for subject in chosen]
    digest = params_digest(STAGE, VERSION, {**asdict(config), "heading": heading})
    inputs = digest_over([subject.image.sha256 for subject in chosen] + [str(label) for label in labels])
    if is_current(workspace, last, digest, inputs):
        return StageReport(stage=STAGE, skipped=len(chosen), detail=dict(last.detail) if last else {})
    if not chosen:
        return StageReport(stage=STAGE, detail={"files": {}})
    if config.sort == "colour":
        colours = _colours(workspace, recipe, chosen, progress)
        order = {subject.image.sha256: label for subject, label in zip(chosen, labels, strict=True)}
        chosen = by_colour(chosen, colours, descending=config.descending)
        labels = [order[subject.image.sha256] for subject in chosen]
    pages = _pages(workspace, recipe, config, chosen, labels, heading, progress)
    files = publish(
        workspace.layouts / recipe.name,
        pages,
        config,
        title=recipe.title or recipe.name,
        shown=[subject.image.sha256 for subject in chosen],
    )
    detail = {"files": sizes_of(workspace, files), "images": len(chosen)}
    with open_ledger(workspace, write=True) as con:
        record_stage(con, STAGE, recipe.name, digest, inputs, detail)
    return StageReport(stage=STAGE, done=len(chosen), detail=detail)


def _pages(  # noqa: PLR0917 - the sheet and what it is made of
    workspace: Workspace,
    recipe: Recipe,
    config: SheetConfig,
    chosen: Sequence[Subject],
    labels: list[str | None],
    heading: str,
    progress: Progress,
) -> Iterator[Bands]:
    from layout.encode import check_size  # noqa: PLC0415 - only when there is a sheet to draw
    from layout.sheet import SheetStyle, contact_sheets, page_size  # noqa: PLC0415

    style = SheetStyle(
        columns=config.columns,
        rows=config.rows,
        cell=(config.tile, config.height or config.tile),
        gap=config.gap,
        margin=config.margin,
        background=config.background,
        border=config.border,
        border_colour=config.border_colour,
    )
    width, height = page_size(len(chosen), style, heading=heading, lines=len(config.labels))
    try:
        check_size(width, height, "png" if config.format == "png" else "jpeg")
    except ValueError as error:
        raise ConfigError(recipe.file, "sheet", f"a page has {error}, or the columns and rows fewer") from None
    pictures = _pictures(workspace, recipe, chosen, max(style.cell), progress)
    yield from contact_sheets(pictures, len(chosen), style, heading=heading, labels=labels if config.labels else None)


def _pictures(
    workspace: Workspace, recipe: Recipe, chosen: Sequence[Subject], side: int, progress: Progress
) -> Iterator[Image.Image]:
    """The pictures in order, some decoded ahead in threads, so that memory does not grow with their number."""
    images = [subject.image for subject in chosen]
    with open_ledger(workspace) as con:
        pictures = Pictures.of(con, workspace, recipe, images, side=side, whole=True)
    with progress.start(STAGE, len(images)) as task:
        for picture in in_threads(pictures, range(len(images)), ahead=4 * cores()):
            yield picture
            task.advance()


def _colours(
    workspace: Workspace, recipe: Recipe, chosen: Sequence[Subject], progress: Progress
) -> list[tuple[float, float, float]]:
    return [mean_colour(picture) for picture in _pictures(workspace, recipe, chosen, _COLOUR_SIDE, progress)]
