"""The book that all processes of a workspace keep of their hosts: who may ask next, how many at once, how many today.

One file with a lock for each record, never a server: a process that is killed lets go of its locks by dying.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import struct
import time
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from harvest.hosts.addresses import Unfetched
from harvest.hosts.budgets import Budget
from harvest.workspace import write_published

__all__ = ["Ask", "DailyLimit", "FileBook", "HostClosed", "PaceBook", "Turn", "midnight"]

_RECORDS = 1 << 20  # start times, 8 bytes each; hosts that share a record by chance share their delay
_TICKETS = 1 << 40  # where the lock of a budget's first ticket may lie; the file never grows to there
_SPREAD = 1 << 52
_CROWDED = 0.05  # seconds until a full host is worth another look
_BUSY = 0.003  # seconds until a record that another process writes is
_LONGEST = 2 * 86_400.0  # a start that lies further ahead was written by a clock that went wrong


class HostClosed(Unfetched):
    """A host asked to be left alone for longer than this run is willing to wait, or refuses again and again."""

    word = "host_closed"

    def __init__(self, host: str, until: float, why: str) -> None:
        self.host, self.until, self.why = host, until, why
        super().__init__(f"{host} is left alone until {_moment(until)}: {why}")


class DailyLimit(Unfetched):
    """What a source or a host may be asked in a day is used up."""

    word = "daily_limit"

    def __init__(self, counter: str, most: int) -> None:
        what = f"{most} requests a day (UTC) for {counter} are used up"
        super().__init__(f"{what} until {_moment(midnight())}; run again then, and it goes on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request that wants its turn: `delay` is the time that the next one must leave, `caps` the daily limits by
    counter.
    """

    budget: Budget
    host: str
    delay: float
    caps: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The answer: go and give `ticket` back, or ask again in `wait` seconds, or end with `error`."""

    ticket: int | None = None
    wait: float = 0.0
    error: Unfetched | None = None


class PaceBook(Protocol):
    """What processes that share hosts have to share."""

    def claim(self, ask: Ask) -> Turn | Awaitable[Turn]:
        """A turn at once, or one that is being asked for."""
        ...

    def give_back(self, budget: Budget, ticket: int) -> None:
        """The request is over."""
        ...

    def hold(self, budget: Budget, seconds: float) -> None:
        """Nobody may start there for `seconds`."""
        ...

    def shut(self, host: str, until: float, why: str) -> None:
        """Nobody may ask the host until a moment (unix time)."""
        ...

    def shut_until(self, host: str) -> HostClosed | None:
        """Why a host may not be asked, as far as this process knows."""
        ...

    def seed(self, counts: Mapping[str, int]) -> None:
        """Count at least this much for today."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class FileBook:
    """A PaceBook in a folder on this machine. One instance a process, since POSIX locks belong to processes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file = os.open(folder / "book", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._held: set[int] = set()
        self._shut: dict[str, tuple[float, str]] = {}
        self._read_at = 0

    def claim(self, ask: Ask) -> Turn:
        """Never blocks; a lone process without a delay pays a few microseconds."""
        closed = self.shut_until(ask.host)
        if closed is not None:
            return Turn(error=closed)
        spot = _spot(ask.budget.name)
        ticket = self._take_ticket(spot, ask.budget.concurrency)
        if ticket is None:
            return Turn(wait=_CROWDED)
        wait = self._start(spot, ask.delay)
        if wait:
            self._let_go(ticket)
            return Turn(wait=wait)
        spent = self._count(ask.caps) if ask.caps else None
        if spent is not None:
            self._let_go(ticket)
            return Turn(error=spent)
        return Turn(ticket=ticket)

    def give_back(self, budget: Budget, ticket: int) -> None:  # noqa: ARG002 - the ticket says it all
        """The request is over."""
        self._let_go(ticket)

    def hold(self, budget: Budget, seconds: float) -> None:
        """Nobody may start there for `seconds`."""
        record = _spot(budget.name) % _RECORDS * 8
        with self._locked(record):
            self._write(record, max(self._next(record), time.time() + seconds))

    def shut(self, host: str, until: float, why: str) -> None:
        """Nobody may ask the host until a moment (unix time)."""
        with self._locked(_RECORDS * 8):
            self._read_shut()
            self._shut = {name: entry for name, entry in self._shut.items() if entry[0] > time.time()}
            self._shut[host] = (until, why)
            write_published(self._folder / "closed.json", json.dumps(self._shut))

    def shut_until(self, host: str) -> HostClosed | None:
        """Why a host may not be asked; what other processes noted is known at once."""
        self._read_shut()
        until, why = self._shut.get(host, (0.0, ""))
        return HostClosed(host, until, why) if until > time.time() else None

    def seed(self, counts: Mapping[str, int]) -> None:
        """Count at least this much for today."""
        with self._counting() as counted:
            for counter, number in counts.items():
                counted[counter] = max(counted.get(counter, 0), number)

    def close(self) -> None:
        """Give everything back."""
        os.close(self._file)

    def _take_ticket(self, spot: int, concurrency: int) -> int | None:
        first = _TICKETS + spot % (_SPREAD - _TICKETS)
        for ticket in range(first, first + concurrency):
            if ticket not in self._held and self._lock(ticket):
                self._held.add(ticket)
                return ticket
        return None

    def _let_go(self, ticket: int) -> None:
        self._held.discard(ticket)
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, ticket)

    def _start(self, spot: int, delay: float) -> float:
        """Start now and return 0, or return the seconds to wait."""
        record = spot % _RECORDS * 8
        if not delay:
            return max(0.0, self._next(record) - time.time())
        if not self._lock(record):
            return _BUSY
        try:
            now, earliest = time.time(), self._next(record)
            if earliest > now:
                return earliest - now
            self._write(record, now + delay)
            return 0.0
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, record)

    def _next(self, record: int) -> float:
        written = os.pread(self._file, 8, record)
        earliest: float = struct.unpack("<d", written)[0] if len(written) == 8 else 0.0
        return earliest if earliest < time.time() + _LONGEST else 0.0

    def _write(self, record: int, earliest: float) -> None:
        os.pwrite(self._file, struct.pack("<d", earliest), record)

    def _count(self, caps: tuple[tuple[str, int], ...]) -> DailyLimit | None:
        with self._counting() as counted:
            for counter, most in caps:
                if counted.get(counter, 0) >= most:
                    return DailyLimit(counter, most)
            for counter, _ in caps:
                counted[counter] = counted.get(counter, 0) + 1
        return None

    @contextmanager
    def _counting(self) -> Iterator[dict[str, int]]:
        """Today's counts, written back where they changed."""
        path, today = self._folder / "today.json", datetime.now(UTC).date().isoformat()
        with self._locked(_RECORDS * 8 + 1):
            counted: dict[str, int] = {}
            with suppress(OSError, ValueError, KeyError):
                written = json.loads(path.read_bytes())
                counted = written["requests"] if written["day"] == today else {}
            before = dict(counted)
            yield counted
            if counted != before:
                # Renamed into place, not synced: the ledger keeps the counts too, and a disk must not set the pace.
                temporary = path.with_suffix(".part")
                temporary.write_text(json.dumps({"day": today, "requests": counted}))
                temporary.replace(path)

    def _read_shut(self) -> None:
        try:
            changed = os.stat(self._folder / "closed.json").st_mtime_ns  # noqa: PTH116 - asked for every request
        except FileNotFoundError:
            return
        if changed != self._read_at:
            with suppress(OSError, ValueError):
                written = json.loads((self._folder / "closed.json").read_bytes())
                self._shut = {host: (float(until), str(why)) for host, (until, why) in written.items()}
                self._read_at = changed

    def _lock(self, place: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:
            return False
        return True

    @contextmanager
    def _locked(self, place: int) -> Iterator[None]:
        """Waits, which others make it do for microseconds."""
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, place)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)


def midnight() -> float:
    """When the day (UTC) ends, as unix time."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=UTC).timestamp()


def _moment(until: float) -> str:
    return datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _spot(name: str) -> int:
    """Where in the book a budget has its place; names never become paths."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 4
