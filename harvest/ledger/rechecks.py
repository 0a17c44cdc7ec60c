"""What sources say today: which images are due to be asked for again, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from harvest.items import Signal
from harvest.ledger.database import Connection, registered
from harvest.ledger.insert import insert

__all__ = ["RecheckRow", "Subject", "due", "subject_sources", "subjects", "write_rechecks"]

_DUE = """
    WITH asked AS (
        SELECT sha256, image_url, max(asked_at) AS last_asked FROM rechecks WHERE outcome <> 'failed' GROUP BY ALL
    ), due AS (
        SELECT p.sha256, p.run_id, p.seq, p.page_url, last_asked,
               lower(regexp_extract(p.image_url, '^[A-Za-z]+://(?:[^/?#@]*@)?([^/?#]+)', 1)) AS host
        FROM provenance p LEFT JOIN asked USING (sha256, image_url)
        WHERE regexp_matches(p.image_url, '^https?://') AND ($only IS NULL OR list_contains($only, p.source))
          AND (last_asked IS NULL OR last_asked < $before::TIMESTAMPTZ)
          AND p.sha256 IN (SELECT sha256 FROM images) AND p.sha256 NOT IN (SELECT sha256 FROM takedowns)
    )
    SELECT run_id, seq FROM due
    ORDER BY row_number() OVER (PARTITION BY host ORDER BY last_asked NULLS FIRST, page_url, sha256), host"""
_SUBJECTS = """
    WITH chosen AS (
        SELECT s.sha256, s.source, s.image_url, s.page_url, s.license, s.raw->>'redirected_to' AS redirected_to,
               s.carrier->>'kind' AS carrier, d.place
        FROM due d JOIN sightings s USING (run_id, seq)
    ), met AS (
        SELECT sha256, image_url, fetched_at, etag, last_modified, outcome, opt_out
        FROM sightings WHERE sha256 IN (SELECT sha256 FROM chosen)
    ), validators AS (
        SELECT sha256, image_url, arg_max(etag, fetched_at) AS etag, arg_max(last_modified, fetched_at) AS last_modified
        FROM met WHERE outcome IN ('stored', 'known', 'unchanged') GROUP BY sha256, image_url
    ), said AS (
        SELECT sha256, to_json(list(DISTINCT {kind: signal->>'kind', value: signal->>'value'})) AS said
        FROM (SELECT sha256, unnest(from_json(opt_out, '["JSON"]')) AS signal FROM met WHERE opt_out <> '[]')
        GROUP BY sha256
    )
    SELECT c.sha256, source, c.image_url, page_url, license, redirected_to, carrier, i.bytes, etag, last_modified,
           coalesce(said, '[]')
    FROM chosen c JOIN images i USING (sha256) LEFT JOIN validators USING (sha256, image_url)
    LEFT JOIN said USING (sha256) ORDER BY place"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One image to ask for again: the sighting that answers for it, with all that was known of that address.

    `said` are kind and value of every statement that any sighting of these bytes carried; `carrier` is the kind of
    carrier where one GET of `image_url` did not bring the bytes.
    """

    sha256: str
    source: str
    image_url: str
    page_url: str | None
    license: str | None
    redirected_to: str | None
    carrier: str | None
    bytes: int
    etag: str | None
    last_modified: str | None
    said: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckRow:
    """What one source said of one image when it was asked again; `opt_out` is a JSON list of new statements.

    `outcome` is `unchanged`, `changed` (other bytes), `moved`, `gone`, `refused` or `failed`, and speaks of the image's
    address; `page_status`, `license_now` and `license_raw_now` speak of the landing page.
    """

    recheck: str
    sha256: str
    source: str
    image_url: str
    page_url: str | None
    asked_at: str
    outcome: str
    http_status: int | None = None
    moved_to: str | None = None
    page_status: int | None = None
    license_before: str | None = None
    license_now: str | None = None
    license_raw_now: str | None = None
    opt_out: str = "[]"
    detail: str | None = None

    @property
    def new_statements(self) -> tuple[Signal, ...]:
        """What is said against taking the image, and was not before."""
        return tuple(Signal(**signal) for signal in json.loads(self.opt_out))


def due(con: Connection, *, before: datetime, only: Sequence[str] | None) -> pa.Table:
    """The sightings (`run_id`, `seq`) to ask for again, host by host in turn: one for each image that no pass has asked
    for since `before`.

    An address that did not answer is due at once. Images that were taken down, and bytes that came from no web
    address, are never due. `only` names the sources to ask, None all.
    """
    moment = before.astimezone(UTC).isoformat()
    asked = {"before": moment, "only": None if only is None else list(only)}
    return con.sql(_DUE, params=asked).to_arrow_table()


def subjects(con: Connection, chosen: pa.Table) -> list[Subject]:
    """What is known of the sightings `chosen`, a part of what `due` gave, in their order."""
    keyed = chosen.append_column("place", pa.array(range(len(chosen)), pa.int64()))
    with registered(con, "due", keyed):
        found = con.execute(_SUBJECTS).fetchall()
    names = [name for name in Subject.__dataclass_fields__ if name != "said"]
    return [
        Subject(
            **dict(zip(names, values, strict=True)),
            said=frozenset((each["kind"], each["value"]) for each in json.loads(said)),
        )
        for *values, said in found
    ]


def subject_sources(con: Connection) -> list[str]:
    """The sources that have images from web addresses, by name."""
    statement = "SELECT DISTINCT source FROM provenance WHERE regexp_matches(image_url, '^https?://') ORDER BY source"
    return [source for (source,) in con.execute(statement).fetchall()]


def write_rechecks(con: Connection, rows: Collection[RecheckRow]) -> int:
    """Add answers; those that are there stay. How many were new."""
    return insert(con, "rechecks", RecheckRow, rows)
