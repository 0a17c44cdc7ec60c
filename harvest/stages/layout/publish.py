"""The files of a layout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harvest.config.layout import LayoutConfig
from harvest.progress import Progress
from harvest.stages.layout.arrange import Found
from harvest.stages.layout.choose import Chosen
from harvest.stages.layout.thumbs import Thumbs
from harvest.workspace import published, write_published

if TYPE_CHECKING:
    from layout.deep_zoom import DeepZoom
    from layout.encode import PictureFormat
    from layout.grid import Grid
    from layout.mosaic import MosaicStyle

__all__ = ["Published", "publish"]

_TABLE = "layout.parquet"
_BEFORE = ".before-{}.parquet"
_DEEP_ZOOM = "deepzoom"
_OPENED_BY_BROWSERS = ("mosaic.png", "mosaic.jpg", "mosaic.webp")
_FORMATS: Mapping[str, PictureFormat] = {"png": "png", "jpg": "jpeg", "webp": "webp", "tif": "tiff"}
_PILLOW = {"png": "PNG", "jpg": "JPEG"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was written: files, and folders of many files."""

    files: Sequence[Path]
    folders: Sequence[Path]


def publish(
    folder: Path,
    config: LayoutConfig,
    chosen: Chosen,
    found: Found,
    thumbs: Thumbs,
    *,
    title: str,
    progress: Progress,
) -> Published:
    """Write pictures, positions, table and viewer into `folder`."""
    from layout.positions import grid_positions, umap_positions  # noqa: PLC0415 - only when there is a layout
    from layout.viewer import write_viewer  # noqa: PLC0415

    names = chosen.names
    _remember(folder)
    _save_table(folder / _TABLE, chosen, found, names)
    drawing = _Drawing(folder=folder, config=config, found=found, thumbs=thumbs, progress=progress)
    files = [folder / _TABLE, *(drawing.draw(name) for name in config.pictures if name != _DEEP_ZOOM)]
    for name, positions in (
        ("grid_positions.json", grid_positions(names, found.cells, found.grid)),
        ("umap_positions.json", umap_positions(names, found.points)),
    ):
        write_published(folder / name, _json(positions))
        files.append(folder / name)
    zoom = drawing.zoom()
    shown = next(name for name in _OPENED_BY_BROWSERS if name in config.pictures) if zoom is None else zoom
    style = drawing.style(in_full=zoom is not None)
    viewer = write_viewer(
        folder,
        title=title,
        grid=drawing.squares,
        cells=found.cells,
        cards=chosen.cards,
        picture=shown,
        tile=style.tile,
        gutter=style.gutter,
        background=style.background,
        fit=style.fit,
    )
    _forget(folder)
    if zoom is None:
        return Published(files=[*files, *viewer], folders=[])
    return Published(files=[*files, *viewer, folder / "mosaic.dzi"], folders=[folder / "mosaic_files"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawing:
    """All that pictures of a layout are drawn from."""

    folder: Path
    config: LayoutConfig
    found: Found
    thumbs: Thumbs
    progress: Progress

    @property
    def squares(self) -> Grid:
        """The grid as the viewer shows it: its cells are squares."""
        from layout.grid import Grid  # noqa: PLC0415

        grid = self.found.grid
        return Grid(grid.columns, grid.rows, grid.mask)

    def style(self, *, in_full: bool) -> MosaicStyle:
        """How the mosaic looks, its tiles as large as the recipe says, or as browsers can open."""
        from layout.mosaic import MosaicStyle  # noqa: PLC0415
        from layout.render import largest_tile  # noqa: PLC0415

        config, grid = self.config, self.found.grid
        largest = config.tile if in_full else min(config.tile, largest_tile(grid, gutter=config.gutter))
        return MosaicStyle(
            tile=max(1, largest),
            gutter=config.gutter,
            background=config.background,
            fit="contain" if config.fit == "contain" else "crop",
        )

    def draw(self, name: str) -> Path:
        """One of the pictures; the path of its file."""
        from layout.encode import write_picture  # noqa: PLC0415
        from layout.mosaic import mosaic_bands  # noqa: PLC0415
        from layout.render import scatter  # noqa: PLC0415

        what, _, extension = name.partition(".")
        path = self.folder / name
        if what == "scatter":
            picture = scatter(self.thumbs, self.found.points, background=self.config.background)
            with published(path) as temporary:
                picture.save(temporary, _PILLOW[extension], quality=90)
            return path
        style = self.style(in_full=extension == "tif")
        with published(path) as temporary, self.progress.start(name, len(self.thumbs)) as task:
            bands = mosaic_bands(self.thumbs, self.found.cells, self.found.grid, style, progress=task.advance)
            write_picture(temporary, bands, _FORMATS[extension])
        return path

    def zoom(self) -> DeepZoom | None:
        """The mosaic as Deep Zoom, where it is asked for or where the viewer needs it."""
        from layout.deep_zoom import write_deep_zoom  # noqa: PLC0415

        pictures = set(self.config.pictures)
        opened = any(name in pictures for name in _OPENED_BY_BROWSERS) and not self.found.grid.hexagonal
        if _DEEP_ZOOM not in pictures and opened and self.style(in_full=False).tile == self.config.tile:
            return None
        with self.progress.start(_DEEP_ZOOM, len(self.thumbs)) as task:
            return write_deep_zoom(
                self.folder,
                self.thumbs,
                self.found.cells,
                self.squares,
                style=self.style(in_full=True),
                progress=task.advance,
            )


def _remember(folder: Path) -> None:
    """Keep the table of the pictures that are there until all are drawn anew, whenever this ends.

    Takedowns find by it what shows an image. The new table comes before the new pictures for the same reason.
    """
    if (folder / _TABLE).exists():
        number = len(list(folder.glob(_BEFORE.format("*"))))
        shutil.copyfile(folder / _TABLE, folder / _BEFORE.format(number))


def _forget(folder: Path) -> None:
    for table in folder.glob(_BEFORE.format("*")):
        table.unlink()


def _save_table(path: Path, chosen: Chosen, found: Found, names: list[str]) -> None:
    row, col = found.grid.rows_columns(found.cells)
    table = pa.table(
        {
            "sha256": [image.sha256 for image in chosen.images],
            "file": names,
            "x": found.points[:, 0],
            "y": found.points[:, 1],
            "row": row.astype(np.int32),
            "col": col.astype(np.int32),
        }
    )
    with published(path) as temporary:
        pq.write_table(table, temporary)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
