"""Seals: digests over every batch of rows that a stage or a person adds, each holding the digest of the one before.

Whoever changes, takes away or adds a row afterwards has to make all later seals anew, and then the last one's digest,
kept elsewhere, tells. The column `seal` of a table holds the number of the seal that a row belongs to.

A row is digested as the sha256 of this text: for each of its columns but `seal`, in the order of their names, and only
where there is a value, `name:length:value,` with the length in bytes of UTF-8. Whole numbers are decimal, moments are
microseconds since 1970, a binary floating point number is its bits, a vector the sha256 of its float32 values
(little-endian), a list JSON. A column that comes later therefore changes nothing for rows that have no value there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from duckdb.func import PythonUDFType

from harvest.errors import UsageError
from harvest.ledger.transactions import Connection

__all__ = [
    "Head",
    "chained",
    "head",
    "key_columns",
    "next_seal",
    "read_digests",
    "seal_rows",
    "seal_unsealed",
    "sealed_columns",
    "sealed_tables",
]

_VECTOR = "FLOAT[]"
_TEXTS = {
    "VARCHAR": '"{0}"',
    "JSON": '"{0}"::VARCHAR',
    "BOOLEAN": '"{0}"::VARCHAR',
    "INTEGER": '"{0}"::VARCHAR',
    "BIGINT": '"{0}"::VARCHAR',
    "UBIGINT": '"{0}"::VARCHAR',
    "DOUBLE": '"{0}"::BIT::VARCHAR',
    "TIMESTAMP WITH TIME ZONE": 'epoch_us("{0}")::VARCHAR',
    "VARCHAR[]": 'to_json("{0}")::VARCHAR',
    _VECTOR: 'vector_digest("{0}")',
}

# Marks are made of the same sorted digests as the digest of all.
_SEAL = """
    INSERT INTO seals BY NAME
    WITH digested AS MATERIALIZED (SELECT *, {digest} AS row_digest FROM "{table}" WHERE seal = {seal}),
    batch AS (
        SELECT count(*) AS rows, list(row_digest ORDER BY row_digest) AS digests, {hints} AS hints FROM digested
    ), summed AS (
        SELECT rows, sha256(array_to_string(digests, '')) AS rows_digest,
               unhex(array_to_string(list_transform(digests, lambda d: left(d, 8)), '')) AS marks, hints,
               coalesce((SELECT arg_max(digest, seal) FROM seals), '') AS previous, now() AS sealed_at
        FROM batch
    )
    SELECT {seal} AS seal, '{table}' AS table_name, *, {chained} AS digest FROM summed"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last seal: its number, which is how many there are, and its digest (hex sha256). As text, `number:digest`."""

    seal: int
    digest: str

    def __str__(self) -> str:
        return f"{self.seal}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """The head that `text` is. Raises UsageError when it is none."""
        number, colon, digest = text.strip().partition(":")
        if not (colon and number.isdigit() and re.fullmatch("[0-9a-f]{64}", digest)):
            raise UsageError(f"expected NUMBER:DIGEST as `harvest verify --head` prints it, got {text!r}")
        return cls(seal=int(number), digest=digest)


def head(con: Connection) -> Head | None:
    """The last seal; None when nothing was sealed yet."""
    row = con.execute("SELECT seal, digest FROM seals ORDER BY seal DESC LIMIT 1").fetchone()
    return Head(seal=row[0], digest=row[1]) if row else None


def sealed_tables(con: Connection) -> list[str]:
    """The tables whose rows are sealed, by name: those that have a column `seal`."""
    statement = """
        SELECT table_name FROM duckdb_columns() JOIN duckdb_tables() USING (schema_name, table_name, database_name)
        WHERE column_name = 'seal' AND table_name <> 'seals' AND database_name = current_database() AND NOT temporary
        ORDER BY table_name"""
    return [name for (name,) in con.execute(statement).fetchall()]


def sealed_columns(con: Connection, table: str) -> dict[str, str]:
    """The columns of a sealed table that its seals cover, in the order of their names, and their types."""
    # The catalogue's own functions take ten times as long.
    rows = con.execute(f"SELECT name, type FROM pragma_table_info('{table}') ORDER BY name").fetchall()  # noqa: S608
    return {name: kind for name, kind in rows if name != "seal"}


def key_columns(con: Connection, table: str) -> list[str]:
    """The columns of a table's primary key, none where it has no key."""
    rows = con.execute(f"SELECT name FROM pragma_table_info('{table}') WHERE pk").fetchall()  # noqa: S608
    return [name for (name,) in rows]


