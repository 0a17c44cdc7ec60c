"""Rows that journals vouch for, against what the journals say: sightings, images, and sizes that a crawl made.

Journals are read into SQL as they are when the ledger takes them in, many lines at once, and the two sides are compared
there. Only rows that differ come to Python.
"""

# ruff: noqa: S608 - what is put into the SQL are constants of this package and names from the ledger's own catalogue
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from harvest.audit.differences import Found, row_called
from harvest.audit.spool import Spool
from harvest.errors import LedgerError
from harvest.journal import Segment, read_segment
from harvest.journal.segments import contents_of
from harvest.ledger import Connection, open_ledger
from harvest.ledger.database import registered
from harvest.ledger.ingest import DERIVED_ROWS, IMAGE_ROWS, READ_LINES, SIGHTING_ROWS, table_of_lines
from harvest.workspace import Workspace

__all__ = ["JournalCount", "JournalRows"]


_TURN = 20_000  # sightings; other processes get their turn at the ledger after them
_NAMED = 1_000  # rows of a table, when all rows are compared at once
_JSON = frozenset({"carrier", "evidence", "opt_out", "raw"})
_UNTOLD = frozenset({"carrier", "evidence", "fetched_at", "opt_out", "raw"})  # too long, or too plain, to be shown

# Processes that share one crawl have one row for an image between them, which may be another one's.
_IN_CRAWL = """
    SELECT DISTINCT source_id, image_url FROM sightings JOIN runs USING (run_id)
    WHERE crawl_id = (SELECT crawl_id FROM runs WHERE run_id = $run_id)
        AND (source_id, image_url) IN (SELECT (unnest($ids), unnest($urls)))"""
_IMAGE_KEY, _DERIVED_KEY = ("sha256",), ("sha256", "size", "recipe_digest")


@dataclass(slots=True)
class JournalCount:
    """What was compared so far, and what is odd but no difference."""

    runs: int = 0
    segments: int = 0
    sightings: int = 0
    notes: list[str] = field(default_factory=list)


