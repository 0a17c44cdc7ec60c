"""Writing a run's journal, and taking it up again after a kill."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from harvest.errors import LedgerBusy, LedgerError
from harvest.items import Sighting
from harvest.journal.lock import FolderLock
from harvest.journal.reader import END, HEADER, read_header
from harvest.journal.records import RunEnd, RunHeader, from_json, line_of, now, to_json
from harvest.journal.segments import (
    Segment,
    append_line,
    contents_of,
    mended,
    open_segment,
    seal,
    seal_of,
    segment_paths,
)
from harvest.workspace import write_published

__all__ = ["LONGEST_LINE", "JournalWriter", "seal_dead"]

LONGEST_LINE = 8 * 1024 * 1024  # bytes; no reader has to be prepared for more


class JournalWriter:
    """The one writer of a run's journal. Every appended line is with the operating system when `append` returns.

    `next_seq` is the seq that the next sighting must have; `head` is the last seal's digest.
    """

    def __init__(self, folder: Path, header: RunHeader, lock: FolderLock) -> None:
        self.folder = folder
        self.header = header
        self.next_seq = 0
        self.head = ""
        self._lock = lock
        self._path = folder / "000001.jsonl"
        self._handle: int | None = None

    @classmethod
    def open(
        cls,
        journal_root: Path,
        header: RunHeader,
        *,
        wait: float = 5.0,
        seen: Callable[[Sighting], object] = lambda _: None,
    ) -> JournalWriter:
        """Begin the run of `header`, or take it up where it was left by a kill or by `close(None)`.

        `seen` is told every sighting that is in the journal already, so that nothing is written twice.
        Raises LedgerBusy when another process still writes to it after `wait` seconds, and LedgerError when the run is
        finished, has another header, or its journal is damaged.
        """
        folder = journal_root / header.run_id
        folder.mkdir(parents=True, exist_ok=True)
        lock = FolderLock.take(folder, wait)
        if lock is None:
            raise LedgerBusy(f"{folder}: another process is writing this run; wait for it, or stop it")
        try:
            writer = cls(folder, header, lock)
            writer._agree_on_header()
            writer._take_up(seen)
        except BaseException:
            lock.release()
            raise
        return writer

    def append(self, sighting: Sighting) -> tuple[Path, int]:
        """Write one line, and return its segment and where it begins there, in bytes; `sighting_at` reads it.

        Raises ValueError when the sighting does not fit here, OSError when it cannot be written."""
        if (sighting.run_id, sighting.seq) != (self.header.run_id, self.next_seq):
            raise ValueError(
                f"expected run {self.header.run_id} and seq {self.next_seq}, got {sighting.run_id} and {sighting.seq}"
            )
        if sighting.fingerprint and not (sighting.path and sighting.fetched_at):
            raise ValueError("a sighting with a fingerprint needs `path`, where its bytes are stored, and `fetched_at`")
        line = line_of(to_json(sighting))
        if len(line) > LONGEST_LINE:
            raise ValueError(f"a sighting takes {len(line)} bytes, more than {LONGEST_LINE}: is a whole page in it?")
        if self._handle is None:
            self._handle = open_segment(self._path)
        offset = append_line(self._handle, line)
        self.next_seq += 1
        return self._path, offset

    def seal(self) -> Segment | None:
        """Seal what was appended since the last seal and begin a new segment; None when there is nothing."""
        self._let_go()
        segment = seal(self._path, self.head) if self._path.exists() else None
        if segment:
            self._go_on_after(segment)
        return segment

    def close(self, outcome: str | None = "finished") -> str:
        """Seal, note how the run ended, let go of it, and return the last seal's digest ('' when nothing was seen).

        With `outcome` None the run stays unfinished: `unfinished` finds it, and a later crawl takes it up.
        """
        try:
            self.seal()
            if outcome is not None:
                end = RunEnd(outcome=outcome, finished_at=now(), head=self.head)
                write_published(self.folder / END, json.dumps(asdict(end), indent=2) + "\n")
        finally:
            self._let_go()
            self._lock.release()
        return self.head

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go without a word on how the run ended: what is not closed is unfinished."""
        self._let_go()
        self._lock.release()

    def _agree_on_header(self) -> None:
        if (self.folder / END).exists():
            raise LedgerError(f"{self.folder}: this run is finished; begin a new one")
        if not (self.folder / HEADER).exists():
            write_published(self.folder / HEADER, json.dumps(asdict(self.header), indent=2) + "\n")
        elif read_header(self.folder) != self.header:
            raise LedgerError(f"{self.folder}: belongs to another run: {HEADER} differs from the header given")

    def _take_up(self, seen: Callable[[Sighting], object]) -> None:
        paths = segment_paths(self.folder)
        for path in paths:
            contents = mended(path) if path == paths[-1] else contents_of(path)
            if not contents.segment and path != paths[-1]:
                raise LedgerError(f"{path}: has no seal, though segments follow it; see `harvest verify`")
            for number, line in enumerate(contents.lines, start=1):
                try:
                    sighting = from_json(json.loads(line))
                except (KeyError, TypeError, ValueError):
                    raise LedgerError(f"{path}:{number}: not a journal line; see `harvest verify`") from None
                self.next_seq = sighting.seq + 1
                seen(sighting)
            self._path = path
            if contents.segment:
                self._go_on_after(contents.segment)

    def _go_on_after(self, segment: Segment) -> None:
        self.head = segment.digest
        self._path = self.folder / f"{segment.number + 1:06d}.jsonl"

    def _let_go(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def seal_dead(folder: Path) -> Segment | None:
    """Seal the open end of a run that was killed, so that it can be read; None when there is none, or the run lives.

    A resumed run then goes on in a new segment.
    """
    if not _open_end(folder):
        return None
    lock = FolderLock.take(folder)
    if lock is None:
        return None
    try:
        # Looked at again: the run may have been taken up and left between the first look and the lock.
        path = _open_end(folder)
        if path is None:
            return None
        before = [seal_of(earlier) for earlier in segment_paths(folder)[:-1]]
        if not all(before):
            raise LedgerError(f"{folder}: a segment before the last has no seal; see `harvest verify`")
        return seal(path, before[-1].digest if before and before[-1] else "")
    finally:
        lock.release()


def _open_end(folder: Path) -> Path | None:
    paths = segment_paths(folder)
    return paths[-1] if paths and seal_of(paths[-1]) is None else None
