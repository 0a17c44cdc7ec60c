"""Lists of addresses, row by row and never whole: CSV, TSV, JSON lines, Parquet, and plain lines of text."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from harvest.crawl.files.columns import Columns
from harvest.errors import SourceChanged
from harvest.items import ImageItem

__all__ = ["FORMATS", "BadRow", "Listing", "Row", "format_of", "image_address", "rows", "url_column"]

FORMATS = ("csv", "tsv", "jsonl", "parquet", "txt")
_BY_SUFFIX = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"} | {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".txt": "txt",
}
_URL_COLUMNS = ("url", "image_url", "imageurl", "img_url", "image", "contenturl", "src", "link")
_SHAPES = 100  # sets of columns, which differ between JSON lines
_AT_ONCE = 1000  # rows of Parquet in memory
_LONGEST_FIELD = 1 << 20
_LONGEST_ADDRESS = 8192


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the number of its line, or of its row where the format has no lines, from 1 on, and its values."""

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read, and why."""

    line: int
    why: str


def format_of(name: str) -> str | None:
    """A list's format by the end of its name, `.gz` aside; None for others."""
    path = PurePosixPath(name)
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    return _BY_SUFFIX.get(suffix.lower())


def rows(file: IO[bytes], kind: str) -> Iterator[Row | BadRow]:
    """The rows of an opened list of one of FORMATS; gzip is seen by itself. Memory does not grow with the list.

    Raises SourceChanged when the file as a whole is no such list.
    """
    if kind == "parquet":
        yield from _parquet(file)
        return
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    plain: Any = gzip.GzipFile(fileobj=file) if packed else file
    # A wrong letter in a caption is no reason to lose the picture.
    lines = io.TextIOWrapper(plain, encoding="utf-8-sig", errors="replace", newline="")
    try:
        yield from _READERS[kind](lines)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceChanged(f"the list is damaged: {error}") from None
    finally:
        lines.detach()


def url_column(names: Sequence[str], wanted: str | None) -> str | None:
    """The column of addresses: the one that is wanted, else the first with a name that says so. None without one."""
    if wanted is not None:
        return wanted if wanted in names else None
    by_name = {name.lower(): name for name in reversed(names)}
    return next((by_name[name] for name in _URL_COLUMNS if name in by_name), None)


def image_address(value: Any) -> str | None:
    """The value as an absolute http or https address, None when it is none."""
    address = value.strip() if isinstance(value, str) else ""
    if not address.lower().startswith(("http://", "https://")) or len(address) > _LONGEST_ADDRESS:
        return None
    try:
        host = urlsplit(address).hostname
    except ValueError:
        return None
    return address if host and address.isprintable() else None


class Listing:
    """How one list's columns are read. `url` is the column of addresses, `given` maps fields of an item to others."""

    def __init__(self, url: str | None, given: Mapping[str, str]) -> None:
        self._url, self._given = url, given
        self._columns: dict[tuple[str, ...], Columns] = {}

    def item(self, row: Row) -> ImageItem | BadRow:
        """One row as an item. Raises KeyError with the name of a column that the first row should have and has not."""
        names = tuple(row.values)
        if not self._columns:
            self._url = self._first(names)
        address = image_address(row.values.get(self._url or ""))
        if address is None:
            return BadRow(row.line, f"{row.values.get(self._url or '')!r:.200} is no http(s) address")
        if names not in self._columns:
            given = {field: column for field, column in self._given.items() if column in names}
            if len(self._columns) > _SHAPES:
                self._columns.clear()
            self._columns[names] = Columns(names, given, left=(self._url or "",))
        return ImageItem(image_url=address, **{"source_id": address, **self._columns[names].fields(row.values)})

    def _first(self, names: tuple[str, ...]) -> str:
        column = url_column(names, self._url)
        missing = self._url or "of addresses" if column is None else None
        missing = missing or next((each for each in self._given.values() if each not in names), None)
        if missing or column is None:
            raise KeyError(missing)
        return column


def _separated(lines: IO[str], delimiter: str) -> Iterator[Row | BadRow]:
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(lines, delimiter=delimiter)
    header: list[str] | None = None
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            yield BadRow(reader.line_num, f"cannot be read: {error}")
            continue
        if fields is None:
            return
        if not fields:
            continue
        if header is None:
            header = [name.strip() for name in fields]
        elif len(fields) > len(header):
            yield BadRow(reader.line_num, f"{len(fields)} fields, the header has {len(header)}")
        else:
            yield Row(reader.line_num, dict(zip(header, fields, strict=False)))


def _json_lines(lines: IO[str]) -> Iterator[Row | BadRow]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield BadRow(number, f"is no JSON: {error}")
            continue
        yield Row(number, values) if isinstance(values, dict) else BadRow(number, "is no JSON object")


def _plain(lines: IO[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            yield Row(number, {"url": line.strip()})


def _parquet(file: IO[bytes]) -> Iterator[Row]:
    try:
        table = pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
        names = [field.name for field in table.schema_arrow if not _is_bytes(field.type)]
        number = 0
        for batch in table.iter_batches(_AT_ONCE, columns=names):
            for values in batch.to_pylist():
                number += 1
                yield Row(number, values)
    except pa.ArrowException as error:
        raise SourceChanged(f"the list is no Parquet file: {str(error).splitlines()[0]}") from None


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_struct(kind))


_READERS: Mapping[str, Any] = {
    "csv": lambda lines: _separated(lines, ","),
    "tsv": lambda lines: _separated(lines, "\t"),
    "jsonl": _json_lines,
    "txt": _plain,
}