class JournalRows:
    """Compares segments with the ledger as they are added, some thousand sightings a turn, and counts into `count`."""

    def __init__(self, workspace: Workspace, count: JournalCount) -> None:
        self.count = count
        self._workspace = workspace
        self._waiting: list[tuple[Segment, str, bool]] = []
        self._read = 0
        self._open = ExitStack()
        self._images, self._derived = Spool(workspace.root), Spool(workspace.root)

    def __enter__(self) -> Self:
        self._open.enter_context(self._images)
        self._open.enter_context(self._derived)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, segment: Segment, where: str, *, is_sound: bool) -> Iterator[Found]:
        """Compare a segment, now or with later ones. `is_sound` tells that its run's journal agrees with its seals."""
        self._waiting.append((segment, where, is_sound))
        if sum(one.sightings for one, _, _ in self._waiting) >= _TURN:
            yield from self.compare()

    def take_read(self) -> int:
        """How many sightings were compared since this was asked last."""
        read, self._read = self._read, 0
        return read

    def compare(self) -> Iterator[Found]:
        """Compare what waits."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        with open_ledger(self._workspace) as con:
            for segment, where, is_sound in waiting:
                try:
                    found = self._segment(con, segment, where)
                except (LedgerError, OSError, duckdb.Error, KeyError, TypeError, ValueError) as error:
                    found = [] if not is_sound else [("journal", where, _unreadable(segment.path, error))]
                yield from found

    def _segment(self, con: Connection, segment: Segment, where: str) -> list[Found]:
        lines = contents_of(segment.path).lines
        if not lines:
            return []
        table = table_of_lines(lines)
        with registered(con, "journal_lines", table):
            con.execute(READ_LINES)
        self._images.add(con.sql(IMAGE_ROWS).to_arrow_table())
        self._derived.add(con.sql(DERIVED_ROWS).to_arrow_table())
        self._read += len(lines)
        self.count.segments += 1
        self.count.sightings += len(lines)
        ((first,),) = con.execute("SELECT min(seq) FROM read_lines").fetchall()
        return list(_sightings(con, segment, where, first))

    def compare_all(self, con: Connection, *, is_whole: bool) -> Iterator[Found]:
        """Compare images and crawled sizes with all journals together.

        Unless these are all there and sound (`is_whole`), a row that none of them vouches for is no difference.
        """
        for table, spool, key, vouched in (
            ("images", self._images, _IMAGE_KEY, "true"),
            ("derived_rows", self._derived, _DERIVED_KEY, "seal IS NULL"),
        ):
            said = spool.read()
            if said is not None:
                with registered(con, "said", said):
                    yield from _rows(con, table, key, vouched, is_whole=is_whole)


def _sightings(con: Connection, segment: Segment, where: str, first: int) -> Iterator[Found]:
    names = [name for name in _columns(con, "sightings", ()) if name not in {"run_id", "seq"}]
    told = ", ".join(f'{_plain("w", name)} AS "w_{name}", {_plain("s", name)} AS "s_{name}"' for name in names)
    answer = con.execute(
        f"""SELECT w.seq, s.seq, {told} FROM ({SIGHTING_ROWS}) AS w
            FULL JOIN (SELECT * FROM sightings WHERE run_id = $run_id AND seq BETWEEN $first AND $last) AS s
                ON w.seq = s.seq
            WHERE w.seq IS NULL OR s.seq IS NULL OR {_differ(names)} ORDER BY w.seq, s.seq""",
        {"run_id": segment.run_id, "first": first, "last": first + segment.sightings - 1},
    ).fetchall()
    lost = [dict(zip(names, row[2::2], strict=True)) for row in answer if row[1] is None]
    asked = {"ids": [row["source_id"] for row in lost], "urls": [row["image_url"] for row in lost]}
    elsewhere = set(con.execute(_IN_CRAWL, {"run_id": segment.run_id, **asked}).fetchall() if lost else ())
    for line_seq, row_seq, *cells in answer:
        written, kept = (dict(zip(names, cells[side::2], strict=True)) for side in (0, 1))
        if line_seq is None:
            yield "sighting", where, f"the ledger has a sighting {row_seq} that the journal has not"
        elif row_seq is None:
            if (written["source_id"], written["image_url"]) not in elsewhere:
                yield "sighting", f"{where}:{line_seq - first + 1}", "the ledger has no row for this sighting"
        elif differing := _differing(written, kept):
            yield (
                "sighting",
                f"{where}:{line_seq - first + 1}",
                "the ledger has another " + "; another ".join(differing),
            )


def _differing(written: Mapping[str, Any], kept: Mapping[str, Any]) -> list[str]:
    told = []
    for name, value in written.items():
        if _meaning(name, value) != _meaning(name, kept[name]):
            told.append(name if name in _UNTOLD else f"{name}: {kept[name]!r} instead of {value!r}")
    return told


def _meaning(name: str, value: Any) -> Any:
    """What a value says: earlier versions left out what was empty, and listed refusals in another order."""
    if name in _JSON and value is not None:
        value = json.loads(value)
    if name == "opt_out":
        return sorted((entry["kind"], entry["value"], entry["where"]) for entry in value)
    return value or None if isinstance(value, list | dict) else value


def _rows(con: Connection, table: str, key: Sequence[str], vouched: str, *, is_whole: bool) -> Iterator[Found]:
    """Rows of `table` that no line of the journals says so (view `said`), and lines that have no row."""
    names = [name for name in _columns(con, table, key) if name not in {"first_seen", "sha1", "seal"}]
    using, keys = ", ".join(key), ", ".join(f"{name}::VARCHAR" for name in key)
    agrees = " AND ".join(f"t.{name} IS NOT DISTINCT FROM v.{name}" for name in names)
    each = ", ".join(f"bool_or(t.{name} IS NOT DISTINCT FROM v.{name})" for name in names)
    oldest, sha1 = "true", "true"
    if table == "images":
        oldest = "any_value(t.first_seen) IS NOT DISTINCT FROM min(v.first_seen)"
        sha1 = "coalesce(bool_or(t.sha1 = v.sha1), any_value(t.sha1) IS NULL AND count(v.sha1) = 0)"
    statement = f"""
        SELECT {keys}, count(v.sha256) = 0, [{oldest}, {sha1}, {each}]
        FROM (SELECT * FROM {table} WHERE {vouched}) AS t LEFT JOIN said AS v USING ({using})
        GROUP BY {using}
        HAVING NOT (coalesce(bool_or(v.sha256 IS NOT NULL AND {agrees}), false) AND {oldest} AND {sha1})
        ORDER BY {using} LIMIT {_NAMED}"""
    for *values, is_unsaid, same in con.execute(statement).fetchall():
        changed = [name for name, agreed in zip(["first_seen", "sha1", *names], same, strict=True) if not agreed]
        if is_unsaid and is_whole:
            yield "row", row_called(table, key, values), "no journal says so"
        elif not is_unsaid and (is_whole or set(changed) - {"first_seen", "sha1"}):
            yield (
                "row",
                row_called(table, key, values),
                f"{' and '.join(changed) or 'a value'} is not as the journals say",
            )
    statement = f"""
        SELECT DISTINCT {keys} FROM said ANTI JOIN {table} USING ({using}) ORDER BY ALL LIMIT {_NAMED}"""
    for lost in con.execute(statement).fetchall():
        yield "row", row_called(table, key, lost), "a journal says so, the ledger has no row for it"


def _columns(con: Connection, table: str, key: Sequence[str]) -> list[str]:
    return [name for name, *_ in con.execute(f"DESCRIBE {table}").fetchall() if name not in key]


def _plain(side: str, name: str) -> str:
    """A column in a form that Python's binding hands out."""
    return f'epoch_us({side}."{name}")' if name == "fetched_at" else f'{side}."{name}"'


def _differ(names: Sequence[str]) -> str:
    return " OR ".join(f'w."{name}" IS DISTINCT FROM s."{name}"' for name in names)


def _unreadable(path: Path, error: Exception) -> str:
    """What is wrong with a segment that SQL does not read, by its line where one is at fault."""
    try:
        for _ in read_segment(path):
            pass
    except (LedgerError, OSError) as fault:
        return str(fault)
    return str(error)
