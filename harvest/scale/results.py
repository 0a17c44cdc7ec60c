"""What workers leave in a place for the ledger: tables in Parquet, and a manifest that comes last.

A table is a folder of parts, `embeddings/<rows>-<sha256>.parquet`, each named by how many rows it has and by what its
bytes are. So a worker that does something a second time, because another died before it could say that it was done,
writes the same file again, and whoever reads a part knows whether it is whole. `RESULT.json` names the parts that
count; a result without it is not finished.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from harvest.errors import SourceError, UsageError
from harvest.ledger.results import RESULT_TABLES
from harvest.places import Folder, Place
from harvest.workspace import Workspace

__all__ = [
    "MANIFEST",
    "Manifest",
    "Part",
    "is_workspace",
    "parts_in",
    "read_manifest",
    "read_part",
    "rows_of",
    "write_manifest",
    "write_part",
]

MANIFEST = "RESULT.json"
_FORM = 1
_NAME = re.compile(r"(?P<table>[a-z]+)/(?P<rows>\d{6,})-(?P<sha256>[0-9a-f]{64})\.parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A Parquet file of a result: under which `key`, and what its name says of it."""

    key: str
    table: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a result is of, and the parts that count.

    `recipe` is the recipe's name and `recipe_digest` that of its file; `models` are identities (`name@digest`) by the
    names under which the recipe knows them.
    """

    recipe: str
    recipe_digest: str
    code_version: str
    models: Mapping[str, str]
    parts: tuple[Part, ...]

    @property
    def rows(self) -> dict[str, int]:
        """How many rows there are of each table, those that stand twice included."""
        return {name: sum(part.rows for part in self.parts if part.table == name) for name in RESULT_TABLES}


def write_part(place: Place, table: str, rows: pa.Table) -> None:
    """Keep rows of `table`; nothing where there are none. The same rows have the same bytes, and so the same name.

    Raises SourceError.
    """
    if not len(rows):
        return
    sink = io.BytesIO()
    pq.write_table(rows.cast(RESULT_TABLES[table]), sink, compression="zstd")
    body = sink.getvalue()
    key = f"{table}/{len(rows):06d}-{hashlib.sha256(body).hexdigest()}.parquet"
    try:
        place.put(key, body)
    except OSError as error:
        raise SourceError(
            f"{key}: a worker cannot keep it: {error}; every machine has to reach the same place"
        ) from None


def is_workspace(place: Place) -> bool:
    """Whether a place is a workspace's folder, which has a `derived` of its own and is none for results."""
    return isinstance(place, Folder) and (
        Workspace(place.folder).journal.is_dir() or place.size("ledger.duckdb") is not None
    )


def parts_in(place: Place) -> list[Part]:
    """All parts that lie in a place, whether a manifest names them or not."""
    return [part for table in RESULT_TABLES for key, size in place.keys(table).items() if (part := _part(key, size))]


def _part(key: str, size: int) -> Part | None:
    named = _NAME.fullmatch(key)
    if named is None:
        return None
    return Part(key=key, table=named["table"], rows=int(named["rows"]), bytes=size, sha256=named["sha256"])


def read_part(place: Place, part: Part) -> pa.Table:
    """The rows of a part. Raises UsageError when it is not what its name says."""
    try:
        with place.opened(part.key) as file:
            body = file.read()
    except FileNotFoundError:
        raise UsageError(f"{part.key}: {MANIFEST} names it, and it is not there; copy the whole result again") from None
    if hashlib.sha256(body).hexdigest() != part.sha256:
        raise UsageError(
            f"{part.key}: holds other bytes than its name says; copy it again, or run `harvest scale` again"
        )
    rows = pq.read_table(io.BytesIO(body))
    wanted = RESULT_TABLES[part.table]
    if rows.schema.remove_metadata() != wanted or len(rows) != part.rows:
        raise UsageError(f"{part.key}: expected {part.rows} rows of {', '.join(wanted.names)}")
    return rows


def rows_of(place: Place, part: Part, columns: list[str]) -> pa.Table:
    """Some columns of a part, the others left where they are."""
    with place.opened(part.key) as file:
        return pq.read_table(file, columns=columns)


def write_manifest(place: Place, manifest: Manifest) -> None:
    """Say that a result is finished."""
    document = {"form": _FORM, **asdict(manifest), "rows": manifest.rows}
    place.put(MANIFEST, (json.dumps(document, indent=2) + "\n").encode())


def read_manifest(place: Place, url: str) -> Manifest:
    """The manifest of the result at `url`. Raises UsageError where there is none, or one of another form."""
    try:
        with place.opened(MANIFEST) as file:
            document = json.loads(file.read())
    except FileNotFoundError:
        raise UsageError(
            f"{url}: has no {MANIFEST}: the run that writes this result has not ended; "
            "let `harvest scale` with the same recipe and place go on to its end"
        ) from None
    except ValueError as error:
        raise UsageError(f"{url}: {MANIFEST} cannot be read: {error}") from None
    try:
        return _manifest(document)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{url}: {MANIFEST} is none of form {_FORM} that this version reads: {error!r}") from None


def _manifest(document: Mapping[str, Any]) -> Manifest:
    if document["form"] != _FORM:
        raise ValueError(f"form {document['form']!r}")
    return Manifest(
        recipe=str(document["recipe"]),
        recipe_digest=str(document["recipe_digest"]),
        code_version=str(document["code_version"]),
        models={str(name): str(identity) for name, identity in document["models"].items()},
        parts=tuple(_named_parts(document["parts"])),
    )


def _named_parts(entries: list[Mapping[str, Any]]) -> Iterator[Part]:
    for entry in entries:
        part = _part(str(entry["key"]), int(entry["bytes"]))
        if part is None or part.table not in RESULT_TABLES:
            raise ValueError(f"{entry['key']!r} is no part of a result")
        yield part
