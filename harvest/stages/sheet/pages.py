"""Pages as files: one picture each, or together a PDF; none is ever whole in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harvest.config.sheet import SheetConfig
from harvest.workspace import SHEET_INDEX, published, sheet_pages, write_published

if TYPE_CHECKING:
    from layout.bands import Bands

__all__ = ["publish"]


def publish(
    folder: Path, pages: Iterator[Bands], config: SheetConfig, *, title: str, shown: Sequence[str]
) -> list[Path]:
    """Write the pages, and the list of the images on them, left to right and down. Pages of before go.

    `title` is what a PDF says of itself.
    """
    # Whoever finds sheets without their list has to take it that they show everything.
    listed = folder / SHEET_INDEX
    listed.unlink(missing_ok=True)
    written = [_pdf(folder, pages, config, title)] if config.format == "pdf" else _pictures(folder, pages, config)
    for path in set(sheet_pages(folder)) - set(written):
        path.unlink()
    write_published(listed, json.dumps({"columns": config.columns, "images": list(shown)}) + "\n")
    return [*written, listed]


def _pictures(folder: Path, pages: Iterator[Bands], config: SheetConfig) -> list[Path]:
    from layout.encode import write_picture  # noqa: PLC0415 - only when there is a sheet to draw

    kind: Literal["jpeg", "png"] = "png" if config.format == "png" else "jpeg"
    written = []
    for number, page in enumerate(pages, start=1):
        path = folder / f"sheet-{number:02}.{'png' if kind == 'png' else 'jpg'}"
        with published(path) as temporary:
            write_picture(temporary, page, kind, quality=config.quality, dpi=config.dpi)
        written.append(path)
    return written


def _pdf(folder: Path, pages: Iterator[Bands], config: SheetConfig, title: str) -> Path:
    from layout.pdf import write_pdf  # noqa: PLC0415

    path = folder / "sheet-all.pdf"
    with published(path) as temporary:
        write_pdf(temporary, pages, dpi=config.dpi, quality=config.quality, title=title)
    return path
