"""What the ledger has on the files of an export, as its papers tell it."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from harvest.export.base import Entry, ExportedFile
from harvest.ledger import Connection
from harvest.ledger.rows import MEMBER
from harvest.ledger.transactions import registered

__all__ = ["exported_digests", "input_digest", "places_of", "runs_of", "sightings_of"]

_BATCH = 4096
_MET = "outcome IN ('stored', 'known', 'unchanged')"


def input_digest(entries: Sequence[Entry], counts: str) -> str:
    """Hex sha256 over all that an export of these entries is made from; `counts` are those of the datasheet."""
    digest = hashlib.sha256(counts.encode())
    for entry in entries:
        digest.update(json.dumps([entry.stem, entry.source.suffix, entry.digest, entry.record()]).encode())
    return digest.hexdigest()


def exported_digests(con: Connection, export: str) -> dict[str, str]:
    """Hex sha256 by path of the images that the ledger has for one export, but of those in archives."""
    statement = "SELECT path, derived_sha256 FROM exports WHERE export = $export AND NOT contains(path, $member)"
    return dict(con.execute(statement, {"export": export, "member": MEMBER}).fetchall())


def sightings_of(con: Connection, files: Sequence[ExportedFile]) -> Iterator[dict[str, Any]]:
    """Every sighting of the exported images, as PROVENANCE.jsonl tells them."""
    return _rows(
        con,
        f"""SELECT sha256, run_id, seq, source, source_id, image_url, page_url, license, license_raw, outcome,
                   http_status, etag, last_modified, {_utc("fetched_at")}
            FROM sightings SEMI JOIN wanted USING (sha256) WHERE {_MET} ORDER BY sha256, run_id, seq""",
        [file.entry.image.sha256 for file in files],
    )


def runs_of(con: Connection, files: Sequence[ExportedFile]) -> Iterator[dict[str, Any]]:
    """Every run that met one of the exported images, as RUNS.jsonl tells them."""
    return _rows(
        con,
        f"""SELECT run_id, source, spider, config_digest, code_version, {_utc("started_at")}, {_utc("finished_at")},
                   outcome, journal_digest
            FROM runs WHERE run_id IN (SELECT run_id FROM sightings SEMI JOIN wanted USING (sha256) WHERE {_MET})
            ORDER BY run_id""",
        [file.entry.image.sha256 for file in files],
    )


def places_of(con: Connection, wanted: list[str]) -> dict[str, int]:
    """By sha256, at how many distinct (source, id, URL) these bytes were met."""
    rows = _rows(
        con,
        f"""SELECT sha256, count(DISTINCT (source, source_id, image_url)) AS places
            FROM sightings SEMI JOIN wanted USING (sha256) WHERE {_MET} GROUP BY sha256""",
        wanted,
    )
    return {row["sha256"]: row["places"] for row in rows}


def _rows(con: Connection, sql: str, wanted: list[str]) -> Iterator[dict[str, Any]]:
    with registered(con, "wanted", pa.table({"sha256": pa.array(wanted, pa.string())})):
        cursor = con.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        while some := cursor.fetchmany(_BATCH):
            yield from (dict(zip(names, row, strict=True)) for row in some)


def _utc(column: str) -> str:
    return f"strftime({column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') AS {column}"
