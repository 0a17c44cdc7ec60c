"""Images as people name them: by the first digits of their sha256."""

from __future__ import annotations

import re
from collections.abc import Collection

from harvest.errors import UsageError
from harvest.ledger.database import Connection

__all__ = ["DIGITS", "find_sha256", "known_sha256s"]

DIGITS = re.compile(r"[0-9a-fA-F]{10,64}")
"""How recipes and files name an image of the ledger: by at least ten of the first digits of its sha256."""

_SHOWN = 12  # candidates listed when a prefix is not enough


def find_sha256(con: Connection, prefix: str) -> str:
    """The sha256 that begins with `prefix`, of whatever image the ledger has met.

    Raises UsageError when there is none or more than one.
    """
    found = con.execute(
        """SELECT DISTINCT sha256 FROM (SELECT sha256 FROM images UNION ALL SELECT sha256 FROM sightings
                                        UNION ALL SELECT sha256 FROM takedowns)
           WHERE starts_with(sha256, ?) ORDER BY sha256""",
        [prefix.strip().lower()],
    ).fetchall()
    if len(found) == 1:
        return str(found[0][0])
    if not found:
        raise UsageError(f"no image whose sha256 begins with {prefix!r}; `harvest sql` finds it by title or address")
    listed = ", ".join(sha256[:16] for (sha256,) in found[:_SHOWN])
    raise UsageError(f"{len(found)} images begin with {prefix!r}, give more digits: {listed}")


def known_sha256s(con: Connection, sha256s: Collection[str]) -> set[str]:
    """Which of these whole sha256s are of images that the ledger has met."""
    found: set[str] = set()
    # Those that are here first, for people mostly speak of these, and there are several sightings of each.
    for table in ("images", "(SELECT sha256 FROM sightings UNION ALL SELECT sha256 FROM takedowns)"):
        asked = [sha256 for sha256 in sha256s if sha256 not in found]
        if asked:
            statement = f"SELECT DISTINCT sha256 FROM {table} SEMI JOIN (SELECT unnest(?) AS sha256) USING (sha256)"  # noqa: S608
            found |= {sha256 for (sha256,) in con.execute(statement, [asked]).fetchall()}
    return found
