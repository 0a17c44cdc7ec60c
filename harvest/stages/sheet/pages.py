"""Pages as files: one picture each, or together a PDF; none is in memory longer than it takes to write it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from harvest.config.sheet import SheetConfig
from harvest.workspace import SHEET_INDEX, published, sheet_pages, write_published

__all__ = ["publish"]


def publish(
    folder: Path, pages: Iterator[Image.Image], config: SheetConfig, *, title: str, shown: Sequence[str]
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


def _pictures(folder: Path, pages: Iterator[Image.Image], config: SheetConfig) -> list[Path]:
    extension, kind = ("png", "PNG") if config.format == "png" else ("jpg", "JPEG")
    written = []
    for number, page in enumerate(pages, start=1):
        path = folder / f"sheet-{number:02}.{extension}"
        with published(path) as temporary:
            page.save(temporary, kind, quality=config.quality)
        written.append(path)
    return written


def _pdf(folder: Path, pages: Iterator[Image.Image], config: SheetConfig, title: str) -> Path:
    path = folder / "sheet-all.pdf"
    with published(path) as temporary:
        for number, page in enumerate(pages):
            # Without dates and the name of the moment, so that the same sheet is the same file.
            page.save(
                temporary,
                "PDF",
                append=number > 0,
                quality=config.quality,
                resolution=config.dpi,
                title=title,
                creationDate=None,
                modDate=None,
            )
    return path
