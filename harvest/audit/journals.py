"""Journals against the ledger: the chain of seals, the runs, and every row that a journal vouches for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harvest.audit.differences import Found
from harvest.audit.vouched import JournalCount, JournalRows
from harvest.errors import LedgerError
from harvest.journal import (
    RunEnd,
    RunHeader,
    Segment,
    read_end,
    read_header,
    run_folders,
    sealed_segments,
    verify_run,
)
from harvest.ledger import Connection, RunRow, open_ledger, runs
from harvest.progress import Progress
from harvest.workspace import Workspace

__all__ = ["compare_journals"]


_ENDING = timedelta(minutes=2)  # that the ledger may take to learn that a run ended
_SLACK = timedelta(minutes=2)  # earlier versions noted a run's end when the ledger learned of it

_ASTRAY = """
    SELECT run_id, count(*), min(seq) FROM sightings
    LEFT JOIN (SELECT run_id, sum(sightings) AS vouched FROM segments GROUP BY run_id) USING (run_id)
    WHERE seq < 0 OR seq >= coalesce(vouched, 0) GROUP BY run_id ORDER BY run_id"""
_NO_RUN = """
    SELECT DISTINCT run_id FROM (SELECT run_id FROM segments UNION ALL SELECT run_id FROM sightings)
    ANTI JOIN runs USING (run_id) ORDER BY run_id"""


def compare_journals(workspace: Workspace, count: JournalCount, progress: Progress) -> Iterator[Found]:
    """Every difference between the journals and the ledger, as (kind, where, what); counts into `count`."""
    with open_ledger(workspace) as con:
        known = {run.run_id: run for run in runs(con)}
        segments = _segments(con)
        yield from _astray(con)
    folders = run_folders(workspace.journal)
    gone = sorted(set(known) - {folder.name for folder in folders})
    for run_id in gone:
        yield "run", f"journal/{run_id}", "the ledger has this run, its journal is gone"
    sightings = sum(number for run in segments.values() for _, number in run.values())
    with (
        JournalRows(workspace, count) as rows,
        progress.start("read journals", sightings) as task,
    ):
        is_whole = not gone
        for folder in folders:
            count.runs += 1
            row = known.get(folder.name)
            if row is None:
                count.notes.append(f"journal/{folder.name}: not in the ledger yet; the next crawl or run takes it in")
                continue
            for kind, where, what in _run(workspace, folder, row, segments.get(folder.name, {}), rows):
                is_whole = is_whole and kind != "journal"
                yield kind, where, what
            task.advance(rows.take_read(), note=folder.name)
        yield from rows.compare()
        task.advance(rows.take_read())
        with open_ledger(workspace) as con:
            if _segments(con) != segments:
                is_whole = False
                count.notes.append("the ledger went on meanwhile: what came in is not compared; verify again")
            yield from rows.compare_all(con, is_whole=is_whole)


def _segments(con: Connection) -> dict[str, dict[int, tuple[str, int]]]:
    """By run and number, the digest of a segment's seal and how many sightings it has."""
    segments: dict[str, dict[int, tuple[str, int]]] = {}
    statement = "SELECT run_id, segment, digest, sightings FROM segments ORDER BY run_id, segment"
    for run_id, number, digest, sightings in con.execute(statement).fetchall():
        segments.setdefault(run_id, {})[number] = (digest, sightings)
    return segments


def _astray(con: Connection) -> Iterator[Found]:
    """Sightings that lie past what was taken in of their run, and what belongs to no run."""
    for run_id, number, first in con.execute(_ASTRAY).fetchall():
        more = f", and {number - 1:,} more" if number > 1 else ""
        yield "sighting", f"sightings(run_id {run_id}, seq {first})", f"no segment that was taken in holds it{more}"
    for (run_id,) in con.execute(_NO_RUN).fetchall():
        yield "run", f"journal/{run_id}", "the ledger has segments or sightings of this run, and no row of runs"


def _run(
    workspace: Workspace,
    folder: Path,
    row: RunRow,
    known: Mapping[int, tuple[str, int]],
    rows: JournalRows,
) -> Iterator[Found]:
    name, count = f"journal/{folder.name}", rows.count
    try:
        checked, header, end = verify_run(folder), read_header(folder), read_end(folder)
        sealed = {segment.number: segment for segment in sealed_segments(folder)}
    except (LedgerError, OSError) as error:
        yield "journal", name, str(error)
        return
    if checked.difference:
        yield "journal", name, checked.difference
    if checked.unsealed:
        count.notes.append(f"{name}: {checked.unsealed} sightings are not sealed yet: the crawl runs, or was killed")
    yield from _header(name, header, row)
    yield from _end(workspace, name, end, row, rows)
    for number in sorted(set(known) | set(sealed)):
        where = f"{name}/{number:06d}.jsonl"
        segment = sealed.get(number)
        if number not in known:
            count.notes.append(f"{where}: not in the ledger yet; the next crawl or run takes it in")
        elif segment is None:
            yield "journal", where, "the ledger has this segment, it is gone or not sealed"
        elif known[number] != (segment.digest, segment.sightings):
            yield "journal", where, _other_segment(segment, known[number])
        else:
            yield from rows.add(segment, where, is_sound=not checked.difference)


def _other_segment(segment: Segment, known: tuple[str, int]) -> str:
    if segment.digest != known[0]:
        return f"sealed as {segment.digest}, the ledger has {known[0]}"
    return f"sealed with {segment.sightings} sightings, the ledger has {known[1]}"


def _header(name: str, header: RunHeader, row: RunRow) -> Iterator[Found]:
    for column in ("source", "spider", "config_digest", "code_version", "crawl_id"):
        written, kept = getattr(header, column), getattr(row, column)
        if written != kept:
            yield "run", f"{name}/run.json", f"{column} is {written!r}, the ledger has {kept!r}"
    if _moment(header.started_at) != _moment(row.started_at):
        yield "run", f"{name}/run.json", f"started_at is {header.started_at}, the ledger has {row.started_at}"


def _end(workspace: Workspace, name: str, end: RunEnd | None, row: RunRow, rows: JournalRows) -> Iterator[Found]:
    """The end as the journal and as the ledger tell it. A run may end while this reads."""
    if end and row.outcome is None:
        with open_ledger(workspace) as con:
            row = next((run for run in runs(con) if run.run_id == row.run_id), row)
        if row.outcome is None and row.journal_digest is None and _is_recent(end):
            rows.count.notes.append(f"{name}: ended just now, and the ledger is about to learn of it; verify again")
            return
    if (row.journal_digest or "") != (end.head if end else ""):
        ended = end.head if end else "no seal"
        yield "run", name, f"the journal ends with {ended}, the ledger has {row.journal_digest}"
    if row.outcome != (end.outcome if end else None):
        yield "run", name, f"outcome is {end.outcome if end else None!r}, the ledger has {row.outcome!r}"
    written, kept = end and _moment(end.finished_at), row.finished_at and _moment(row.finished_at)
    is_near = written and kept and timedelta(seconds=-1) <= kept - written <= _SLACK
    if not is_near and (written or kept):
        told = end.finished_at if end else None
        yield "run", name, f"finished_at is {told}, the ledger has {row.finished_at}"


def _is_recent(end: RunEnd) -> bool:
    return datetime.now(UTC) - _moment(end.finished_at) < _ENDING


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
