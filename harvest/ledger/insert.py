"""The one way by which stages and people add rows: typed, all or nothing, safe to repeat."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Any

import pyarrow as pa

from harvest.ledger.database import Connection, registered

__all__ = ["MOMENTS", "insert", "insert_columns", "table_of"]

MOMENTS = frozenset({"asked_at", "decided_at", "requested_at"})  # ISO 8601 text in rows; None means now, when writing

_ARROW = {
    "str": pa.string(),
    "str | None": pa.string(),
    "int": pa.int64(),
    "int | None": pa.int64(),
    "float": pa.float64(),
    "float | None": pa.float64(),
    "bool": pa.bool_(),
}


def insert(con: Connection, table: str, row: type[Any], rows: Collection[Any]) -> int:
    """Add `rows`, frozen dataclasses of the type `row` whose fields are columns of `table`; how many were new.

    A row whose key is there already stays as it is.
    """
    return insert_columns(con, table, table_of(row, rows)) if rows else 0


def insert_columns(con: Connection, table: str, columns: pa.Table) -> int:
    """Add the rows of an Arrow table whose columns are columns of `table`: `insert` for a million rows.

    A row whose key is there already stays as it is; a table without a key takes every row.
    """
    if not len(columns):
        return 0
    names = columns.column_names
    moments = ", ".join(f"coalesce({name}::TIMESTAMPTZ, now()) AS {name}" for name in names if name in MOMENTS)
    chosen = f"* REPLACE ({moments})" if moments else "*"
    with registered(con, "incoming", columns):
        keyed = con.execute(
            "SELECT 1 FROM duckdb_constraints() WHERE table_name = ? AND constraint_type = 'PRIMARY KEY'", [table]
        ).fetchall()
        statement = f'INSERT INTO "{table}" BY NAME SELECT {chosen} FROM incoming'  # noqa: S608
        ((new,),) = con.execute(statement + (" ON CONFLICT DO NOTHING" if keyed else "")).fetchall()
    return int(new)


def table_of(row: type[Any], rows: Collection[Any]) -> pa.Table:
    """The rows as an Arrow table, a column for each field of the dataclass `row`."""
    return pa.table(
        {f.name: pa.array([getattr(each, f.name) for each in rows], _ARROW[str(f.type)]) for f in fields(row)}
    )
