"""The cells that images may have: the recipe's grid for so many of them, and pins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from harvest.config.layout import GridConfig, LayoutConfig
from harvest.config.recipe import Recipe
from harvest.errors import ConfigError
from harvest.stages.layout.choose import Chosen

if TYPE_CHECKING:
    from layout.grid import Grid

__all__ = ["Work", "grid_for", "pinned_cells", "waiting_pins"]


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


def grid_for(work: Work, n: int) -> Grid:
    """The grid that the recipe asks for, for `n` images. Raises ConfigError where they do not fit."""
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


def pinned_cells(work: Work, chosen: Chosen, grid: Grid) -> dict[int, int]:
    """Number of an image -> its cell. Pins of images that are not among the chosen wait for them (`waiting_pins`).

    Raises ConfigError for a cell that is not open.
    """
    by_name = _by_name(chosen)
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


def waiting_pins(config: LayoutConfig, chosen: Chosen) -> list[str]:
    """The pins whose image is not laid out: it was not selected, or there is none of that name."""
    if not config.pins:
        return []
    by_name = _by_name(chosen)
    return [name for name in config.pins if name not in by_name]


def _by_name(chosen: Chosen) -> dict[str, int]:
    found: dict[str, int] = {}
    for index, (image, name) in enumerate(zip(chosen.images, chosen.names, strict=True)):
        found |= {image.sha256: index, name: index}
    return found
