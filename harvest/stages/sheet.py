"""The contact sheet: every selected image, whole, in the order of source and title."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from PIL import Image

from harvest.config.recipe import Recipe, SheetConfig, params_digest
from harvest.ledger import latest_stage, open_ledger, provenance, record_stage, selected
from harvest.ledger.rows import SightingRow
from harvest.progress import Progress
from harvest.stages.pictures import Pictures, is_current, sizes_of
from harvest.stages.report import StageReport
from harvest.stages.selection import stage_digests
from harvest.stages.work import digest_over
from harvest.workspace import SHEET_INDEX, Workspace, published, write_published

__all__ = ["STAGE", "run_sheet"]

STAGE = "sheet"
VERSION = 1
_QUALITY = 90


def run_sheet(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Write `layouts/<name>/sheet-01.jpg` and on, as many pages as it takes; nothing when they are there already.

    sheet-images.json beside them lists the sha256 of the images that they show.
    """
    if recipe.sheet is None:
        return StageReport(stage=STAGE)
    config = recipe.sheet
    heading = recipe.title or recipe.name
    stages = stage_digests(recipe, workspace)
    with open_ledger(workspace) as con:
        chosen = selected(con, stages)
        origins = provenance(con, [image.sha256 for image in chosen])
        chosen.sort(key=lambda image: _order(origins.get(image.sha256), image.sha256))
        pictures = Pictures.of(con, workspace, recipe, chosen, side=config.tile, whole=True)
        last = latest_stage(con, STAGE, recipe.name)
    labels = [_label(config, origins.get(image.sha256)) for image in chosen]
    digest = params_digest(STAGE, VERSION, {**asdict(config), "heading": heading})
    inputs = digest_over([image.sha256 for image in chosen] + [str(label) for label in labels])
    if is_current(workspace, last, digest, inputs):
        return StageReport(stage=STAGE, skipped=len(chosen), detail=dict(last.detail) if last else {})
    if not chosen:
        return StageReport(stage=STAGE, detail={"files": {}})
    sheets = _sheets(config, pictures, labels if config.label else None, heading, progress)
    pages = _publish(workspace.layouts / recipe.name, sheets, config.columns, [image.sha256 for image in chosen])
    detail = {"files": sizes_of(workspace, pages), "images": len(chosen)}
    with open_ledger(workspace, write=True) as con:
        record_stage(con, STAGE, recipe.name, digest, inputs, detail)
    return StageReport(stage=STAGE, done=len(chosen), detail=detail)


def _sheets(
    config: SheetConfig, pictures: Pictures, labels: list[str | None] | None, heading: str, progress: Progress
) -> Iterator[Image.Image]:
    from layout.sheet import contact_sheets  # noqa: PLC0415 - only when there is a sheet to draw

    n = len(pictures.images)
    with progress.start(STAGE, n) as task:

        def counted(index: int) -> Image.Image:
            task.advance()
            return pictures(index)

        yield from contact_sheets(counted, n, heading=heading, columns=config.columns, tile=config.tile, labels=labels)


def _publish(folder: Path, sheets: Iterator[Image.Image], columns: int, shown: Sequence[str]) -> list[Path]:
    """Write the pages, and the list of the images on them, left to right and down."""
    pages = []
    # Whoever finds sheets without their list has to take it that they show everything.
    listed = folder / SHEET_INDEX
    listed.unlink(missing_ok=True)
    for number, page in enumerate(sheets, start=1):
        path = folder / f"sheet-{number:02}.jpg"
        with published(path) as temporary:
            page.save(temporary, "JPEG", quality=_QUALITY)
        pages.append(path)
    for path in set(folder.glob("sheet-*.jpg")) - set(pages):
        path.unlink()
    write_published(listed, json.dumps({"columns": columns, "images": list(shown)}) + "\n")
    return [*pages, listed]


def _order(origin: SightingRow | None, sha256: str) -> tuple[str, str, str]:
    return (origin.source if origin else "", (origin.title or "").casefold() if origin else "", sha256)


def _label(config: SheetConfig, origin: SightingRow | None) -> str | None:
    if config.label is None or origin is None:
        return None
    return str(getattr(origin, config.label) or "unknown")
