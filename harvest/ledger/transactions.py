"""What is done with an open connection: all or nothing, and Arrow tables that its statements read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb
import pyarrow as pa

__all__ = ["Connection", "registered", "transaction"]

Connection = duckdb.DuckDBPyConnection

_in_transaction: set[int] = set()


@contextmanager
def transaction(con: Connection) -> Iterator[None]:
    """All of the block or nothing of it; within another such block, all of that one."""
    if id(con) in _in_transaction:
        yield
        return
    con.execute("BEGIN TRANSACTION")
    _in_transaction.add(id(con))
    try:
        yield
    except BaseException:
        # An error that ended the transaction by itself is the one to report.
        with suppress(duckdb.Error):
            con.execute("ROLLBACK")
        raise
    else:
        con.execute("COMMIT")
    finally:
        _in_transaction.discard(id(con))


@contextmanager
def registered(con: Connection, name: str, table: pa.Table) -> Iterator[None]:
    """Let statements of the block read `table` under `name`."""
    # An answer that somebody did not read to its end would be in the way; the next one takes its place.
    con.execute("SELECT 1").fetchall()
    con.register(name, table)
    try:
        yield
    finally:
        # In a transaction that has failed nothing can be taken back, and all is given up with the connection anyway.
        with suppress(duckdb.TransactionException):
            con.unregister(name)
