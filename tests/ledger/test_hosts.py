"""Hosts that want to be left alone, and how much was asked of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from harvest.ledger import count_requests, note_refusal, open_ledger, refusals, requests_today

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)


def test_a_host_is_left_alone_until_the_moment_that_was_noted_last(workspace):
    with open_ledger(workspace, write=True) as con:
        note_refusal(con, "api.museum.test", SOON + timedelta(days=1), "asks to be left alone for a day")
        note_refusal(con, "api.museum.test", SOON.astimezone(timezone(timedelta(hours=9))), "daily cap")
        note_refusal(con, "cdn.museum.test", SOON, "503")
    with open_ledger(workspace) as con:
        assert refusals(con) == {"api.museum.test": (SOON, "daily cap"), "cdn.museum.test": (SOON, "503")}


def test_a_moment_that_has_passed_takes_a_refusal_back(workspace):
    with open_ledger(workspace, write=True) as con:
        note_refusal(con, "api.museum.test", SOON, "429")
        note_refusal(con, "api.museum.test", datetime.now(UTC), "lets us in again")
        assert refusals(con) == {}
        with pytest.raises(ValueError, match="without a zone"):
            note_refusal(con, "api.museum.test", datetime(2026, 1, 2), "")  # noqa: DTZ001 - the fault itself


def test_requests_of_a_day_add_up_by_host(workspace):
    with open_ledger(workspace, write=True) as con:
        count_requests(con, {"api.museum.test": 3, "cdn.museum.test": 1})
        count_requests(con, {"api.museum.test": 4})
        con.execute("INSERT INTO host_days VALUES ('api.museum.test', '2001-01-01', 99)")
        assert requests_today(con) == {"api.museum.test": 7, "cdn.museum.test": 1}
