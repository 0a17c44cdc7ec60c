"""The files of a layout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from harvest.stages.layout.arrange import Found
from harvest.stages.layout.choose import Chosen
from harvest.stages.layout.drawing import Drawing
from harvest.workspace import LAYOUT_TABLE, published, write_published

__all__ = ["Published", "publish"]

_BEFORE = ".before-{}.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was written: files, and folders of many files."""

    files: Sequence[Path]
    folders: Sequence[Path]


def publish(drawing: Drawing, *, title: str) -> Published:
    """Write pictures, positions, table and viewer into the layout's folder. Raises ConfigError for too large ones."""
    from layout.positions import grid_positions, umap_positions  # noqa: PLC0415 - only when there is a layout
    from layout.viewer import write_viewer  # noqa: PLC0415

    folder, chosen, found = drawing.folder, drawing.chosen, drawing.found
    names = chosen.names
    _remember(folder)
    _save_table(folder / LAYOUT_TABLE, chosen, found, names)
    files = [folder / LAYOUT_TABLE, *drawing.draw_all()]
    for name, positions in (
        ("grid_positions.json", grid_positions(names, found.cells, found.grid)),
        ("umap_positions.json", umap_positions(names, found.points)),
    ):
        write_published(folder / name, _json(positions))
        files.append(folder / name)
    picture, style = drawing.for_viewer()
    viewer = write_viewer(
        folder,
        title=title,
        grid=found.grid,
        cells=found.cells,
        cards=chosen.cards,
        picture=picture,
        tile=style.tile,
        gutter=style.gutter,
        background=style.background,
        fit=style.fit,
        points=found.points,
    )
    _forget(folder)
    if isinstance(picture, str):
        return Published(files=[*files, *viewer], folders=[])
    return Published(files=[*files, *viewer, folder / "mosaic.dzi"], folders=[folder / "mosaic_files"])


def _remember(folder: Path) -> None:
    """Keep the table of the pictures that are there until all are drawn anew, whenever this ends.

    Takedowns find by it what shows an image. The new table comes before the new pictures for the same reason.
    """
    if (folder / LAYOUT_TABLE).exists():
        number = len(list(folder.glob(_BEFORE.format("*"))))
        shutil.copyfile(folder / LAYOUT_TABLE, folder / _BEFORE.format(number))


def _forget(folder: Path) -> None:
    for table in folder.glob(_BEFORE.format("*")):
        table.unlink()


def _save_table(path: Path, chosen: Chosen, found: Found, names: list[str]) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415 - six megabytes that few commands need

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
