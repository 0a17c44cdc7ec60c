"""Parquet as Hugging Face's `datasets` reads it, with the images in it.

Files are named as on its Hub, `data/train-00000-of-00003.parquet`; an image is a `struct<bytes, path>`.
https://huggingface.co/docs/hub/datasets-image
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from harvest.export.base import Entry, ExportedFile, ExportFormat, ExportSettings, RecipeFacts
from harvest.export.formats.features import features_metadata
from harvest.export.members import member_path
from harvest.export.parts import ShardSettings, by_split, class_names, shards
from harvest.export.publish import read_checked

__all__ = ["PARQUET"]

_TEXTS = ("title", "creator", "license", "page_url", "credit", "source", "original_sha256")
# Rows are held in memory until a group is full: readers, too, have to hold a whole one.
_GROUP_ROWS, _GROUP_BYTES = 100, 64 << 20


def _write(folder: Path, entries: Sequence[Entry], settings: ExportSettings) -> Iterator[ExportedFile]:
    import pyarrow.parquet as pq  # noqa: PLC0415 - six megabytes that few commands need

    assert isinstance(settings, ShardSettings)
    (folder / "data").mkdir()
    classes = class_names(entries)
    schema = _schema(classes)
    for split, members in by_split(entries, settings.folder):
        parts = list(shards(members, settings))
        for number, part in enumerate(parts):
            path = f"data/{split}-{number:05d}-of-{len(parts):05d}.parquet"
            with pq.ParquetWriter(folder / path, schema, compression=_COMPRESSION, use_dictionary=list(_TEXTS)) as file:
                for group in _groups(part, classes):
                    file.write_table(pa.Table.from_pylist(group, schema), row_group_size=len(group))
            for entry in part:
                name = f"{entry.stem}{entry.source.suffix}"
                yield ExportedFile(path=member_path(path, name), sha256=entry.digest, entry=entry)


def _schema(classes: Sequence[str]) -> pa.Schema:
    kinds: dict[str, str | Sequence[str]] = {"image": "image", "text": "string"}
    columns = [
        pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        pa.field("text", pa.string()),
    ]
    if classes:
        kinds["label"] = classes
        columns.append(pa.field("label", pa.int64()))
    kinds |= {"labels": "list", **dict.fromkeys(_TEXTS, "string")}
    columns += [pa.field("labels", pa.list_(pa.string())), *(pa.field(name, pa.string()) for name in _TEXTS)]
    return pa.schema(columns, metadata=features_metadata(kinds))


# Pictures are compressed already.
_COMPRESSION: Mapping[str, str] = {
    "image.bytes": "NONE",
    **dict.fromkeys(("image.path", "text", "label", "labels.list.element", *_TEXTS), "ZSTD"),
}


def _groups(entries: Sequence[Entry], classes: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
    numbers = {name: number for number, name in enumerate(classes)}
    rows: list[dict[str, Any]] = []
    held = 0
    for entry in entries:
        body = read_checked(entry.source, entry.digest)
        if rows and (len(rows) >= _GROUP_ROWS or held + len(body) > _GROUP_BYTES):
            yield rows
            rows, held = [], 0
        rows.append(_row(entry, body, numbers))
        held += len(body)
    if rows:
        yield rows


def _row(entry: Entry, body: bytes, numbers: Mapping[str, int]) -> dict[str, Any]:
    record = entry.record()
    return {
        "image": {"bytes": body, "path": f"{entry.stem}{entry.source.suffix}"},
        "text": entry.caption,
        "label": numbers[entry.labels[0]] if entry.labels else None,
        "labels": list(entry.labels),
        **{name: record[name] for name in _TEXTS},
    }


def _instructions(folder: Path, settings: ExportSettings, recipe: RecipeFacts) -> Sequence[str]:  # noqa: ARG001
    """How `datasets` reads it."""
    return (f'datasets.load_dataset("{folder}")',)


PARQUET = ExportFormat(name="parquet", version=1, write=_write, settings=ShardSettings, instructions=_instructions)
