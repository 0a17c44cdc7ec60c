"""The stage: every layout of a recipe, each in a folder of its own."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harvest.config.layout import LayoutConfig
from harvest.config.recipe import Recipe, params_digest
from harvest.errors import ComponentMissing
from harvest.ledger import latest_stage, open_ledger, write_layout
from harvest.ledger.rows import LayoutRow
from harvest.progress import Progress
from harvest.stages import embed
from harvest.stages.layout.arrange import Found, arrange
from harvest.stages.layout.cells import Work, waiting_pins
from harvest.stages.layout.choose import Chosen, choose
from harvest.stages.layout.drawing import Drawing, need_for
from harvest.stages.layout.growing import earlier_of
from harvest.stages.layout.publish import publish
from harvest.stages.layout.thumbs import read_thumbs
from harvest.stages.pictures import counts_of, is_current, sizes_of
from harvest.stages.report import StageReport
from harvest.stages.work import digest_over
from harvest.workspace import Workspace, digest_of_file

__all__ = ["STAGE", "run_layout"]

STAGE = "layout"
VERSION = 8
_MOST_NAMED = 5
_MODULES = {"umap": "umap", "tsne": "openTSNE", "flas": "vc_flas"}


def run_layout(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Lay the selected images out under `layouts/<name>/`, once for each of the recipe's layouts; nothing where they
    lie there already.

    Writes pictures, positions, layout.parquet and index.html, and the places and the measures of quality into the
    ledger. Images that have no vector of a model, or no value on an axis where these are to be left out, are left out
    and counted. The report is that of the layout where there is one, else its detail has those of all by name. Raises
    ConfigError, WeightsMissing or ComponentMissing.
    """
    reports = {}
    for index, config in enumerate(recipe.layouts):
        at = f"layout[{index}]" if isinstance(recipe.layout, tuple) else "layout"
        reports[str(config.name)] = _lay_out(workspace, recipe, config, at, progress)
    if len(reports) == 1:
        return next(iter(reports.values()))
    return StageReport(
        stage=STAGE,
        done=sum(report.done for report in reports.values()),
        skipped=sum(report.skipped for report in reports.values()),
        detail={name: dict(report.detail) for name, report in reports.items()},
    )


def _lay_out(workspace: Workspace, recipe: Recipe, config: LayoutConfig, at: str, progress: Progress) -> StageReport:
    _need(config)
    name = str(config.name)
    work = Work(recipe=recipe, config=config, at=at, models=_models(workspace, recipe, config, progress))
    chosen = choose(workspace, recipe, config, at, [model for model in work.models if model])
    digest = params_digest(STAGE, VERSION, _parameters(work))
    inputs = digest_over([*chosen.cards, chosen.left_out])
    with open_ledger(workspace) as con:
        last = latest_stage(con, STAGE, name)
        earlier = earlier_of(con, name, last, digest)
    n = len(chosen.images)
    waiting = waiting_pins(config, chosen)
    if waiting:
        progress.say(_warned(work, waiting))
    if is_current(workspace, last, digest, inputs):
        return StageReport(stage=STAGE, skipped=n, detail=dict(last.detail) if last else {})
    if n == 0:
        return StageReport(stage=STAGE, detail={"images": 0, "left_out": chosen.left_out, "files": {}})
    folder = workspace.layouts / name
    whole = config.fit == "contain"
    with read_thumbs(chosen.pictures, folder, side=config.tile, whole=whole, progress=progress) as thumbs:
        found = arrange(work, chosen, thumbs, earlier, progress)
        drawing = Drawing(folder=folder, work=work, chosen=chosen, found=found, thumbs=thumbs, progress=progress)
        written = publish(drawing, title=recipe.title or name)
    detail = {
        **found.figures,
        "left_out": chosen.left_out,
        "pins_waiting": waiting,
        "files": sizes_of(workspace, written.files),
        "folders": counts_of(workspace, written.folders),
    }
    if last is not None:
        _clear(workspace, last.detail, detail)
    with open_ledger(workspace, write=True) as con:
        write_layout(
            con,
            name=name,
            recipe_digest=digest,
            input_digest=inputs,
            rows=_rows(name, chosen, found),
            detail=detail,
        )
    progress.say(_said(name, detail))
    return StageReport(stage=STAGE, done=n, detail=detail)


def _clear(workspace: Workspace, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Take away pictures that are not asked for any more: they would show what has been removed since."""
    for path in set(before["files"]) - set(now["files"]):
        (workspace.root / path).unlink(missing_ok=True)
    for path in set(before.get("folders", {})) - set(now["folders"]):
        shutil.rmtree(workspace.root / path, ignore_errors=True)


def _need(config: LayoutConfig) -> None:
    further = _MODULES.get(config.project) if isinstance(config.project, str) else None
    modules = ("scipy", "sklearn", "shufflesnap", *((further,) if further else ()))
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise ComponentMissing(
            f"the layout needs {', '.join(missing)}: pip install 'herbarium-harvester[layout]', or leave it out: "
            "`layout: null` in the recipe"
        )
    need_for(config)


def _models(workspace: Workspace, recipe: Recipe, config: LayoutConfig, progress: Progress) -> Sequence[str | None]:
    """By part, the `name@digest` of the model whose vectors are compared, all that are missing computed."""
    names = [embed.model_of_part(recipe, part) for part in config.parts]
    for name in dict.fromkeys(name for name in names if name is not None):
        embed.embed_missing(workspace, recipe, name, progress=progress)
    return [None if name is None else embed.model_id(workspace, name) for name in names]


def _parameters(work: Work) -> dict[str, object]:
    """All that decides what a layout looks like, files by their contents."""
    grid = work.config.cells
    files = {key: digest_of_file(path) for key in ("picture", "font") if (path := getattr(grid, key)) is not None}
    said = asdict(work.config)
    if said["score"] is None:  # so that layouts from before there were scores are not made anew
        del said["score"]
    return {
        **said,
        "grid": {**asdict(grid), **files},
        "models": work.models,
        "seed": work.recipe.seed,
        "title": work.recipe.title,
    }


def _rows(name: str, chosen: Chosen, found: Found) -> list[LayoutRow]:
    row, col = found.grid.rows_columns(found.cells)
    places = zip(chosen.images, found.points.tolist(), row.tolist(), col.tolist(), strict=True)
    return [
        LayoutRow(layout=name, sha256=image.sha256, x=x, y=y, row=down, col=across)
        for image, (x, y), down, across in places
    ]


def _warned(work: Work, waiting: Sequence[str]) -> str:
    """The pins that hold nothing, for whoever waits at the terminal."""
    more = f" and {len(waiting) - _MOST_NAMED:,} more" if len(waiting) > _MOST_NAMED else ""
    named = ", ".join(waiting[:_MOST_NAMED]) + more
    return f"{work.recipe.file}: {work.at}.pins: not among the images laid out, so nothing is pinned for them: {named}"


def _said(name: str, figures: Mapping[str, Any]) -> str:
    """The figures in a line, for whoever waits at the terminal."""
    merits = []
    for key in ("distance_preservation", "trustworthiness", "recall"):
        error = f" ± {figures[f'{key}_error']}" if f"{key}_error" in figures else ""
        merits.append(f"{key.replace('_', ' ')} {figures[key]}{error}")
    grown = ""
    if figures["grown"]:
        changes = f"{figures['added']:,} images came, {figures['removed']:,} went"
        grown = f"; {changes}, {figures['moved']:.1%} of the others moved"
    shape = f"{figures['images']:,} images on {figures['columns']} x {figures['rows']}"
    return f"{name}: {shape}, {', '.join(merits)}{grown}"
