"""From journals into the ledger. Every step may be repeated, in any order, and changes nothing the second time."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from harvest.errors import LedgerError
from harvest.journal import (
    dump,
    from_json,
    read_end,
    read_header,
    run_folders,
    seal_dead,
    sealed_segments,
    take_in,
    to_json,
)
from harvest.journal.segments import contents_of, digest_of
from harvest.ledger.database import Connection, open_ledger, registered, transaction
from harvest.ledger.insert import insert
from harvest.ledger.rows import SegmentRow
from harvest.ledger.runs import finish_run, start_run
from harvest.workspace import Workspace

__all__ = [
    "DERIVED_ROWS",
    "IMAGE_ROWS",
    "READ_LINES",
    "SIGHTING_ROWS",
    "ingest_all",
    "ingest_from",
    "ingest_segment",
    "table_of_lines",
]

_TURN = 2.0  # seconds after which other processes get their turn at the ledger

_TEXT, _WHOLE, _REAL = "VARCHAR", "BIGINT", "DOUBLE"
_SIGNALS = [{"kind": _TEXT, "value": _TEXT, "where": _TEXT}]
_EVIDENCE = [{"role": _TEXT, "file": _TEXT, "offset": _WHOLE, "record": _TEXT}]
_FINGERPRINT = {
    "sha256": _TEXT,
    "bytes": _WHOLE,
    "format": _TEXT,
    "width": "INTEGER",
    "height": "INTEGER",
    "mode": _TEXT,
    "frames": "INTEGER",
    "phash": "UBIGINT",
    "phash_version": _TEXT,
    "sharpness": _REAL,
    "entropy": _REAL,
    "brightness": _REAL,
    "digital_source_type": _TEXT,
    "data_mining": _TEXT,
    "sha1": _TEXT,
}
_LINE = json.dumps(
    {
        "run_id": _TEXT,
        "seq": _WHOLE,
        "source": _TEXT,
        "item": {
            "source_id": _TEXT,
            "image_url": _TEXT,
            "page_url": _TEXT,
            "title": _TEXT,
            "description": _TEXT,
            "tags": [_TEXT],
            "creator": _TEXT,
            "creator_url": _TEXT,
            "license": _TEXT,
            "license_url": _TEXT,
            "license_raw": _TEXT,
            "published_at": _TEXT,
            "taken_at": _TEXT,
            "captured_at": _TEXT,
            "signals": _SIGNALS,
            "labels": [_TEXT],
            "sha1": _TEXT,
            "carrier": "JSON",
            "evidence": _EVIDENCE,
            "raw": "JSON",
        },
        "outcome": _TEXT,
        "reason": _TEXT,
        "fetched_at": _TEXT,
        "http_status": "INTEGER",
        "etag": _TEXT,
        "last_modified": _TEXT,
        "opt_out": _SIGNALS,
        "sha256": _TEXT,
        "path": _TEXT,
        "fingerprint": _FINGERPRINT,
        "evidence": _EVIDENCE,
        "derived": ["JSON"],  # earlier journals have fewer keys
    }
)

READ_LINES = f"""
    CREATE OR REPLACE TEMP TABLE read_lines AS
    SELECT s.* FROM (SELECT from_json_strict(line::JSON, '{_LINE}') AS s FROM journal_lines)"""  # noqa: S608

# What the page said of itself and what the answers said are one body of evidence.
SIGHTING_ROWS = """
    SELECT run_id, seq, source, item.* EXCLUDE (signals, evidence), outcome, reason,
           fetched_at::TIMESTAMPTZ AS fetched_at, http_status, etag, last_modified, sha256,
           to_json(list_concat(item.signals, list_filter(opt_out, lambda s: NOT list_contains(item.signals, s))))
               AS opt_out,
           to_json(list_concat(item.evidence, evidence)) AS evidence
    FROM read_lines"""
_SIGHTINGS = f"INSERT INTO sightings BY NAME {SIGHTING_ROWS} ON CONFLICT DO NOTHING"

IMAGE_ROWS = """
    SELECT fingerprint.*, path, fetched_at::TIMESTAMPTZ AS first_seen
    FROM read_lines WHERE fingerprint IS NOT NULL"""
# The oldest sighting's reading of the bytes is the one that stands, in whatever order journals arrive.
_READING = ["first_seen", *(name for name in _FINGERPRINT if name not in {"sha256", "sha1"}), "path"]
_MET_IMAGES = f"""
    CREATE OR REPLACE TEMP TABLE met_images AS
    SELECT * REPLACE (max(sha1) OVER (PARTITION BY sha256) AS sha1) FROM ({IMAGE_ROWS})
    QUALIFY row_number() OVER (PARTITION BY sha256 ORDER BY {", ".join(_READING)}) = 1"""  # noqa: S608
# Asked for by name, few enough that DuckDB looks into the key's index: a conflict clause, or any join, would read the
# whole table for every segment.
_ASKED = 1000
_HELD_IMAGES = "SELECT sha256 FROM images WHERE sha256 IN ({asked})"
_NEW_IMAGES = "INSERT INTO images BY NAME FROM met_images WHERE sha256 NOT IN (SELECT unnest(?))"
_IS_OLDER = f"({', '.join(f'met.{name}' for name in _READING)}) < ({', '.join(f'i.{name}' for name in _READING)})"
_OLDER_IMAGES = f"""
    SELECT count(*) FROM (SELECT * FROM images WHERE sha256 IN ({{asked}})) AS i JOIN met_images AS met USING (sha256)
    WHERE {_IS_OLDER} OR (i.sha1 IS NULL AND met.sha1 IS NOT NULL)"""  # noqa: S608
_OLDEST_READING = f"""
    UPDATE images AS i SET sha1 = coalesce(i.sha1, met.sha1),
        {", ".join(f"{name} = CASE WHEN {_IS_OLDER} THEN met.{name} ELSE i.{name} END" for name in _READING)}
    FROM met_images AS met WHERE i.sha256 = met.sha256"""  # noqa: S608

# Of the sightings that processes sharing one crawl have of the same image, the first that came to something stays.
# Which one that is does not depend on the order in which journals arrive.
_ONCE_A_CRAWL = """
    DELETE FROM sightings WHERE (run_id, seq) IN (
        SELECT (run_id, seq) FROM sightings
        WHERE run_id IN (SELECT run_id FROM runs WHERE crawl_id = ?)
            AND (source_id, image_url) IN (SELECT (item.source_id, item.image_url) FROM read_lines)
        QUALIFY row_number() OVER (
            PARTITION BY source, source_id, image_url
            ORDER BY outcome = 'failed', fetched_at NULLS LAST, run_id, seq
        ) > 1
    )"""

DERIVED_ROWS = """
    SELECT sha256, (d->>'size')::INTEGER AS size, d->>'mode' AS mode, d->>'path' AS path,
           (d->>'bytes')::BIGINT AS bytes, d->>'derived_sha256' AS derived_sha256,
           d->>'recipe_digest' AS recipe_digest, (d->>'frame')::INTEGER AS frame, (d->>'width')::INTEGER AS width,
           (d->>'height')::INTEGER AS height, (d->>'place')::DOUBLE AS place, 1 AS making
    FROM (SELECT sha256, unnest(derived) AS d FROM read_lines WHERE len(derived) > 0)"""
_DERIVED = f"""
    INSERT INTO derived_rows BY NAME FROM ({DERIVED_ROWS})
    QUALIFY row_number() OVER (PARTITION BY sha256, size, recipe_digest ORDER BY path) = 1
    ON CONFLICT DO NOTHING"""


def ingest_segment(con: Connection, path: Path) -> int:
    """Put a sealed segment's sightings and images into the ledger, all or none; the number of sightings that were new.

    Runs that share one crawl (`crawl_id`) have one row for each (source_id, image_url) between them, on whatever
    machine their journals were written: the first sighting stays, a failed one only where there is no other.
    Raises LedgerError when the segment is not sealed, does not agree with its seal, or is not the one that the ledger
    knows under this number.
    """
    contents = contents_of(path)
    segment = contents.segment
    if segment is None:
        raise LedgerError(
            f"{path}: not sealed yet: the run is still writing it, or was killed (`harvest crawl` resumes)"
        )
    known = _known(con, segment.run_id).get((segment.run_id, segment.number))
    if known == segment.digest:
        return 0
    if known:
        raise LedgerError(f"{path}: differs from the segment that the ledger holds; see `harvest verify`")
    if segment.digest != digest_of(segment.previous, contents.lines) or contents.torn:
        raise LedgerError(f"{path}: differs from its seal; see `harvest verify`")
    lines = table_of_lines(contents.lines)
    try:
        with registered(con, "journal_lines", lines), transaction(con):
            header = read_header(path.parent)
            start_run(con, header)
            con.execute(READ_LINES)
            ((new,),) = con.execute(_SIGHTINGS).fetchall()
            if header.crawl_id is not None:
                ((doubled,),) = con.execute(_ONCE_A_CRAWL, [header.crawl_id]).fetchall()
                new -= doubled
            _take_images(con)
            con.execute(_DERIVED)
            row = SegmentRow(
                run_id=segment.run_id, segment=segment.number, digest=segment.digest, sightings=segment.sightings
            )
            insert(con, "segments", SegmentRow, [row])
            con.execute("DROP TABLE read_lines")
    except duckdb.Error as error:
        raise LedgerError(f"{path}: cannot be taken into the ledger: {error}") from None
    return int(new)


def _take_images(con: Connection) -> None:
    con.execute(_MET_IMAGES)
    met = [sha256 for (sha256,) in con.execute("SELECT sha256 FROM met_images").fetchall()]
    held: list[str] = []
    older = 0
    for first in range(0, len(met), _ASKED):
        asked = met[first : first + _ASKED]
        marks = ", ".join("?" * len(asked))
        here = [sha256 for (sha256,) in con.execute(_HELD_IMAGES.format(asked=marks), asked).fetchall()]
        held += here
        if here:
            older += con.execute(_OLDER_IMAGES.format(asked=marks), asked).fetchall()[0][0]
    if older:
        con.execute(_OLDEST_READING)
    con.execute(_NEW_IMAGES, [held])


def ingest_all(workspace: Workspace) -> int:
    """Bring the ledger up to all journals of the workspace; the number of sightings that were new.

    The open end of a run that was killed is sealed first, so that it counts as well; a run that is being written is
    taken as far as it is sealed. How finished runs ended is noted too. The ledger is given away between short turns.
    """
    return _take(workspace, run_folders(workspace.journal))


def ingest_from(workspace: Workspace, folder: Path) -> int:
    """Copy the journal of a run of another workspace, `.../journal/<run_id>`, into this one and ingest it.

    The number of sightings that were new. What is sealed is taken; a run that went on since can be taken again, and one
    that is here already changes nothing. Raises LedgerError when the journal does not agree with its seals, or with
    what is here under its id.
    """
    return _take(workspace, [take_in(folder, workspace.journal)])


def _take(workspace: Workspace, folders: Sequence[Path]) -> int:
    for folder in folders:
        seal_dead(folder)
    todo = deque((folder, deque(sealed_segments(folder))) for folder in folders)
    new = 0
    while todo:
        with open_ledger(workspace, write=True) as con:
            turn_ends = time.monotonic() + _TURN
            known = _known(con)
            while todo and time.monotonic() < turn_ends:
                folder, segments = todo[0]
                if segments and known.get((segments[0].run_id, segments[0].number)) == segments[0].digest:
                    segments.popleft()
                elif segments:
                    new += ingest_segment(con, segments.popleft().path)
                else:
                    _note_run(con, folder)
                    todo.popleft()
    return new


def table_of_lines(lines: Sequence[bytes]) -> pa.Table:
    """The lines in today's words, as READ_LINES reads them; journals of version 0.1 lack what came later.

    Made of bytes, for pyarrow imports pandas as soon as it sees a list. Raises ValueError for what is no UTF-8.
    """
    if lines and b',"labels":[' not in lines[0]:
        lines = [dump(to_json(from_json(json.loads(line)))) for line in lines]
    ends = np.cumsum([0, *map(len, lines)], dtype=np.int64)
    column = pa.LargeStringArray.from_buffers(len(lines), pa.py_buffer(ends), pa.py_buffer(b"".join(lines)))
    column.validate(full=True)
    return pa.table({"line": column})


def _note_run(con: Connection, folder: Path) -> None:
    header, end = read_header(folder), read_end(folder)
    start_run(con, header)
    known = con.execute("SELECT outcome IS NOT NULL FROM runs WHERE run_id = ?", [header.run_id]).fetchall()
    if end and known != [(True,)]:
        finish_run(con, header.run_id, end.outcome, end.head, end.finished_at)


def _known(con: Connection, run_id: str | None = None) -> dict[tuple[str, int], str]:
    """The digests of the segments that are in the ledger, of one run or of all."""
    statement = "SELECT run_id, segment, digest FROM segments WHERE run_id = coalesce(?, run_id)"
    return {(run, number): digest for run, number, digest in con.execute(statement, [run_id]).fetchall()}
