"""Seals against the rows that they answer for: the chain, then every batch, and in a batch that differs the row."""

# ruff: noqa: S608 - what is put into the SQL are names from the ledger's own catalogue
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harvest.audit.differences import Found, row_called
from harvest.ledger import Connection, Head, open_ledger
from harvest.ledger.seals import chained, key_columns, read_digests, sealed_columns, sealed_tables
from harvest.progress import Progress
from harvest.workspace import Workspace

__all__ = ["SealCount", "compare_head", "compare_seals"]


_TURN = 50_000  # rows; other processes get their turn at the ledger after them
_NAMED = 20  # rows of one batch
_JOURNALLED = frozenset({"derived_rows"})  # has rows without a seal too, which a journal vouches for
_KEYS = ("stage_run", "layout", "export", "sha256", "path", "method", "version", "value", "requested_at")

_CHAIN = f"""
    SELECT seal, previous <> before OR seal <> number AS is_unchained, digest <> {chained()} AS is_changed, previous
    FROM (SELECT *, lag(digest, 1, '') OVER (ORDER BY seal) AS before, row_number() OVER (ORDER BY seal) AS number
          FROM seals)
    WHERE is_unchained OR is_changed ORDER BY seal"""


@dataclass(slots=True)
class SealCount:
    """What was compared so far."""

    seals: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seal:
    number: int
    rows: int
    digest: str


def compare_head(workspace: Workspace, kept: Head) -> Iterator[Found]:
    """Whether the ledger's chain of seals still holds a head that was kept elsewhere, as (kind, where, what)."""
    with open_ledger(workspace) as con:
        there = dict(con.execute("SELECT seal, digest FROM seals WHERE seal = ?", [kept.seal]).fetchall())
        ((last,),) = con.execute("SELECT coalesce(max(seal), 0) FROM seals").fetchall()
    if kept.seal not in there:
        yield (
            "seal",
            f"seal {kept.seal}",
            f"was kept elsewhere; of {last} seals there is none: cut back or replaced",
        )
    elif there[kept.seal] != kept.digest:
        yield "seal", f"seal {kept.seal}", f"is {there[kept.seal]}, and was {kept.digest} when it was kept elsewhere"


def compare_seals(workspace: Workspace, count: SealCount, progress: Progress) -> Iterator[Found]:
    """Every difference between the seals and the rows of sealed tables, as (kind, where, what); counts into `count`."""
    with open_ledger(workspace) as con:
        yield from _chain(con)
        seals: dict[str, list[_Seal]] = {}
        for table, number, rows, digest in con.execute(
            "SELECT table_name, seal, rows, rows_digest FROM seals ORDER BY seal"
        ).fetchall():
            seals.setdefault(table, []).append(_Seal(number=number, rows=rows, digest=digest))
        tables = sealed_tables(con)
        for table in tables:
            yield from _unsealed(con, table, {seal.number for seal in seals.get(table, [])})
    for table in sorted(set(seals) - set(tables)):
        yield "row", table, f"the ledger has {len(seals[table])} seals on this table, the table is gone"
    with progress.start("check seals", sum(seal.rows for table in tables for seal in seals.get(table, []))) as task:
        for table in tables:
            for turn in _turns(seals.get(table, [])):
                with open_ledger(workspace) as con:
                    yield from _batches(con, table, turn)
                count.seals += len(turn)
                count.rows += sum(seal.rows for seal in turn)
                task.advance(sum(seal.rows for seal in turn), note=table)


def _chain(con: Connection) -> Iterator[Found]:
    for number, is_unchained, is_changed, previous in con.execute(_CHAIN).fetchall():
        if is_changed:
            yield "seal", f"seal {number}", "its digest is not that of what it says: it was changed"
        if is_unchained:
            yield (
                "seal",
                f"seal {number}",
                f"was made after {previous or 'nothing'}: the one before was changed or is gone",
            )


