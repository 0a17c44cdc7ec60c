"""A plain folder that is a Hugging Face imagefolder as well: https://huggingface.co/docs/datasets/image_dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from harvest.export.base import Entry, ExportedFile, ExportFormat, ExportSettings
from harvest.export.publish import copy_checked

__all__ = ["FOLDER"]


def _write(folder: Path, entries: Sequence[Entry], settings: ExportSettings) -> Iterator[ExportedFile]:  # noqa: ARG001
    (folder / "images").mkdir()
    with (folder / "metadata.jsonl").open("w", encoding="utf-8") as index:
        for entry in entries:
            path = f"images/{entry.stem}{entry.source.suffix}"
            copy_checked(entry.source, folder / path, entry.digest)
            record = entry.record()
            # The loader reads one type a column, so a missing text is an empty one.
            fields = {key: record[key] or "" for key in ("title", "creator", "license", "page_url", "credit")}
            line = {"file_name": path, "text": entry.caption or "", **fields}
            index.write(json.dumps(line, ensure_ascii=False) + "\n")
            yield ExportedFile(path=path, sha256=entry.digest, entry=entry)


FOLDER = ExportFormat(name="folder", version=1, write=_write)
