"""Opening the ledger: short-lived connections that wait for one another, created and migrated when first written to.

DuckDB lets one process write, or several read, and nobody else meanwhile. Whoever needs the ledger therefore opens it,
does one thing and closes it; whoever meets the lock tries again until its patience ends. Only one of those who wait
tries at a time, and the others queue up behind it: readers that overlap one another would keep a writer out for ever.
"""

from __future__ import annotations

import fcntl
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from harvest.errors import LedgerBusy, LedgerError
from harvest.ledger.migrate import latest_version, migrate, schema_version
from harvest.ledger.transactions import Connection, registered, transaction
from harvest.workspace import Workspace

__all__ = ["Connection", "open_ledger", "registered", "transaction"]

# Nothing may be fetched while the program runs: what DuckDB does not carry built in, it does without.
_OFFLINE: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_LONGEST_PAUSE = 0.25
_HEADERS = 3 * 4096  # bytes with which a DuckDB file begins: https://duckdb.org/docs/stable/internals/storage


class _Turn:
    """One connection at a time within this process: DuckDB refuses two of different kinds to the same file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None

    @contextmanager
    def taken(self, ledger: Path, deadline: float) -> Iterator[None]:
        if self._owner == threading.get_ident():
            raise RuntimeError(f"{ledger} is already open in this thread: pass the open connection on")
        if not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise LedgerBusy(f"{ledger}: another part of this program holds the ledger; try again when it is done")
        self._owner = threading.get_ident()
        try:
            yield
        finally:
            self._owner = None
            self._lock.release()


_turns: dict[Path, _Turn] = {}


@contextmanager
def open_ledger(workspace: Workspace, *, write: bool = False, wait: float = 30.0) -> Iterator[Connection]:
    """Open the workspace's ledger for one short piece of work and close it after.

    Writing creates the ledger when there is none, and brings an older one up to date after copying it aside; reading
    does the latter too. While another process holds the file this waits, at most `wait` seconds in all.
    Raises LedgerBusy after that, LedgerTooNew when a newer program wrote it, and LedgerError when there is nothing to
    read yet or the file is not a ledger.
    """
    ledger = workspace.ledger
    deadline = time.monotonic() + wait
    with _turns.setdefault(ledger.resolve(), _Turn()).taken(ledger, deadline):
        con = _connect_for(ledger, write=write, deadline=deadline)
        try:
            yield con
        finally:
            con.close()


def _connect(ledger: Path, *, read_only: bool, deadline: float) -> Connection:
    """A bare connection, waited for until `deadline` (of time.monotonic). Raises LedgerBusy and LedgerError."""
    # An absolute path is a path: DuckDB would take "sqlite:..." for another database. Behind a "?" it expects a URL's
    # query, and would look for the write-ahead log in a folder of another name.
    path = str(ledger.absolute())
    if "?" in path:
        raise LedgerError(f"{ledger}: a ledger's path may not hold a '?'; name another workspace")
    started = time.monotonic()
    with _next_in_line(ledger.parent, deadline):
        pauses = _pauses(deadline)
        while True:
            try:
                con = duckdb.connect(path, read_only=read_only, config=_OFFLINE)
            except duckdb.Error as error:
                if "Could not set lock" not in str(error) and not _is_being_made(ledger):
                    raise LedgerError(f"{ledger}: cannot be opened: {error}") from None
                if not next(pauses, False):
                    raise LedgerBusy(_busy(ledger, str(error), time.monotonic() - started)) from None
            else:
                con.execute("SET TimeZone = 'UTC'")
                return con


@contextmanager
def _next_in_line(folder: Path, deadline: float) -> Iterator[None]:
    """Hold the folder while trying to open the ledger in it; at most until `deadline` others who try are waited for.

    Where a folder cannot be held, everybody tries at once.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    try:
        pauses = _pauses(deadline)
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if next(pauses, False):
                    continue
            except OSError:
                pass
            break
        yield
    finally:
        os.close(handle)


def _pauses(deadline: float) -> Iterator[bool]:
    """Sleep a little longer each time, and yield True, until `deadline` (of time.monotonic) would be passed."""
    pause = 0.005
    while time.monotonic() + pause <= deadline:
        # Jitter, or the processes that wait would keep waking up together.
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
        pause = min(pause * 1.6, _LONGEST_PAUSE)
        yield True


def _is_being_made(ledger: Path) -> bool:
    """Whether another process has begun to make the file, and has not written its headers yet."""
    try:
        with ledger.open("rb") as file:
            start = file.read(_HEADERS)
    except OSError:
        return False
    return not start or (len(start) < _HEADERS and start[8:12] == b"DUCK")


def _connect_for(ledger: Path, *, write: bool, deadline: float) -> Connection:
    if write:
        try:
            ledger.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerError(f"{ledger.parent}: cannot be made: {error.strerror}") from None
    elif not ledger.exists():
        raise _nothing_yet(ledger)
    con = _connect(ledger, read_only=not write, deadline=deadline)
    try:
        version = schema_version(con, ledger)
        if version == latest_version():
            return con
        if write:
            migrate(con, ledger)
            return con
    except BaseException:
        con.close()
        raise
    con.close()
    if version == 0:
        raise _nothing_yet(ledger)
    # An older ledger: brought up to date by a writer, then read.
    _connect_for(ledger, write=True, deadline=deadline).close()
    return _connect(ledger, read_only=True, deadline=deadline)


def _nothing_yet(ledger: Path) -> LedgerError:
    return LedgerError(
        f"no ledger at {ledger} yet; `harvest crawl SOURCE.yaml` makes one, `-w DIR` names another workspace"
    )


def _busy(ledger: Path, message: str, waited: float) -> str:
    holder = message.partition("held in ")[2].partition(". ")[0] or "another process"
    return f"{ledger}: still locked by {holder} after {waited:.0f} s; try again when it is done, or stop it"
