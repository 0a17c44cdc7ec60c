"""From images to places: features, a plane, a grid, a cell for each, and how good that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from harvest.config.layout import AxesConfig, FeatureConfig, GridConfig, LayoutConfig
from harvest.config.recipe import Recipe
from harvest.errors import ConfigError
from harvest.progress import Progress, Task
from harvest.stages.layout.choose import Chosen
from harvest.stages.layout.known import feature_of, places_along
from harvest.stages.layout.thumbs import Thumbs

if TYPE_CHECKING:
    from layout.grid import Grid
    from layout.project import Metric

__all__ = ["Found", "Work", "arrange", "described"]

_PIXELS, _COLOURS = 32, 64  # sides at which pictures are compared
_AT_ONCE = 512
_STEPS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One of a recipe's layouts, where in the recipe it stands, and the models of its parts (None: needs none)."""

    recipe: Recipe
    config: LayoutConfig
    at: str
    models: Sequence[str | None]

    def error(self, key: str, message: str) -> ConfigError:
        """A ConfigError at `key` of the layout."""
        return ConfigError(self.recipe.file, f"{self.at}.{key}", message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The layout: points in the plane, cells on the grid, and how good they are."""

    points: NDArray[np.float64]
    cells: NDArray[np.int64]
    grid: Grid
    figures: dict[str, Any]


def described(parts: Sequence[FeatureConfig]) -> str:
    """What images are compared by, in words: `clip`, or `clip + 0.3 colours`."""
    words = [part.of if part.weight == 1 else f"{part.weight:g} {part.of}" for part in parts]
    return " + ".join(words) if len(parts) > 1 else parts[0].of


def arrange(work: Work, chosen: Chosen, thumbs: Thumbs, progress: Progress) -> Found:
    """Lay the chosen images out. Raises ConfigError for a grid or for pins that do not fit the images."""
    from layout.metrics import distance_preservation, mean_displacement, trustworthiness  # noqa: PLC0415

    config, seed = work.config, work.recipe.seed
    grid = _grid(work, len(chosen.images))
    pinned = _pinned(work, chosen, grid)
    features, metric = _features(work, chosen, thumbs, progress)
    points = _points(work, chosen, grid, features, metric, progress)
    cells = _cells(work, features, points, grid, pinned, progress)
    with progress.start("measure", 2) as task:
        preserved = distance_preservation(features, cells, grid, seed=seed)
        task.advance()
        trusted = trustworthiness(features, cells, grid, seed=seed)
        moved = mean_displacement(points, cells, grid)
        task.advance()
    figures = {
        "images": len(points),
        "columns": grid.columns,
        "rows": grid.rows,
        "holes": grid.capacity - len(points),
        "features": described(config.parts),
        "project": config.project if isinstance(config.project, str) else f"{config.project.x}, {config.project.y}",
        "refined": config.refine and isinstance(config.project, str),
        "pinned": len(pinned),
        "distance_preservation": round(preserved, 4),
        "trustworthiness": round(trusted, 4),
        "mean_displacement": round(moved, 4),
    }
    return Found(points=points, cells=cells, grid=grid, figures=figures)


def _grid(work: Work, n: int) -> Grid:
    from layout.grid import grid_of  # noqa: PLC0415 - only when there is something to lay out
    from layout.stencil import stencil_grid  # noqa: PLC0415

    wanted = work.config.cells
    hexagonal = wanted.cells == "hexagons"
    try:
        stencil = _stencil(work, wanted)
        if stencil is None:
            return grid_of(n, aspect=work.config.aspect, columns=wanted.columns, rows=wanted.rows, hexagonal=hexagonal)
        return stencil_grid(stencil, n, columns=wanted.columns, rows=wanted.rows, hexagonal=hexagonal)
    except ValueError as error:
        raise work.error("grid", str(error)) from None


def _stencil(work: Work, wanted: GridConfig) -> NDArray[np.float32] | None:
    from layout.stencil import Ink, picture_stencil, shape_stencil, text_stencil  # noqa: PLC0415

    if wanted.shape is not None:
        return shape_stencil(wanted.shape)
    if wanted.text is not None:
        return text_stencil(wanted.text, str(wanted.font) if wanted.font else None)
    if wanted.picture is None:
        return None
    try:
        with Image.open(wanted.picture) as picture:
            return picture_stencil(picture, ink=cast("Ink", wanted.ink))
    except (UnidentifiedImageError, OSError) as error:
        raise work.error("grid.picture", f"cannot be read as a picture: {error}") from None


def _pinned(work: Work, chosen: Chosen, grid: Grid) -> dict[int, int]:
    """Number of an image -> its cell. Pins of images that are not among the chosen wait for them."""
    by_name: dict[str, int] = {}
    for index, (image, name) in enumerate(zip(chosen.images, chosen.names, strict=True)):
        by_name |= {image.sha256: index, name: index}
    found: dict[int, int] = {}
    for name, (column, row) in work.config.pins.items():
        if name not in by_name:
            continue
        index = by_name[name]
        if not (column < grid.columns and row < grid.rows and grid.mask[row, column]):
            raise work.error(
                f"pins.{name}",
                f"expected an open cell of {grid.columns} columns and {grid.rows} rows, got {[column, row]}",
            )
        if index in found:
            raise work.error(f"pins.{name}", "this image is pinned twice, by its sha256 and by its name")
        found[index] = row * grid.columns + column
    return found


def _features(work: Work, chosen: Chosen, thumbs: Thumbs, progress: Progress) -> tuple[NDArray[np.float32], Metric]:
    """(n, d) what images are compared by, and how."""
    from layout.features import mixed  # noqa: PLC0415

    parts = work.config.parts
    blocks = [_block(part, model, chosen, thumbs, progress) for part, model in zip(parts, work.models, strict=True)]
    if len(blocks) > 1:
        return mixed([(block, part.weight) for block, part in zip(blocks, parts, strict=True)]), "euclidean"
    return blocks[0], "cosine" if parts[0].of in {"clip", "vectors", "colours"} else "euclidean"


def _block(
    part: FeatureConfig, model: str | None, chosen: Chosen, thumbs: Thumbs, progress: Progress
) -> NDArray[np.float32]:
    from layout.features import colour_histogram, pyramid_waves  # noqa: PLC0415

    if model is not None:
        return chosen.vectors[model]
    if part.of not in {"pixels", "colours"}:
        return feature_of(part.of, chosen.images, chosen.origins)
    function, side = (pyramid_waves, _PIXELS) if part.of == "pixels" else (colour_histogram, _COLOURS)
    blocks = []
    with progress.start(f"compare {part.of}", len(thumbs)) as task:
        for batch in thumbs.batches(side, _AT_ONCE):
            blocks.append(function(batch))
            task.advance(len(batch))
    return np.concatenate(blocks)


def _points(  # noqa: PLR0917 - what a cloud is made of
    work: Work, chosen: Chosen, grid: Grid, features: NDArray[np.float32], metric: Metric, progress: Progress
) -> NDArray[np.float64]:
    from layout.project import ProjectionMethod, project  # noqa: PLC0415

    method = work.config.project
    if isinstance(method, AxesConfig):
        places = [places_along(axis, chosen.images, chosen.origins) for axis in (method.x, method.y)]
        return _spread(np.stack(places, axis=1), grid)
    with progress.start(f"project ({method})", _STEPS) as task:
        return project(
            features,
            method=cast("ProjectionMethod", method),
            seed=work.recipe.seed,
            metric=metric,
            progress=_Steps(task),
        )


class _Steps:
    """Hands on to a task what a projection says of itself: so many steps of so many."""

    def __init__(self, task: Task) -> None:
        self._task, self._done = task, 0

    def __call__(self, done: int, steps: int) -> None:
        now = max(self._done, done * _STEPS // steps)
        if now > self._done:
            self._task.advance(now - self._done)
            self._done = now


def _spread(places: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
    """Two axes that have nothing to do with each other, each spread as the grid's cells are."""
    spread = places.std(axis=0)
    return places * np.where(spread > 0, grid.centres().std(axis=0) / np.where(spread > 0, spread, 1), 1)


def _cells(  # noqa: PLR0917 - what a grid is filled from
    work: Work,
    features: NDArray[np.float32],
    points: NDArray[np.float64],
    grid: Grid,
    pinned: Mapping[int, int],
    progress: Progress,
) -> NDArray[np.int64]:
    """A cell for each, pinned ones in theirs; sorted again by the features, unless the plane is not made from these."""
    from layout.assign import assign  # noqa: PLC0415
    from layout.refine import refine  # noqa: PLC0415

    seed = work.recipe.seed
    cells = assign(points, grid, pins=pinned, seed=seed)
    if not work.config.refine or isinstance(work.config.project, AxesConfig):
        return cells
    with progress.start("refine", _STEPS) as task:
        return refine(features, cells, grid, pins=pinned, seed=seed, progress=_Steps(task))
