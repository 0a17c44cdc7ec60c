"""The one way by which stages and people add rows: typed, sealed, all or nothing, safe to repeat."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Any

import pyarrow as pa

from harvest.ledger.seals import next_seal, seal_rows
from harvest.ledger.transactions import Connection, registered, transaction

__all__ = ["MOMENTS", "insert", "insert_columns", "insert_selected", "table_of"]

# ISO 8601 text in rows; None means now, when writing
MOMENTS = frozenset({"asked_at", "decided_at", "finished_at", "requested_at", "started_at"})

_ARROW = {
    "str": pa.string(),
    "str | None": pa.string(),
    "int": pa.int64(),
    "int | None": pa.int64(),
    "float": pa.float64(),
    "float | None": pa.float64(),
    "bool": pa.bool_(),
}
_DUCKDB = {pa.string(): "VARCHAR", pa.int64(): "BIGINT", pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN"}


def insert(con: Connection, table: str, row: type[Any], rows: Collection[Any]) -> int:
    """Add `rows`, frozen dataclasses of the type `row` whose fields are columns of `table`; how many were new.

    A row whose key is there already stays as it is.
    """
    if not rows:
        return 0
    columns = _row_of(con, row, *rows) if len(rows) == 1 else table_of(row, rows)
    return insert_columns(con, table, columns)


def insert_columns(con: Connection, table: str, columns: pa.Table) -> int:
    """Add the rows of an Arrow table whose columns are columns of `table`: `insert` for a million rows.

    A row whose key is there already stays as it is; a table without a key takes every row.
    """
    names = columns.column_names
    moments = ", ".join(f"coalesce({name}::TIMESTAMPTZ, now()) AS {name}" for name in names if name in MOMENTS)
    return insert_selected(con, table, columns, f"SELECT * REPLACE ({moments})" if moments else "SELECT *")


def insert_selected(con: Connection, table: str, incoming: pa.Table, select: str, joined: str = "") -> int:
    """Add what `select` makes of the Arrow table `incoming`, followed by what it is joined with; how many were new.

    The new rows are sealed together, where the table is a sealed one.
    """
    if not len(incoming):
        return 0
    with transaction(con), registered(con, "incoming", incoming):
        is_sealed, is_keyed = _kinds(con, table)
        seal = next_seal(con) if is_sealed else 0
        numbered = f", {seal} AS seal" if is_sealed else ""
        statement = f'INSERT INTO "{table}" BY NAME {select}{numbered} FROM incoming {joined}'
        ((new,),) = con.execute(statement + (" ON CONFLICT DO NOTHING" if is_keyed else "")).fetchall()
        if new and is_sealed:
            seal_rows(con, table, seal)
    return int(new)


def _kinds(con: Connection, table: str) -> tuple[bool, bool]:
    """Whether the rows of a table are sealed, and whether it has a key."""
    rows = con.execute(f"SELECT bool_or(name = 'seal'), bool_or(pk) FROM pragma_table_info('{table}')")  # noqa: S608
    ((is_sealed, is_keyed),) = rows.fetchall()
    return bool(is_sealed), bool(is_keyed)


def table_of(row: type[Any], rows: Collection[Any]) -> pa.Table:
    """The rows as an Arrow table, a column for each field of the dataclass `row`."""
    return pa.table(
        {f.name: pa.array([getattr(each, f.name) for each in rows], _ARROW[str(f.type)]) for f in fields(row)}
    )


def _row_of(con: Connection, row: type[Any], values: Any) -> pa.Table:
    """One row, made by DuckDB: from Python's own values pyarrow would import pandas, where there is one."""
    columns = ", ".join(f"?::{_DUCKDB[_ARROW[str(f.type)]]} AS {f.name}" for f in fields(row))
    return con.sql(f"SELECT {columns}", params=[getattr(values, f.name) for f in fields(row)]).to_arrow_table()