def next_seal(con: Connection) -> int:
    """The number of the seal that comes next."""
    ((number,),) = con.execute("SELECT coalesce(max(seal), 0) + 1 FROM seals").fetchall()
    return int(number)


def seal_rows(con: Connection, table: str, seal: int) -> None:
    """Seal the rows of `table` that hold the number `seal`, in the transaction that added them.

    Raises ValueError when the table has a column of a type that no text is agreed upon for.
    """
    columns = sealed_columns(con, table)
    sums = ", ".join(f"'{name}', sum(hash(\"{name}\"))::VARCHAR" for name in columns)
    with read_digests(con, table, columns) as digest:
        con.execute(
            _SEAL.format(
                table=table,
                seal=seal,
                digest=digest,
                hints=f"json_object('by', version(), 'columns', json_object({sums}))",
                chained=chained(seal=str(seal), table=f"'{table}'"),
            )
        )


def chained(*, seal: str = "seal", table: str = "table_name") -> str:
    """The SQL of a seal's digest, where the seal's other columns are at hand."""
    parts = ("previous", seal, table, "rows", "rows_digest", "epoch_us(sealed_at)", "sha256(marks)", "hints::VARCHAR")
    return f"sha256(concat_ws(chr(10), {', '.join(parts)}))"


@contextmanager
def read_digests(con: Connection, table: str, columns: Mapping[str, str]) -> Iterator[str]:
    """The SQL of a row's digest, which statements on `con` may use within the block, where they read from `table`.

    `columns` are its sealed ones. Raises ValueError as `seal_rows` does.
    """
    unknown = [f"{table}.{name} is {kind}" for name, kind in columns.items() if kind not in _TEXTS]
    if unknown:
        raise ValueError(f"no text is agreed upon for rows where {', '.join(unknown)}: add one in {__name__}")
    parts = [_part(name, _TEXTS[kind].format(name)) for name, kind in columns.items()]
    digest = f"sha256(concat({', '.join(parts)}))"
    if _VECTOR not in columns.values():
        yield digest
        return
    con.create_function("vector_digest", _vector_digests, [_VECTOR], "VARCHAR", type=PythonUDFType.ARROW)
    try:
        yield digest
    finally:
        con.remove_function("vector_digest")


def seal_unsealed(con: Connection) -> None:
    """Seal whatever rows of sealed tables have no seal: those of a ledger from before there were seals."""
    for table in sealed_tables(con):
        seal = next_seal(con)
        statement = f'UPDATE "{table}" SET seal = ? WHERE seal IS NULL'  # noqa: S608
        ((count,),) = con.execute(statement, [seal]).fetchall()
        if count:
            seal_rows(con, table, seal)


def _part(name: str, text: str) -> str:
    return f"CASE WHEN \"{name}\" IS NOT NULL THEN concat('{name}:', strlen({text}), ':', {text}, ',') END"


def _vector_digests(vectors: pa.ChunkedArray) -> pa.Array:
    """By vector of float32, the hex sha256 of its values."""
    digests: list[str] = []
    for chunk in vectors.chunks if isinstance(vectors, pa.ChunkedArray) else [vectors]:
        bounds = chunk.offsets.to_numpy()
        values = np.ascontiguousarray(chunk.values.to_numpy(zero_copy_only=False), dtype="<f4")
        data = memoryview(values.tobytes())
        digests += [hashlib.sha256(data[4 * begin : 4 * end]).hexdigest() for begin, end in pairwise(bounds)]
    return pa.array(digests, pa.string())
