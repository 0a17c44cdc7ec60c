"""What was found, as a contact sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from PIL import Image

from harvest.errors import Broken, SourceError, UsageError
from harvest.images.decode import decode_rgb
from harvest.progress import Progress
from harvest.search.answer import Answer, Hit
from harvest.store import Store
from harvest.workspace import Workspace, published

__all__ = ["FORMATS", "write_sheet"]

FORMATS: Mapping[str, Literal["jpeg", "png", "webp"]] = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".png": "png",
    ".webp": "webp",
}
_COLUMNS, _TILE, _QUALITY = 6, 192, 90
_PIXELS = 24_000_000  # of all tiles together: where there are many, they are smaller
_UNREADABLE = "#d9d6cf"


def write_sheet(file: Path, workspace: Workspace, answer: Answer, *, progress: Progress) -> None:
    """Write the pictures of an answer, best first, each over its score and title, on one page.

    A picture whose file cannot be read is a grey square. Raises UsageError for an extension that is not in FORMATS, and
    for a folder that is not there.
    """
    if file.suffix.lower() not in FORMATS or not file.absolute().parent.is_dir():
        raise UsageError(f"--sheet {file}: expected a file ending in {', '.join(FORMATS)}, in a folder that is there")
    if not answer.hits:
        return
    from layout.encode import write_picture  # noqa: PLC0415 - only when there is a sheet to draw
    from layout.sheet import SheetStyle, contact_sheets  # noqa: PLC0415

    store, hits = Store(workspace.root), answer.hits
    labels = [f"{hit.score:.3f}  {hit.title or hit.sha256[:12]}" for hit in hits]
    heading = "   ".join(("without " if part.weight < 0 else "") + Path(part.value).name[:40] for part in answer.parts)
    tile = min(_TILE, math.isqrt(_PIXELS // len(hits)))
    columns = max(_COLUMNS, math.isqrt(len(hits)))
    style = SheetStyle(columns=columns, rows=-(-len(hits) // columns), cell=(tile, tile))
    with progress.start("sheet", len(hits)) as task:

        def picture(index: int) -> Image.Image:
            task.advance()
            return _picture(store, hits[index])

        (page,) = contact_sheets(picture, len(hits), style, heading=heading, labels=labels)
        with published(file) as temporary:
            write_picture(temporary, page, FORMATS[file.suffix.lower()], quality=_QUALITY)


def _picture(store: Store, hit: Hit) -> Image.Image:
    try:
        return decode_rgb(store.local(hit.path), longest=_TILE)
    except (Broken, OSError, SourceError):
        return Image.new("RGB", (_TILE, _TILE), _UNREADABLE)
