"""Folders of images with a folder for each class, or with metadata.csv, .jsonl or .parquet that describe each image.

https://huggingface.co/docs/datasets/image_dataset#imagefolder
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from harvest.crawl.files.columns import Columns
from harvest.crawl.files.readymade.base import IMAGE_SUFFIXES, Dataset, split_of
from harvest.items import ImageItem

__all__ = ["read"]

_METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
_FILE_NAMES = ("file_name", "image_file_name", "image", "filename")
_Table = dict[Path, dict[str, Any]]


def read(dataset: Dataset) -> Iterator[ImageItem]:
    """Every image file in the order of names, then the files that some metadata name and nobody has."""
    tables: dict[Path, tuple[_Table, Columns]] = {}
    met: set[Path] = set()
    for file in _files(dataset.path):
        split = _split(dataset, file)
        if not dataset.wants(split):
            continue
        table = next(
            (each for folder in file.parents if (each := _table(dataset, folder, tables)) and file in each[0]), None
        )
        met.add(file)
        yield _item(dataset, file, split, table, is_described=any(each[0] for each in tables.values()))
    for rows, columns in tables.values():
        for file in sorted(rows.keys() - met):
            if dataset.wants(split := _split(dataset, file)):
                yield _item(dataset, file, split, (rows, columns), is_described=True)


def _item(
    dataset: Dataset, file: Path, split: str | None, table: tuple[_Table, Columns] | None, *, is_described: bool
) -> ImageItem:
    said: dict[str, Any] = table[1].fields(dict(table[0][file])) if table else {"raw": {}}
    raw = {**({"split": split} if split else {}), **said.pop("raw")}
    folder = file.parent.name if file.parent != dataset.path else ""
    if not is_described and folder and not _is_top(dataset, file.parent):
        said["labels"] = (folder,)
    elif dataset.classes and all(label.isdecimal() for label in said.get("labels", ())):
        said["labels"] = tuple(dataset.label(int(label)) for label in said.get("labels", ()))
    return dataset.item(file, said.pop("source_id", None) or dataset.name(file), raw=raw, **said)


def _files(top: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith("."):
                yield Path(folder, name)


def _split(dataset: Dataset, file: Path) -> str | None:
    """The split that the first folder which names one says."""
    parents = file.relative_to(dataset.path).parts[:-1] if file.is_relative_to(dataset.path) else ()
    return next((split for part in parents if (split := split_of(part))), split_of(dataset.path.name))


def _is_top(dataset: Dataset, folder: Path) -> bool:
    """Whether a folder is a split's rather than a class's."""
    return split_of(folder.name) is not None and folder.parent == dataset.path


def _table(dataset: Dataset, folder: Path, known: dict[Path, tuple[_Table, Columns]]) -> tuple[_Table, Columns] | None:
    if folder not in known:
        inside = folder == dataset.path or folder.is_relative_to(dataset.path)
        file = next((folder / name for name in _METADATA if inside and (folder / name).is_file()), None)
        known[folder] = _load(dataset, file) if file else ({}, Columns([], {}))
    return known[folder]


def _load(dataset: Dataset, file: Path) -> tuple[_Table, Columns]:
    """What a metadata file says of each file."""
    try:
        rows = _rows(file)
    except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
        raise dataset.error("path", f"{file} cannot be read: {error}") from None
    names = list(dict.fromkeys(name for row in rows for name in row))
    key = next((name for name in _FILE_NAMES if name in names), None)
    if key is None:
        raise dataset.error("path", f"{file} has no column file_name; it has {names}")
    try:
        columns = Columns(names, dataset.columns, left=(key,))
    except KeyError as missing:
        raise dataset.error("columns", f"{file} has no column {missing}; it has {names}") from None
    return {_beside(file, str(row[key])): row for row in rows if row.get(key)}, columns


def _beside(table: Path, name: str) -> Path:
    """A file that a table names; parts that lead upwards are dropped, since a table is somebody else's."""
    return table.parent.joinpath(*(part for part in PurePosixPath(name).parts if part not in {"..", "/"}))


def _rows(file: Path) -> list[dict[str, Any]]:
    if file.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(file).to_pylist()
        return rows
    with file.open(encoding="utf-8-sig", newline="") as lines:
        if file.suffix == ".csv":
            return [{str(key): value for key, value in row.items() if key} for row in csv.DictReader(lines)]
        return [row for line in lines if line.strip() and isinstance(row := json.loads(line), dict)]
