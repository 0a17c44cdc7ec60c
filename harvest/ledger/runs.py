"""When crawls began and how they ended: a row for each of the two, so that neither is ever written over."""

from __future__ import annotations

from dataclasses import dataclass

from harvest.journal import RunHeader
from harvest.ledger.insert import insert
from harvest.ledger.transactions import Connection

__all__ = ["finish_run", "start_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunEndRow:
    run_id: str
    outcome: str
    journal_digest: str
    finished_at: str | None


def start_run(con: Connection, header: RunHeader) -> None:
    """Note that a run began. Nothing changes when it is known already."""
    # Asked of every segment that is taken in, and cheaper than a row that is there already.
    if not con.execute("SELECT 1 FROM run_starts WHERE run_id = ?", [header.run_id]).fetchall():
        insert(con, "run_starts", RunHeader, [header])


def finish_run(con: Connection, run_id: str, outcome: str, journal_digest: str, finished_at: str | None = None) -> None:
    """Note how a run ended and what its journal's last seal is; `finished_at` None means now.

    Nothing changes when that is known already.
    """
    row = _RunEndRow(run_id=run_id, outcome=outcome, journal_digest=journal_digest, finished_at=finished_at)
    insert(con, "run_ends", _RunEndRow, [row])
