"""From images to places: features, a plane, a grid, a cell for each, and how good that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from harvest.config.layout import AxesConfig, FeatureConfig, LayoutConfig
from harvest.progress import Progress, Task
from harvest.stages.layout.cells import Work, grid_for, pinned_cells
from harvest.stages.layout.choose import Chosen
from harvest.stages.layout.growing import Earlier, Growth, growth_of, points_of
from harvest.stages.layout.known import feature_of, places_along
from harvest.stages.layout.thumbs import Thumbs

if TYPE_CHECKING:
    from layout.arrange import Arrangement
    from layout.grid import Grid
    from layout.project import Metric
    from layout.reduced import Reduced

__all__ = ["Found", "arrange", "described"]

_PIXELS, _COLOURS = 32, 64  # sides at which pictures are compared
_AT_ONCE = 512
_STEPS = 100


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


def arrange(work: Work, chosen: Chosen, thumbs: Thumbs, earlier: Earlier | None, progress: Progress) -> Found:
    """Lay the chosen images out, going on from an earlier layout where that is wanted and can be done.

    Raises ConfigError for a grid or for pins that do not fit the images.
    """
    features, metric = _features(work, chosen, thumbs, progress)
    growth = growth_of(work, chosen, earlier)
    if growth is not None and earlier is not None:
        points, cells, moved = _grown(work, growth, features, progress)
        grid, pinned = growth.grid, growth.pinned
        how = {"grown": True, "added": growth.added, "removed": growth.removed, "moved": round(moved, 4)}
        grid_of = int(earlier.figures["grid_of"])
    else:
        grid_of = len(chosen.images)
        grid = grid_for(work, grid_of)
        pinned = pinned_cells(work, chosen, grid)
        points, cells = _anew(work, chosen, grid, features, metric, pinned, progress)
        how = {"grown": False}
    figures = {
        "images": len(points),
        "columns": grid.columns,
        "rows": grid.rows,
        "holes": grid.capacity - len(points),
        "grid_of": grid_of,
        "features": described(work.config.parts),
        "project": _plane(work.config),
        "refined": work.config.refine and isinstance(work.config.project, str),
        "pinned": len(pinned),
        **how,
        **_measured(features, points, cells, grid, work.recipe.seed, progress),
    }
    return Found(points=points, cells=cells, grid=grid, figures=figures)


def _plane(config: LayoutConfig) -> str:
    return config.project if isinstance(config.project, str) else f"{config.project.x}, {config.project.y}"


def _measured(  # noqa: PLR0917 - what figures are of
    features: NDArray[np.float32],
    points: NDArray[np.float64],
    cells: NDArray[np.int64],
    grid: Grid,
    seed: int,
    progress: Progress,
) -> dict[str, float]:
    """Figures of merit; those with `_error` beside them are of drawn images, and that is their standard error."""
    from layout.metrics import mean_displacement, quality  # noqa: PLC0415 - only when there is something to lay out

    with progress.start("measure", 1) as task:
        found = quality(features, cells, grid, seed=seed)
        task.advance()
    figures = {}
    for name in ("distance_preservation", "trustworthiness", "recall"):
        measure = getattr(found, name)
        figures[name] = round(measure.value, 4)
        if measure.error:
            figures[f"{name}_error"] = round(measure.error, 4)
    return {**figures, "mean_displacement": round(mean_displacement(points, cells, grid), 4)}


def _grown(
    work: Work, growth: Growth, features: NDArray[np.float32], progress: Progress
) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
    """Points, cells, and the share of earlier images that moved: none where none came, went or was pinned."""
    from layout.grow import grow  # noqa: PLC0415

    if not growth.added and not growth.removed:
        return growth.points, growth.cells, 0.0
    with progress.start("grow", _STEPS) as task:
        found = grow(
            features,
            growth.cells,
            growth.grid,
            pins=growth.pinned,
            seed=work.recipe.seed,
            progress=_Steps(task),
        )
    return points_of(growth, features), found.cells, found.moved


def _anew(  # noqa: PLR0917 - what a grid is filled from
    work: Work,
    chosen: Chosen,
    grid: Grid,
    features: NDArray[np.float32],
    metric: Metric,
    pinned: Mapping[int, int],
    progress: Progress,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points and cells. Straight from the features, images have no other point than their cell."""
    from layout.arrange import arrange as straight  # noqa: PLC0415
    from layout.assign import assign  # noqa: PLC0415
    from layout.reduced import reduced  # noqa: PLC0415
    from layout.refine import refine  # noqa: PLC0415

    seed, method = work.recipe.seed, work.config.project
    if method in {"none", "flas"}:
        with progress.start("sort", _STEPS) as task:
            kind: Arrangement = "flas" if method == "flas" else "refine"
            cells = straight(features, grid, method=kind, pins=pinned, seed=seed, progress=_Steps(task))
        centres = grid.centres(cells)
        return centres / (float(np.ptp(grid.centres(), axis=0).max()) + 1), cells
    if isinstance(method, AxesConfig):
        places = [places_along(axis, chosen.facts) for axis in (method.x, method.y)]
        points = _spread(np.stack(places, axis=1), grid)
        return points, assign(points, grid, pins=pinned, seed=seed)
    if not work.config.refine:
        points = _projected(work, features, metric, None, progress)
        return points, assign(points, grid, pins=pinned, seed=seed)
    small = reduced(features, seed=seed)
    points = _projected(work, features, metric, small, progress)
    # What an exact assignment would gain is lost among the swaps that follow.
    cells = assign(points, grid, method="shufflesnap", pins=pinned, seed=seed)
    with progress.start("refine", _STEPS) as task:
        return points, refine(features, cells, grid, pins=pinned, small=small, seed=seed, progress=_Steps(task))


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
        return feature_of(part.of, chosen.facts)
    function, side = (pyramid_waves, _PIXELS) if part.of == "pixels" else (colour_histogram, _COLOURS)
    blocks = []
    with progress.start(f"compare {part.of}", len(thumbs)) as task:
        for batch in thumbs.batches(side, _AT_ONCE):
            blocks.append(function(batch))
            task.advance(len(batch))
    return np.concatenate(blocks)


def _projected(
    work: Work, features: NDArray[np.float32], metric: Metric, small: Reduced | None, progress: Progress
) -> NDArray[np.float64]:
    from layout.project import EPOCHS, EPOCHS_BEFORE_REFINE, ProjectionMethod, project  # noqa: PLC0415

    method = cast("ProjectionMethod", work.config.project)
    with progress.start(f"project ({method})", _STEPS) as task:
        return project(
            features,
            method=method,
            seed=work.recipe.seed,
            metric=metric,
            small=small,
            epochs=EPOCHS if small is None else EPOCHS_BEFORE_REFINE,
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
