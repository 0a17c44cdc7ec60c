"""What the ledger knows of a source's addresses, so that a crawl need not ask again for what it can know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from harvest.items import Signal
from harvest.ledger.database import Connection
from harvest.ledger.rows import KnownUrl, PutOff, VainAsk

__all__ = ["known_sha1", "known_urls", "put_off", "vain_asks"]

_BATCH = 4096

# The newest validators that came with the same bytes: a 304 may leave them out, and those of older bytes would let a
# server confirm the wrong ones.
_KNOWN = """
    WITH met AS (
        SELECT *, row_number() OVER fetches AS age, first_value(sha256) OVER fetches AS current
        FROM sightings
        WHERE source = ? AND sha256 IS NOT NULL AND outcome IN ('stored', 'known', 'unchanged')
        WINDOW fetches AS (PARTITION BY image_url ORDER BY fetched_at DESC NULLS LAST, run_id DESC, seq DESC)
    ), validators AS (
        SELECT image_url, arg_min(etag, age) AS etag, arg_min(last_modified, age) AS last_modified,
               arg_max(sha1, (run_id, seq)) AS sha1
        FROM met WHERE sha256 = current GROUP BY image_url
    )
    SELECT image_url, sha256, v.etag, v.last_modified, epoch(fetched_at), outcome, v.sha1
    FROM met JOIN validators v USING (image_url) WHERE age = 1"""

_VAIN = """
    SELECT s.image_url, s.outcome, s.reason, s.http_status, s.sha256, s.opt_out, epoch(s.fetched_at)
    FROM sightings s JOIN runs r USING (run_id)
    WHERE s.source = ? AND r.config_digest = ? AND r.code_version = ? AND s.fetched_at IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY s.image_url ORDER BY s.fetched_at DESC, run_id DESC, s.seq DESC) = 1
        AND s.outcome IN ('broken', 'gone', 'refused')"""

_PUT_OFF = """
    SELECT u.image_url, epoch(u.next_attempt), u.reason
    FROM url_states u JOIN runs r USING (run_id)
    WHERE u.source = ? AND r.config_digest = ? AND r.code_version = ? AND u.next_attempt > now()"""


def known_urls(con: Connection, source: str) -> Iterator[KnownUrl]:
    """The latest successful fetch of each address within `source`, in no order."""
    for values in _stream(con, _KNOWN, [source]):
        yield KnownUrl(*values)


def vain_asks(con: Connection, source: str, config_digest: str, code_version: str) -> Iterator[VainAsk]:
    """The latest ask for each address of `source`, where this very config and code asked and nothing could be kept."""
    for url, outcome, reason, status, sha256, opt_out, asked_at in _stream(
        con, _VAIN, [source, config_digest, code_version]
    ):
        signals = tuple(Signal(**signal) for signal in json.loads(opt_out))
        yield VainAsk(url, outcome, reason, status, sha256, signals, asked_at)


def put_off(con: Connection, source: str, config_digest: str, code_version: str) -> Iterator[PutOff]:
    """The addresses of `source` that failed under this very config and code and are to be left alone still."""
    for values in _stream(con, _PUT_OFF, [source, config_digest, code_version]):
        yield PutOff(*values)


def known_sha1(con: Connection) -> Iterator[tuple[str, str]]:
    """(sha1, sha256), both hex, of every image that is held and whose sha1 is known."""
    yield from _stream(con, "SELECT sha1, sha256 FROM images_here WHERE sha1 IS NOT NULL", [])


def _stream(con: Connection, statement: str, parameters: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Rows in batches: a source may have millions. The cursor is its own, so that `con` stays free."""
    with closing(con.cursor()) as cursor:
        cursor.execute("SET TimeZone = 'UTC'")
        cursor.execute(statement, parameters)
        while rows := cursor.fetchmany(_BATCH):
            yield from rows
