"""Parquet datasets as Hugging Face writes them: a column of images, {bytes, path} or plain bytes, and others beside it.

https://huggingface.co/docs/datasets/image_load and, for the names of classes in the schema's metadata,
https://huggingface.co/docs/datasets/about_dataset_features
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from harvest.config.source import Limits
from harvest.crawl.carriers.base import Carried, CarrierFailed
from harvest.crawl.files.columns import Columns
from harvest.crawl.files.disk import Opened, located
from harvest.crawl.files.readymade.base import Dataset, split_of
from harvest.items import ImageItem

__all__ = ["image_column", "opened_table", "read", "read_row"]

_AT_ONCE = 64  # rows of images in one batch
_KEPT = 8  # batches that stay in memory, since images are not asked for strictly in order


def read(dataset: Dataset) -> Iterator[ImageItem]:
    """Every row of every file that has an image, with its labels by name."""
    for file in dataset.files("*.parquet", "**/*.parquet"):
        split = split_of(file.name) or split_of(file.parent.name)
        if not dataset.wants(split):
            continue
        try:
            with opened_table(file) as table:
                column = image_column(table.schema_arrow)
                dataset.announce(table.metadata.num_rows)
                yield from _rows(dataset, file, table, column, split)
        except (CarrierFailed, pa.ArrowException, OSError) as error:
            dataset.problem(file, str(error))


def read_row(args: Mapping[str, Any], limits: Limits) -> Carried:
    """The image in `column` of row number `row` of `file`. Raises CarrierFailed."""
    with _TABLES.use(located(args)) as images:
        body = images.body(int(args["row"]), str(args["column"]))
    if len(body) > limits.max_bytes:
        raise CarrierFailed(f"too_large: {len(body)} bytes, limits.max_bytes is {limits.max_bytes}")
    return Carried(body=body, etag=str(args["version"]))


def opened_table(file: Path) -> pq.ParquetFile:
    """A Parquet file that is read a page at a time. Raises CarrierFailed when it is none."""
    try:
        return pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise CarrierFailed(f"unreadable: {str(error).splitlines()[0]}") from None


def image_column(schema: pa.Schema) -> str:
    """The column that holds images: a struct with `bytes`, else binary; the one called `image` or `img` goes first.

    Raises CarrierFailed when there is none.
    """
    found = [
        field.name
        for field in sorted(schema, key=lambda field: field.name not in {"image", "img"})
        if (pa.types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0) or _is_binary(field.type)
    ]
    if not found:
        raise CarrierFailed("changed: no column of images (a struct of bytes and path, or binary)")
    return str(found[0])


def class_names(schema: pa.Schema) -> dict[str, tuple[str, ...]]:
    """By column, the names of its numbered classes."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return {
        name: tuple(map(str, feature["names"]))
        for name, feature in features.items()
        if isinstance(feature, dict) and isinstance(feature.get("names"), list)
    }


def _rows(dataset: Dataset, file: Path, table: pq.ParquetFile, column: str, split: str | None) -> Iterator[ImageItem]:
    schema = table.schema_arrow
    kind = schema.field(column).type
    is_struct = pa.types.is_struct(kind)
    plain = [field.name for field in schema if field.name != column and not _holds_bytes(field.type)]
    has_path = is_struct and kind.get_field_index("path") >= 0
    wanted = [*plain, f"{column}.path"] if has_path else plain
    try:
        columns = Columns(plain, dataset.columns)
    except KeyError as missing:
        raise dataset.error("columns", f"{dataset.name(file)} has no column {missing}; it has {plain}") from None
    names, args, at = class_names(schema), dataset.addresses.args(file), -1
    # Without its bytes the image column alone would have no rows to count.
    batches = table.iter_batches(_AT_ONCE * 16, columns=wanted) if wanted else _empty(table)
    for batch in batches:
        for row in batch.to_pylist():
            at += 1
            named = (row.get(column) or {}).get("path") if is_struct else None
            fields = columns.fields(_with_names(row, names, dataset))
            raw = {**({"split": split} if split else {}), **({"path": named} if named else {}), **fields.pop("raw")}
            source_id = fields.pop("source_id", None) or f"{dataset.name(file)}#{at}"
            more = {**args, "row": at, "column": column}
            yield dataset.part("row", file, f"row={at}", source_id, args=more, raw=raw, **fields)


def _with_names(row: dict[str, Any], names: Mapping[str, tuple[str, ...]], dataset: Dataset) -> dict[str, Any]:
    """The row with numbers of classes as their names."""
    for column in {*names, *(("label",) if dataset.classes else ())} & row.keys():
        value, own = row[column], names.get(column, ())
        if isinstance(value, list):
            row[column] = [dataset.label(each, own) if isinstance(each, int) else each for each in value]
        elif isinstance(value, int):
            # -1 is how a test split says that a label is not told.
            row[column] = dataset.label(value, own) if value >= 0 else None
    return row


def _empty(table: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    yield pa.RecordBatch.from_struct_array(pa.array([{}] * table.metadata.num_rows, pa.struct([])))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(_holds_bytes(kind.field(at).type) for at in range(kind.num_fields))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _holds_bytes(kind.value_type)
    return _is_binary(kind)


class _Images:
    """The images of an opened table, read forward in batches of which the last few stay."""

    def __init__(self, path: Path) -> None:
        self._path, self._table = path, opened_table(path)
        self._groups = [self._table.metadata.row_group(at).num_rows for at in range(self._table.num_row_groups)]
        self._kept: OrderedDict[int, pa.RecordBatch] = OrderedDict()
        self._coming: Iterator[pa.RecordBatch] = iter(())
        self._next = self._end = 0  # the row that comes next, and the end of its row group

    def body(self, row: int, column: str) -> bytes:
        """The bytes of one row's image. Raises CarrierFailed when it has none."""
        value = self._value(row, column)
        if isinstance(value, Mapping):
            body, named = value.get("bytes"), value.get("path")
            value = body if body is not None or not named else self._beside(str(named))
        if not isinstance(value, bytes) or not value:
            raise CarrierFailed("missing: the row has no image", is_gone=True)
        return value

    def close(self) -> None:
        """Close the file."""
        self._table.close()

    def _value(self, row: int, column: str) -> Any:
        for first, batch in self._kept.items():
            if first <= row < first + len(batch):
                return batch.column(0)[row - first].as_py()
        try:
            if not self._next <= row < self._end:
                self._jump(row, column)
            while True:
                batch = next(self._coming)
                first, self._next = self._next, self._next + len(batch)
                self._kept[first] = batch
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
                if row < self._next:
                    return batch.column(0)[row - first].as_py()
        except (pa.ArrowException, OSError, StopIteration) as error:
            self._next = self._end = 0
            raise CarrierFailed(f"corrupt: {error or 'the file has no such row'}") from None

    def _jump(self, row: int, column: str) -> None:
        first = 0
        for group, number in enumerate(self._groups):
            if row < first + number:
                self._coming = self._table.iter_batches(_AT_ONCE, row_groups=[group], columns=[column])
                self._next, self._end = first, first + number
                return
            first += number
        raise CarrierFailed("missing: the file has no such row", is_gone=True)

    def _beside(self, name: str) -> bytes:
        """A file that the row names instead of holding it: only one under the table's own folder."""
        path = (self._path.parent / name).resolve()
        if not path.is_relative_to(self._path.parent.resolve()) or not path.is_file():
            raise CarrierFailed(f"missing: {name}", is_gone=True)
        return path.read_bytes()


def _close(images: _Images) -> None:
    images.close()


_TABLES: Opened[_Images] = Opened(_Images, _close, limit=4)
