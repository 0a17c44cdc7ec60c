"""What a crawl must look up, however many addresses there are: on the disk, in a file that nobody else sees."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

__all__ = ["Memory"]

_CACHE = 16_000  # KiB


class Memory:
    """A table of (kind, name) -> a value that JSON can say; a name may be of any length and takes 16 bytes.

    Two names fall together with a chance of n²/2¹²⁹. The file lies in `folder`, else where temporary files lie; it has
    no name any more once it is open, so that nothing is left of it when the process ends, however that happens.
    """

    def __init__(self, folder: Path | None = None) -> None:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".memory-", suffix=".part") as file:
            # One thread fills it and another asks it, one after the other.
            self._table = sqlite3.connect(file.name, isolation_level=None, check_same_thread=False)
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", f"cache_size=-{_CACHE}"):
                self._table.execute(f"PRAGMA {pragma}")
            self._table.execute("CREATE TABLE facts (name BLOB PRIMARY KEY, value TEXT) WITHOUT ROWID")
        # Never committed: there is nobody to commit to.
        self._table.execute("BEGIN")

    def add(self, kind: str, name: str) -> bool:
        """Note `name`; whether it is new."""
        return self._table.execute("INSERT OR IGNORE INTO facts VALUES (?, NULL)", [_key(kind, name)]).rowcount > 0

    def put(self, kind: str, name: str, value: Any) -> None:
        """Note what is known of `name`, in place of what was known of it before."""
        self.fill(kind, [(name, value)])

    def fill(self, kind: str, facts: Iterable[tuple[str, Any]]) -> None:
        """`put` for any number of (name, value), one at a time."""
        rows = ((_key(kind, name), json.dumps(value, separators=(",", ":"))) for name, value in facts)
        self._table.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)

    def get(self, kind: str, name: str) -> Any:
        """What is known of `name`, None when nothing is."""
        row = self._table.execute("SELECT value FROM facts WHERE name = ?", [_key(kind, name)]).fetchone()
        return None if row is None or row[0] is None else json.loads(row[0])

    def close(self) -> None:
        """Forget everything."""
        self._table.close()


def _key(kind: str, name: str) -> bytes:
    # What a page may hold need not be Unicode text.
    return blake2b(f"{kind}\0{name}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
