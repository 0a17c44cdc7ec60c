"""Questions that users put to the ledger in SQL of their own."""

from __future__ import annotations

from typing import Any

import duckdb

from harvest.errors import UsageError
from harvest.ledger.database import Connection, open_ledger
from harvest.workspace import Workspace

__all__ = ["query"]

_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
_ZONED = "TIMESTAMP WITH TIME ZONE"


def query(workspace: Workspace, statement: str, *, wait: float = 30.0) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run one reading statement; its column names and rows in Python's own types, moments as text in UTC.

    The statement sees the ledger and nothing else: no file, no network, no variable of this program.
    Raises UsageError when it would write, is not one statement, or is not right; and what `open_ledger` raises.
    """
    with open_ledger(workspace, wait=wait) as con:
        for setting in ("enable_external_access = false", "python_enable_replacements = false"):
            con.execute(f"SET {setting}")
        con.execute("SET lock_configuration = true")
        try:
            answer = con.execute(_readable(con, _reading(con, statement)))
            return [column[0] for column in answer.description or ()], answer.fetchall()
        except duckdb.Error as error:
            # DuckDB's own excerpt of the statement would show what was wrapped around it.
            reason = " ".join(str(error).partition("\n\nLINE")[0].split())
            raise UsageError(f"the ledger cannot answer this: {reason}") from None


def _reading(con: Connection, statement: str) -> str:
    """The one statement in `statement`, when it only reads."""
    found = con.extract_statements(statement)
    if len(found) != 1:
        raise UsageError(f"expected one SQL statement, got {len(found)}")
    if found[0].type not in _READING:
        raise UsageError(
            f"expected a statement that reads (SELECT, FROM, DESCRIBE, SUMMARIZE, EXPLAIN), got {found[0].type.name}: "
            "the ledger is written by the harvest commands alone"
        )
    return _without_tail(str(found[0].query))


def _without_tail(statement: str) -> str:
    """`statement` without the semicolons and comments behind it, so that it can stand in parentheses."""
    text = statement.encode()
    for offset, kind in reversed(duckdb.tokenize(statement)):  # offsets are in bytes
        if kind is not duckdb.token_type.comment and text[offset : offset + 1] != b";":
            break
        text = text[:offset]
    return text.decode()


def _readable(con: Connection, statement: str) -> str:
    """`statement` with moments as text, for Python's binding needs a further package to hand them out."""
    if not statement.lstrip().lower().startswith(("select", "with", "from", "values", "(")):
        return statement
    columns = con.execute(f"DESCRIBE {statement}").fetchall()
    kinds = [str(kind) for _, kind, *_ in columns]
    if not any(_ZONED in kind for kind in kinds):
        return statement
    names = [name.replace('"', '""') for name, *_ in columns]
    inner = ", ".join(f"c{index}" for index in range(len(columns)))
    outer = ", ".join(
        f'CAST(c{index} AS {kind.replace(_ZONED, "VARCHAR")}) AS "{name}"'
        for index, (name, kind) in enumerate(zip(names, kinds, strict=True))
    )
    return f"SELECT {outer} FROM (\n{statement}\n) AS answer({inner})"  # noqa: S608 - read-only, and it is the user's
