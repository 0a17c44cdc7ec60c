"""What the ledger knows of hosts: which of them want to be left alone, and how much was asked of them today."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from harvest.ledger.database import Connection, transaction
from harvest.ledger.insert import insert

__all__ = ["RobotsRow", "count_requests", "note_refusal", "note_robots", "refusals", "requests_today"]

_TODAY = "(now() AT TIME ZONE 'UTC')::DATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsRow:
    """What asking a host for its robots.txt came to in one run: `read`, `absent` (nothing is forbidden), `unreachable`.

    `host` has its port where addresses name one; `robots_sha256` is of the bytes that were read.
    """

    host: str
    run_id: str
    asked_at: str
    outcome: str
    http_status: int | None = None
    robots_sha256: str | None = None
    detail: str | None = None


def note_robots(con: Connection, rows: Collection[RobotsRow]) -> int:
    """Add what hosts answered when they were asked for robots.txt; how many rows were new."""
    return insert(con, "host_robots", RobotsRow, rows)


def note_refusal(con: Connection, host: str, until: datetime, reason: str) -> None:
    """Note that `host` is to be left alone until a moment (with its zone); the newest note on a host is in force.

    A moment that has passed takes an earlier note back.
    """
    if until.tzinfo is None:
        raise ValueError(f"a moment without a zone: {until}")
    con.execute(
        "INSERT INTO host_refusals (host, until, reason) VALUES (?, ?::TIMESTAMPTZ, ?)",
        [host, until.astimezone(UTC).isoformat(), reason],
    )


def refusals(con: Connection) -> dict[str, tuple[datetime, str]]:
    """By host, until when (UTC) it is to be left alone and why, for hosts where that moment is to come."""
    rows = con.execute("SELECT host, epoch(until), reason FROM hosts_refusing ORDER BY host").fetchall()
    return {host: (datetime.fromtimestamp(until, UTC), reason) for host, until, reason in rows}


def count_requests(con: Connection, requests: Mapping[str, int]) -> None:
    """Add to what was asked of each host today (UTC)."""
    with transaction(con):
        for host, number in requests.items():
            con.execute(
                f"""INSERT INTO host_days (host, "day", requests) VALUES (?, {_TODAY}, ?)
                    ON CONFLICT (host, "day") DO UPDATE SET requests = requests + excluded.requests""",  # noqa: S608
                [host, number],
            )


def requests_today(con: Connection) -> dict[str, int]:
    """By host, how many requests it was sent today (UTC)."""
    statement = f'SELECT host, requests FROM host_days WHERE "day" = {_TODAY} ORDER BY host'  # noqa: S608
    return {host: int(number) for host, number in con.execute(statement).fetchall()}
