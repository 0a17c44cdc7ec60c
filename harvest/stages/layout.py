"""The rectified mosaic of the selected images, with its positions, its viewer and its figures of merit."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image, ImageOps

from harvest.config.recipe import LayoutConfig, Recipe, params_digest
from harvest.errors import ComponentMissing
from harvest.ledger import Connection, derived, latest_stage, open_ledger, provenance, selected, vectors, write_layout
from harvest.ledger.rows import DerivedRow, ImageRow, LayoutRow
from harvest.processes import in_threads
from harvest.progress import Progress
from harvest.stages import embed
from harvest.stages.cards import card, findings
from harvest.stages.labelling import labelled_by
from harvest.stages.normalize import size_digests
from harvest.stages.pictures import Pictures, is_current, sizes_of
from harvest.stages.report import StageReport
from harvest.stages.selection import stage_digests
from harvest.stages.work import digest_over
from harvest.workspace import Workspace, published, write_published

if TYPE_CHECKING:
    from layout.grid import Grid

__all__ = ["STAGE", "run_layout"]

STAGE = "layout"
VERSION = 2
_FEATURE_SIDE = 32
_AHEAD = 64


def run_layout(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Lay the selected images out under `layouts/<name>/`; nothing when they lie there already.

    Writes mosaic.png, scatter.png, grid_positions.json, umap_positions.json, layout.parquet and index.html with its
    cards, and the places and the measures of quality into the ledger. With features of a model, images that could not
    be embedded are left out and counted. Raises WeightsMissing or ComponentMissing.
    """
    if recipe.layout is None:
        return StageReport(stage=STAGE)
    _need(recipe.layout)
    model = _model(workspace, recipe, progress)
    chosen = _chosen(workspace, recipe, model)
    digest = params_digest(
        STAGE, VERSION, {**asdict(recipe.layout), "model_id": model, "seed": recipe.seed, "title": recipe.title}
    )
    inputs = digest_over([*chosen.cards, chosen.left_out])
    with open_ledger(workspace) as con:
        last = latest_stage(con, STAGE, recipe.name)
    n = len(chosen.images)
    if is_current(workspace, last, digest, inputs):
        return StageReport(stage=STAGE, skipped=n, detail=dict(last.detail) if last else {})
    if n == 0:
        return StageReport(stage=STAGE, detail={"images": 0, "left_out": chosen.left_out, "files": {}})
    found = _arrange(recipe, chosen, progress)
    files = _publish(workspace.layouts / recipe.name, recipe, chosen, found)
    detail = {**found.figures, "left_out": chosen.left_out, "files": sizes_of(workspace, files)}
    with open_ledger(workspace, write=True) as con:
        write_layout(
            con,
            name=recipe.name,
            recipe_digest=digest,
            input_digest=inputs,
            rows=_rows(recipe, chosen, found),
            detail=detail,
        )
    return StageReport(stage=STAGE, done=n, detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """What is laid out: images in the order of their sha256, and the same of all that belongs to them."""

    images: Sequence[ImageRow]
    cards: Sequence[dict[str, Any]]
    tiles: Pictures
    small: Pictures
    vectors: NDArray[np.float32] | None
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The layout: points in the plane, cells on the grid, and how good they are."""

    points: NDArray[np.float64]
    cells: NDArray[np.int64]
    grid: Grid
    figures: dict[str, Any]


def _need(config: LayoutConfig) -> None:
    modules = ("scipy", "sklearn", "shufflesnap", *(("umap",) if config.project == "umap" else ()))
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise ComponentMissing(
            f"the layout needs {', '.join(missing)}: pip install 'herbarium-harvester[layout]', or leave it out: "
            "`layout: null` in the recipe"
        )


def _model(workspace: Workspace, recipe: Recipe, progress: Progress) -> str | None:
    """The `name@digest` of the model whose vectors are laid out, all that are missing computed; None for pixels."""
    name = embed.layout_model(recipe)
    if name is None:
        return None
    embed.embed_missing(workspace, recipe, name, progress=progress)
    return embed.model_id(workspace, name)


def _chosen(workspace: Workspace, recipe: Recipe, model: str | None) -> _Chosen:
    assert recipe.layout is not None
    stages = stage_digests(recipe, workspace)
    labels = labelled_by(recipe, workspace)
    with open_ledger(workspace) as con:
        images = selected(con, stages)
        origins = provenance(con, [image.sha256 for image in images])
        known = dict(zip(*vectors(con, model), strict=True)) if model else None
        shown = [image for image in images if known is None or image.sha256 in known]
        tiles = Pictures.of(con, workspace, recipe, shown, side=recipe.layout.tile)
        small = Pictures.of(con, workspace, recipe, shown, side=_FEATURE_SIDE)
        large = _largest(con, recipe)
        sha256s = [image.sha256 for image in shown]
        found_out = findings(con, workspace, name=recipe.name, stages=stages, labelled_by=labels, sha256s=sha256s)
    found = None
    if known is not None:
        found = np.array([known[image.sha256] for image in shown], dtype=np.float32)
    cards = []
    for index, image in enumerate(shown):
        sized = large.get(image.sha256)
        picture = sized.path if sized else None
        origin, told = origins.get(image.sha256), found_out[image.sha256]
        cards.append(card(image, origin, file=tiles.name(index), picture=picture, found=told))
    return _Chosen(
        images=shown, cards=cards, tiles=tiles, small=small, vectors=found, left_out=len(images) - len(shown)
    )


def _largest(con: Connection, recipe: Recipe) -> dict[str, DerivedRow]:
    digests = size_digests(recipe)
    return derived(con, max(digests), digests[max(digests)]) if digests else {}


def _arrange(recipe: Recipe, chosen: _Chosen, progress: Progress) -> _Found:
    from layout.assign import assign  # noqa: PLC0415 - only when there is something to lay out
    from layout.features import pixel_pyramid  # noqa: PLC0415
    from layout.grid import best_grid  # noqa: PLC0415
    from layout.metrics import distance_preservation, mean_displacement, trustworthiness  # noqa: PLC0415
    from layout.project import project  # noqa: PLC0415

    config = recipe.layout
    assert config is not None
    features = pixel_pyramid(_tiles(chosen.small, progress)) if chosen.vectors is None else chosen.vectors
    metric: Literal["euclidean", "cosine"] = "euclidean" if chosen.vectors is None else "cosine"
    method: Literal["umap", "pca"] = "umap" if config.project == "umap" else "pca"
    with progress.start(f"layout ({config.project})", 4) as task:
        points = project(features, method=method, seed=recipe.seed, metric=metric)
        task.advance()
        grid = best_grid(len(points), config.aspect)
        cells = assign(points, grid, seed=recipe.seed)
        task.advance()
        figures = {
            "images": len(points),
            "columns": grid.columns,
            "rows": grid.rows,
            "features": config.features,
            "distance_preservation": round(distance_preservation(features, cells, grid, seed=recipe.seed), 4),
            "trustworthiness": round(trustworthiness(features, cells, grid, seed=recipe.seed), 4),
            "mean_displacement": round(mean_displacement(points, cells, grid), 4),
        }
        task.advance(2)
    return _Found(points=points, cells=cells, grid=grid, figures=figures)


def _tiles(pictures: Pictures, progress: Progress) -> NDArray[np.uint8]:
    """Squares of 32 pixels, (n, 32, 32, 3)."""
    side = (_FEATURE_SIDE, _FEATURE_SIDE)

    def square(index: int) -> NDArray[np.uint8]:
        picture = pictures(index)
        return np.asarray(picture if picture.size == side else ImageOps.fit(picture, side))

    with progress.start("read tiles", len(pictures.images)) as task:
        tiles = []
        for tile in in_threads(square, range(len(pictures.images)), ahead=_AHEAD):
            tiles.append(tile)
            task.advance()
    return np.stack(tiles)


def _publish(folder: Path, recipe: Recipe, chosen: _Chosen, found: _Found) -> list[Path]:
    from layout.positions import grid_positions, umap_positions  # noqa: PLC0415
    from layout.render import largest_tile, mosaic, scatter  # noqa: PLC0415
    from layout.viewer import write_viewer  # noqa: PLC0415

    config = recipe.layout
    assert config is not None
    tile = min(config.tile, largest_tile(found.grid, gutter=config.gutter))
    n = len(chosen.images)
    names = [chosen.tiles.name(index) for index in range(n)]
    picture = mosaic(
        in_threads(chosen.tiles, range(n), ahead=_AHEAD),
        found.cells,
        found.grid,
        tile=tile,
        gutter=config.gutter,
        background=config.background,
    )
    _save(folder / "mosaic.png", picture)
    cloud = scatter(in_threads(chosen.tiles, range(n), ahead=_AHEAD), found.points, background=config.background)
    _save(folder / "scatter.png", cloud)
    write_published(folder / "grid_positions.json", _json(grid_positions(names, found.cells, found.grid)))
    write_published(folder / "umap_positions.json", _json(umap_positions(names, found.points)))
    _save_table(folder / "layout.parquet", chosen, found, names)
    viewer = write_viewer(
        folder,
        title=recipe.title or recipe.name,
        grid=found.grid,
        cells=found.cells,
        cards=chosen.cards,
        picture="mosaic.png",
        tile=tile,
        gutter=config.gutter,
        background=config.background,
    )
    here = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith((".", "sheet-"))]
    return sorted({*here, *viewer})


def _save(path: Path, picture: Image.Image) -> None:
    with published(path) as temporary:
        picture.save(temporary, "PNG")


def _save_table(path: Path, chosen: _Chosen, found: _Found, names: Sequence[str]) -> None:
    row, col = found.grid.rows_columns(found.cells)
    table = pa.table(
        {
            "sha256": [image.sha256 for image in chosen.images],
            "file": list(names),
            "x": found.points[:, 0],
            "y": found.points[:, 1],
            "row": row.astype(np.int32),
            "col": col.astype(np.int32),
        }
    )
    with published(path) as temporary:
        pq.write_table(table, temporary)


def _rows(recipe: Recipe, chosen: _Chosen, found: _Found) -> list[LayoutRow]:
    row, col = found.grid.rows_columns(found.cells)
    places = zip(chosen.images, found.points.tolist(), row.tolist(), col.tolist(), strict=True)
    return [
        LayoutRow(layout=recipe.name, sha256=image.sha256, x=x, y=y, row=down, col=across)
        for image, (x, y), down, across in places
    ]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
