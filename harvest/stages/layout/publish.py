"""The files of a layout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from harvest.config.layout import LayoutConfig
from harvest.stages.layout.arrange import Found
from harvest.stages.layout.choose import Chosen
from harvest.stages.layout.thumbs import Thumbs
from harvest.workspace import published, write_published

__all__ = ["publish"]


def publish(
    folder: Path, config: LayoutConfig, chosen: Chosen, found: Found, thumbs: Thumbs, *, title: str
) -> list[Path]:
    """Write pictures, positions, table and viewer into `folder`; all files that are there now."""
    from layout.positions import grid_positions, umap_positions  # noqa: PLC0415
    from layout.render import largest_tile, mosaic, scatter  # noqa: PLC0415
    from layout.viewer import write_viewer  # noqa: PLC0415

    tile = min(config.tile, largest_tile(found.grid, gutter=config.gutter))
    names = chosen.names
    picture = mosaic(thumbs, found.cells, found.grid, tile=tile, gutter=config.gutter, background=config.background)
    _save(folder / "mosaic.png", picture)
    _save(folder / "scatter.png", scatter(thumbs, found.points, background=config.background))
    write_published(folder / "grid_positions.json", _json(grid_positions(names, found.cells, found.grid)))
    write_published(folder / "umap_positions.json", _json(umap_positions(names, found.points)))
    _save_table(folder / "layout.parquet", chosen, found, names)
    viewer = write_viewer(
        folder,
        title=title,
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
