"""COCO's object detection: images by part, and their boxes. https://cocodataset.org/#format-data"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from harvest.export.base import Entry, ExportedFile, ExportFormat, ExportSettings, RecipeFacts
from harvest.export.parts import by_split
from harvest.export.publish import copy_checked
from harvest.licences import licence

__all__ = ["COCO"]


def _write(folder: Path, entries: Sequence[Entry], settings: ExportSettings) -> Iterator[ExportedFile]:
    (folder / "annotations").mkdir()
    categories = _numbered(box.category for entry in entries for box in entry.boxes)
    licences = _numbered(entry.provenance.license or "" for entry in entries)
    for split, members in by_split(entries, settings.folder):
        (folder / split).mkdir()
        for entry in members:
            path = f"{split}/{_name(entry)}"
            copy_checked(entry.source, folder / path, entry.digest)
            yield ExportedFile(path=path, sha256=entry.digest, entry=entry)
        _annotate(folder / "annotations" / f"instances_{split}.json", members, split, categories, licences)


def _annotate(
    file: Path, entries: Sequence[Entry], split: str, categories: Mapping[str, int], licences: Mapping[str, int]
) -> None:
    """Write as it goes: boxes of a hundred thousand images need not be held at once."""
    tables: dict[str, Iterable[Mapping[str, Any]]] = {
        "licenses": (_licence(id_, number) for id_, number in licences.items()),
        "categories": ({"id": number, "name": name, "supercategory": ""} for name, number in categories.items()),
        "images": (_image(entry, number, licences) for number, entry in enumerate(entries, start=1)),
        "annotations": _annotations(entries, categories),
    }
    with file.open("w", encoding="utf-8") as lines:
        lines.write('{"info": ' + json.dumps({"description": split, "version": "1.0"}))
        for name, rows in tables.items():
            lines.write(f',\n"{name}": [')
            for number, row in enumerate(rows):
                lines.write((",\n" if number else "\n") + json.dumps(row, ensure_ascii=False))
            lines.write("]")
        lines.write("}\n")


def _image(entry: Entry, number: int, licences: Mapping[str, int]) -> dict[str, Any]:
    width, height = (entry.width, entry.height) if entry.width and entry.height else _size(entry.source)
    origin = entry.provenance
    return {
        "id": number,
        "file_name": _name(entry),
        "width": width,
        "height": height,
        "license": licences[origin.license or ""],
        "coco_url": origin.image_url,
        "flickr_url": origin.page_url or "",
        "date_captured": origin.taken_at or "",
        "caption": entry.caption or "",
        "credit": entry.credit,
    }


def _annotations(entries: Sequence[Entry], categories: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    count = 0
    for number, entry in enumerate(entries, start=1):
        for box in entry.boxes:
            count += 1
            yield {
                "id": count,
                "image_id": number,
                "category_id": categories[box.category],
                "bbox": [box.x, box.y, box.width, box.height],
                "area": box.area,
                "iscrowd": int(box.is_crowd),
                "segmentation": [],
            }


def _licence(id_: str, number: int) -> dict[str, Any]:
    known = licence(id_) if id_ else None
    return {
        "id": number,
        "name": known.name if known else id_ or "unknown",
        "url": known.uri if known and known.uri else "",
    }


def _numbered(names: Iterable[str]) -> dict[str, int]:
    """The distinct names in order, from 1 on."""
    return {name: number for number, name in enumerate(sorted(set(names)), start=1)}


def _name(entry: Entry) -> str:
    return f"{entry.stem}{entry.source.suffix}"


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def _instructions(folder: Path, settings: ExportSettings, recipe: RecipeFacts) -> Sequence[str]:  # noqa: ARG001
    """How `pycocotools` reads it, part by part."""
    files = sorted((folder / "annotations").glob("instances_*.json"))
    return [f'pycocotools.coco.COCO("{file}")  # images are in {folder / file.stem[10:]}' for file in files]


COCO = ExportFormat(name="coco", version=1, write=_write, instructions=_instructions)
