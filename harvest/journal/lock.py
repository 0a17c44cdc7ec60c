"""One writer a run: a lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
import time
import weakref
from pathlib import Path
from typing import ClassVar

__all__ = ["FolderLock"]


class FolderLock:
    """An exclusive lock on a run's folder, for as long as the process lives or until it is let go.

    Children forked meanwhile (a process pool) must not keep it alive when this process is killed: they close it.
    """

    _held: ClassVar[weakref.WeakSet[FolderLock]] = weakref.WeakSet()

    def __init__(self, folder: Path) -> None:
        self._handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            raise
        self._held.add(self)

    @classmethod
    def take(cls, folder: Path, wait: float = 0.0) -> FolderLock | None:
        """The lock, or None when somebody else still has it after `wait` seconds."""
        deadline = time.monotonic() + wait
        while True:
            try:
                return cls(folder)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return None
                time.sleep(0.05)

    def release(self) -> None:
        """Let go; once is enough, twice does no harm."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    @classmethod
    def forget(cls) -> None:
        """Close, in a forked child, what the parent holds; the parent goes on holding it."""
        for lock in list(cls._held):
            lock.release()


os.register_at_fork(after_in_child=FolderLock.forget)
