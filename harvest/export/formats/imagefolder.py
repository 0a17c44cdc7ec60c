"""Hugging Face imagefolder with a folder for each part: https://huggingface.co/docs/datasets/image_dataset."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from harvest.config.reader import setting
from harvest.export.base import Entry, ExportedFile, ExportFormat, ExportSettings, RecipeFacts
from harvest.export.formats.features import features_metadata
from harvest.export.parts import by_split, class_names
from harvest.export.publish import copy_checked
from harvest.images.sizes import slug

__all__ = ["IMAGEFOLDER"]

_TEXTS = ("title", "creator", "license", "page_url", "credit")
_UNLABELLED = "unlabelled"
_Line = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagefolderSettings(ExportSettings):
    """`metadata` is the form of the table beside the images, or `none`.

    With `label_folders`, images lie in a folder of their first label. The loader takes classes from folders only where
    there is no table; of tables, only a Parquet one says that `label` is a class.
    """

    metadata: str = setting("jsonl", choices=("jsonl", "csv", "parquet", "none"))
    label_folders: bool = False


def _write(folder: Path, entries: Sequence[Entry], settings: ExportSettings) -> Iterator[ExportedFile]:
    assert isinstance(settings, ImagefolderSettings)
    classes = class_names(entries)
    folders = _folders(classes) if settings.label_folders else {}
    lines: dict[str, list[_Line]] = {}
    for split, members in by_split(entries, settings.folder):
        lines[split] = []
        for entry in members:
            label = entry.labels[0] if entry.labels else None
            inner = f"{folders.get(label, _UNLABELLED) if label else _UNLABELLED}/" if settings.label_folders else ""
            name = f"{inner}{entry.stem}{entry.source.suffix}"
            path = folder / split / name
            path.parent.mkdir(parents=True, exist_ok=True)
            copy_checked(entry.source, path, entry.digest)
            lines[split].append(_line(name, entry))
            yield ExportedFile(path=f"{split}/{name}", sha256=entry.digest, entry=entry)
    if settings.metadata != "none":
        _TABLES[settings.metadata](folder, lines, classes)


def _line(name: str, entry: Entry) -> _Line:
    """One line of the table. Loaders read one type a column, so a missing text is an empty one."""
    record = entry.record()
    label = entry.labels[0] if entry.labels else ""
    texts = {key: record[key] or "" for key in _TEXTS}
    return {"file_name": name, "text": entry.caption or "", "label": label, **texts}


def _folders(classes: Sequence[str]) -> dict[str, str]:
    """By class, a folder's name that is safe everywhere and unlike all others."""
    found: dict[str, str] = {}
    taken = {_UNLABELLED}
    for number, name in enumerate(classes):
        short = slug(name, "") or "label"
        while short in taken:
            short = f"{short}-{number}"
        taken.add(short)
        found[name] = short
    return found


def _jsonl(folder: Path, lines: Mapping[str, Sequence[_Line]], classes: Sequence[str]) -> None:  # noqa: ARG001
    for split, rows in lines.items():
        with (folder / split / "metadata.jsonl").open("w", encoding="utf-8") as index:
            index.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv(folder: Path, lines: Mapping[str, Sequence[_Line]], classes: Sequence[str]) -> None:  # noqa: ARG001
    """The loader guesses a column's type part by part: one that is empty in a whole part is left out of all."""
    names = [
        name for name in next(iter(lines.values()))[0] if all(any(row[name] for row in rows) for rows in lines.values())
    ]
    for split, rows in lines.items():
        with (folder / split / "metadata.csv").open("w", encoding="utf-8", newline="") as index:
            writer = csv.DictWriter(index, names, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def _parquet(folder: Path, lines: Mapping[str, Sequence[_Line]], classes: Sequence[str]) -> None:
    """Here `label` is a class by its number, null where an image has none."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - six megabytes that few commands need

    kinds: dict[str, Any] = dict.fromkeys(("file_name", "text", *_TEXTS), "string")
    columns = [pa.field(name, pa.string()) for name in kinds]
    if classes:
        kinds["label"] = classes
        columns.append(pa.field("label", pa.int64()))
    schema = pa.schema(columns, metadata=features_metadata(kinds))
    numbers = {name: number for number, name in enumerate(classes)}
    for split, rows in lines.items():
        told = [{**row, "label": numbers.get(row["label"])} for row in rows]
        pq.write_table(pa.Table.from_pylist(told, schema), folder / split / "metadata.parquet")


_TABLES: Mapping[str, Callable[[Path, Mapping[str, Sequence[_Line]], Sequence[str]], None]] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "parquet": _parquet,
}


def _instructions(folder: Path, settings: ExportSettings, recipe: RecipeFacts) -> Sequence[str]:  # noqa: ARG001
    """How `datasets` reads it."""
    return (f'datasets.load_dataset("imagefolder", data_dir="{folder}")',)


IMAGEFOLDER = ExportFormat(
    name="imagefolder", version=1, write=_write, settings=ImagefolderSettings, instructions=_instructions
)
