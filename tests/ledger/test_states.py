"""What the ledger knows of addresses: what they brought, how often they failed, and when to ask again."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime, timedelta

import pytest

from harvest.items import Outcome, Signal
from harvest.ledger import (
    Waiting,
    ingest_all,
    known_sha1,
    known_urls,
    note_refusal,
    open_ledger,
    put_off,
    start_run,
    status,
    vain_asks,
)

URL = "https://gallery.museum.test/a.jpg"


def sha(picture: str) -> str:
    return hashlib.sha256(picture.encode()).hexdigest()


def at(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


@pytest.fixture
def runs_of(workspace, sighting, journalled):
    """One run a day from 2 January 2026 on, each with one sighting of the same address."""

    def write(*met: dict) -> None:
        for day, each in enumerate(met, start=2):
            run_id = f"202601{day:02d}T000000-fins-abc"
            moment = {"fetched_at": f"2026-01-{day:02d}T00:00:07Z"} | each
            picture = moment.pop("picture", None)
            seen = sighting(0, picture, source_id="a", image_url=URL, run_id=run_id, **moment)
            journalled([seen], run_id=run_id, started_at=f"2026-01-{day:02d}T00:00:00Z")
        ingest_all(workspace)

    return write


FAILED = {"outcome": Outcome.FAILED, "reason": "http_503"}
WAITING = {"outcome": Outcome.FAILED, "reason": "waiting until 2026-01-09T00:00:00Z: http_503", "fetched_at": None}
CLOSED = {"outcome": Outcome.FAILED, "reason": "host_closed: daily cap"}
STORED = {"picture": "leaf"}
LATELY = {"picture": "leaf", "outcome": Outcome.UNCHANGED, "reason": "fetched lately", "fetched_at": None}
STATE = "SELECT state, reason, attempts, epoch(next_attempt) - epoch(last_asked) FROM url_states"
MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.mark.parametrize(
    ("met", "state"),
    [
        ([STORED], ("done", None, 0, None)),
        ([STORED, LATELY], ("unchanged", "fetched lately", 0, None)),
        ([{"outcome": Outcome.GONE, "reason": "http_404"}], ("gone", "http_404", 0, None)),
        ([{"outcome": Outcome.REFUSED, "reason": "robots: disallow"}], ("refused", "robots: disallow", 0, None)),
        ([{"outcome": Outcome.BROKEN, "reason": "truncated"}], ("broken", "truncated", 0, None)),
        ([FAILED], ("failed", "http_503", 1, 0)),
        ([FAILED, FAILED], ("failed", "http_503", 2, 10 * MINUTE)),
        ([FAILED] * 3, ("failed", "http_503", 3, HOUR)),
        ([FAILED] * 4, ("failed", "http_503", 4, 6 * HOUR)),
        ([FAILED] * 5, ("failed", "http_503", 5, DAY)),
        ([FAILED] * 6, ("failed", "http_503", 6, 7 * DAY)),
        ([FAILED] * 9, ("failed", "http_503", 9, 7 * DAY)),
        ([FAILED, FAILED, STORED, FAILED], ("failed", "http_503", 1, 0)),
        ([FAILED, FAILED, WAITING, WAITING], ("failed", "http_503", 2, 10 * MINUTE)),
        ([FAILED, CLOSED, FAILED], ("failed", "http_503", 2, 10 * MINUTE)),
        ([STORED, CLOSED], ("done", None, 0, None)),
        ([FAILED, STORED], ("done", None, 0, None)),
    ],
)
def test_an_address_has_one_state_and_failures_wait_longer_each_time(workspace, runs_of, met, state):
    runs_of(*met)
    with open_ledger(workspace) as con:
        assert con.execute(STATE).fetchall() == [state]


def test_an_address_that_failed_keeps_the_digest_of_what_it_brought_before(workspace, runs_of):
    runs_of(STORED, FAILED)
    with open_ledger(workspace) as con:
        row = con.execute("SELECT source, image_url, state, sha256, run_id FROM url_states").fetchall()
    assert row == [("fins", URL, "failed", sha("leaf"), "20260103T000000-fins-abc")]


def test_an_address_waits_as_long_as_its_host_refuses(workspace, runs_of):
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    runs_of(FAILED)
    with open_ledger(workspace, write=True) as con:
        note_refusal(con, "gallery.museum.test", until, "asks to be left alone")
        note_refusal(con, "other.museum.test", until + timedelta(days=1), "asks to be left alone")
        assert con.execute("SELECT epoch(next_attempt) FROM url_states").fetchall() == [(until.timestamp(),)]
        (waiting,) = put_off(con, "fins", "c0ffee", "0.1.0")
        assert (waiting.image_url, waiting.until, waiting.reason) == (URL, until.timestamp(), "http_503")
        assert list(put_off(con, "fins", "another config", "0.1.0")) == [], "which may see it otherwise"


def test_only_failures_whose_time_has_not_come_are_put_off(workspace, runs_of):
    runs_of(FAILED, FAILED)
    with open_ledger(workspace) as con:
        assert list(put_off(con, "fins", "c0ffee", "0.1.0")) == [], "January 2026 is long gone"


def test_an_ask_in_vain_is_told_with_its_evidence(workspace, header, runs_of):
    said = Signal(kind="x-robots-tag", value="noai", where=URL)
    runs_of(
        STORED, {"outcome": Outcome.REFUSED, "reason": "x-robots-tag: noai", "opt_out": (said,), "http_status": 200}
    )
    with open_ledger(workspace, write=True) as con:
        start_run(con, header())
        (vain,) = vain_asks(con, "fins", "c0ffee", "0.1.0")
        assert (vain.image_url, vain.outcome, vain.opt_out) == (URL, "refused", (said,))
        assert (vain.http_status, vain.asked_at) == (200, at("2026-01-03T00:00:07Z"))
        assert list(vain_asks(con, "fins", "another config", "0.1.0")) == []


def test_the_status_tells_what_waits_and_until_when(workspace, runs_of):
    runs_of(FAILED)
    with open_ledger(workspace, write=True) as con:
        assert status(con).waiting == (
            Waiting(kind="address", of="fins", what="http_503", count=1, ready=1, since=None, until=None),
        )
        note_refusal(con, "gallery.museum.test", datetime(2126, 1, 2, tzinfo=UTC), "the host asks for a century")
        assert status(con).waiting == (
            Waiting(
                kind="address",
                of="fins",
                what="http_503",
                count=1,
                ready=0,
                since="2126-01-02T00:00:00Z",
                until="2126-01-02T00:00:00Z",
            ),
            Waiting(
                kind="host",
                of="gallery.museum.test",
                what="the host asks for a century",
                count=0,
                ready=0,
                since=None,
                until="2126-01-02T00:00:00Z",
            ),
        )


def test_images_are_known_by_the_digest_that_sources_state(workspace, runs_of):
    runs_of(STORED)
    with open_ledger(workspace, write=True) as con:
        assert list(known_sha1(con)) == []
        con.execute("UPDATE images SET sha1 = ?", ["5" * 40])
        assert list(known_sha1(con)) == [("5" * 40, sha("leaf"))]


def test_a_known_url_tells_its_latest_successful_fetch(workspace, sighting, journalled):
    url = {"source_id": "a", "image_url": "https://gallery.museum.test/a.jpg"}
    journalled(
        [
            sighting(0, "leaf", **url, etag='"1"', last_modified="Mon", fetched_at="2026-01-01T00:00:00Z"),
            sighting(1, "shell", **url, etag='"2"', fetched_at="2026-01-03T00:00:00Z"),
            sighting(2, "key", **url, etag='"0"', fetched_at="2026-01-02T00:00:00Z"),
            sighting(3, None, **url, outcome=Outcome.FAILED, fetched_at="2026-01-05T00:00:00Z"),
            sighting(4, "torn", **url, outcome=Outcome.BROKEN, fetched_at="2026-01-06T00:00:00Z"),
            sighting(5, "leaf", image_url="https://gallery.museum.test/other.jpg", source="shells"),
        ]
    )
    ingest_all(workspace)
    with open_ledger(workspace) as con:
        (known,) = known_urls(con, "fins")
        assert [known.image_url for known in known_urls(con, "shells")] == ["https://gallery.museum.test/other.jpg"]
        assert list(known_urls(con, "nobody's")) == []
    assert (known.image_url, known.sha256, known.etag) == (url["image_url"], sha("shell"), '"2"')
    assert known.last_modified is None, "the validator of other bytes would confirm the wrong ones"
    assert (known.fetched_at, known.outcome) == (at("2026-01-03T00:00:00Z"), "stored")


def test_an_answer_without_validators_leaves_those_of_the_same_bytes_in_force(workspace, sighting, journalled):
    url = {"source_id": "a", "image_url": "https://gallery.museum.test/a.jpg"}
    journalled(
        [
            sighting(0, "leaf", **url, etag='"1"', fetched_at="2026-01-01T00:00:00Z"),
            sighting(1, "leaf", **url, outcome=Outcome.UNCHANGED, http_status=304, fetched_at="2026-01-09T00:00:00Z"),
        ]
    )
    ingest_all(workspace)
    with open_ledger(workspace) as con:
        (known,) = known_urls(con, "fins")
    assert (known.etag, known.outcome, known.fetched_at) == ('"1"', "unchanged", at("2026-01-09T00:00:00Z"))


def test_one_skipped_for_its_age_does_not_look_fetched(workspace, sighting, journalled):
    url = {"source_id": "a", "image_url": "https://gallery.museum.test/a.jpg"}
    journalled(
        [
            sighting(0, "leaf", **url, fetched_at="2026-01-01T00:00:00Z"),
            sighting(1, "leaf", **url, outcome=Outcome.UNCHANGED, http_status=None, fetched_at=None),
        ]
    )
    ingest_all(workspace)
    with open_ledger(workspace) as con:
        (known,) = known_urls(con, "fins")
    assert known.fetched_at == at("2026-01-01T00:00:00Z")


def test_a_hundred_thousand_urls_are_known_at_once(workspace):
    with open_ledger(workspace, write=True) as con:
        con.execute(
            """INSERT INTO sightings BY NAME
               SELECT 'r' AS run_id, i AS seq, 's' AS source, i::VARCHAR AS source_id, [] AS tags,
                      'https://m.test/' || i AS image_url, '2026-01-01'::TIMESTAMPTZ AS fetched_at,
                      '[]' AS opt_out, 'stored' AS outcome, sha256(i::VARCHAR) AS sha256, '"' || i || '"' AS etag
               FROM range(100_000) t(i)"""
        )
        began = time.process_time()
        known = {each.image_url: each for each in known_urls(con, "s")}
    assert time.process_time() - began < 15
    assert len(known) == 100_000
    assert known["https://m.test/77"].etag == '"77"'