def _unsealed(con: Connection, table: str, known: set[int]) -> Iterator[Found]:
    """Rows that hold no seal, or the number of one that there is not."""
    counts = con.execute(f'SELECT seal, count(*) FROM "{table}" GROUP BY seal ORDER BY seal NULLS FIRST').fetchall()
    for number, rows in counts:
        if number in known or (number is None and table in _JOURNALLED):
            continue
        keys = _keys(con, table)
        (first, *_) = con.execute(
            f'SELECT {_list(keys)} FROM "{table}" WHERE seal IS NOT DISTINCT FROM ? ORDER BY ALL LIMIT 1', [number]
        ).fetchall()
        more = f", and {rows - 1:,} more rows" if rows > 1 else ""
        seal = "no seal" if number is None else f"the seal {number}, which this table has not"
        yield "row", row_called(table, keys, first), f"holds {seal}{more}: added past the program"


def _turns(seals: Sequence[_Seal]) -> Iterator[list[_Seal]]:
    turn: list[_Seal] = []
    for seal in seals:
        if turn and sum(one.rows for one in turn) + seal.rows > _TURN:
            yield turn
            turn = []
        turn.append(seal)
    if turn:
        yield turn


def _batches(con: Connection, table: str, seals: Sequence[_Seal]) -> Iterator[Found]:
    with read_digests(con, table, sealed_columns(con, table)) as digest:
        statement = f"""
            SELECT seal, count(*), sha256(string_agg(row_digest, '' ORDER BY row_digest))
            FROM (SELECT seal, {digest} AS row_digest FROM "{table}" WHERE seal BETWEEN ? AND ?) GROUP BY seal"""
        found = {
            number: (rows, total)
            for number, rows, total in con.execute(statement, [seals[0].number, seals[-1].number]).fetchall()
        }
        for seal in seals:
            rows, total = found.get(seal.number, (0, None))
            if (rows, total) != (seal.rows, seal.digest):
                yield from _changed(con, table, seal, rows, digest)


def _changed(con: Connection, table: str, seal: _Seal, rows: int, digest: str) -> Iterator[Found]:
    """Which rows of a batch are not as they were sealed, as far as its marks and hints tell."""
    (marks, hints, at), *_ = con.execute(
        "SELECT marks, hints, strftime(sealed_at, '%Y-%m-%d %H:%M:%S UTC') FROM seals WHERE seal = ?", [seal.number]
    ).fetchall()
    sealed = f"sealed as {seal.number} at {at}"
    keys = _keys(con, table)
    there = con.execute(
        f'SELECT {_list(keys)}, left({digest}, 8) AS mark FROM "{table}" WHERE seal = ? ORDER BY ALL', [seal.number]
    ).fetchall()
    left = Counter(marks[at : at + 4].hex() for at in range(0, len(marks), 4))
    strange = []
    for *values, mark in there:
        if left[mark] > 0:
            left[mark] -= 1
        else:
            strange.append(values)
    if rows < seal.rows:
        yield "row", table, f"{seal.rows - rows:,} of {seal.rows:,} rows {sealed} are gone"
    columns = _columns(con, table, seal.number, json.loads(hints)) if rows == seal.rows else []
    what = " and ".join(columns) or "a value"
    what = f"{what} changed since the row was {sealed}" if rows <= seal.rows else f"not among the rows {sealed}"
    for values in strange[:_NAMED]:
        yield "row", row_called(table, keys, values), what
    if len(strange) > _NAMED:
        yield "row", table, f"{len(strange) - _NAMED:,} more of the rows {sealed} are not as they were"
    if not strange and rows >= seal.rows:
        yield "row", table, f"the rows {sealed} are not as they were"


def _columns(con: Connection, table: str, seal: int, hints: dict[str, Any]) -> list[str]:
    """The columns whose values are not those that were sealed. DuckDB's hashes hold within one version of it only."""
    ((version,),) = con.execute("SELECT version()").fetchall()
    columns = sealed_columns(con, table)
    if hints.get("by") != version:
        return []
    sums = con.execute(
        f'SELECT {", ".join(f"sum(hash({_quoted(name)}))::VARCHAR" for name in columns)} FROM "{table}" WHERE seal = ?',
        [seal],
    ).fetchall()[0]
    return [name for name, total in zip(columns, sums, strict=True) if hints["columns"].get(name, total) != total]


def _keys(con: Connection, table: str) -> list[str]:
    """The columns that name a row: its primary key, or what comes nearest."""
    return key_columns(con, table) or [name for name in _KEYS if name in sealed_columns(con, table)]


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"{_quoted(name)}::VARCHAR" for name in names)


def _quoted(name: str) -> str:
    return f'"{name}"'
