"""Why images were kept or dropped, counted: where a number decided, reasons that differ in numbers alone are one."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from harvest.ledger import Connection

__all__ = ["Reason", "reasons"]

_DIGEST = re.compile(r"\b[0-9a-f]{12,64}\b")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_REASONS = r"""
    SELECT verdict, count(*) AS images, min(reason), max(reason), min(sha256, $samples), count(*) OVER () AS kinds
    FROM (
        SELECT sha256, verdict, reason,
               CASE WHEN value IS NULL THEN reason ELSE regexp_replace(reason, '-?\d+(\.\d+)?', '0', 'g') END AS kind
        FROM decisions SEMI JOIN images_here USING (sha256) WHERE stage = $stage AND recipe_digest = $digest
    ) GROUP BY verdict, kind ORDER BY verdict = 'drop' DESC, images DESC, kind LIMIT $most"""

_NAMED = """
    SELECT prefix, min(sha256) FROM images_here JOIN (SELECT unnest(?) AS prefix) ON starts_with(sha256, prefix)
    GROUP BY prefix"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One kind of reason: numbers in which the images' reasons differ are left out of `words` as '…'.

    `named` is the image that the words name, as one that stands for others, or None.
    """

    words: str
    verdict: str
    images: int
    sha256s: tuple[str, ...]
    named: str | None = None


def reasons(con: Connection, *, stage: str, digest: str, most: int, samples: int) -> tuple[tuple[Reason, ...], int]:
    """Up to `most` kinds of reasons of one filter, and how many kinds there are; each with up to `samples` images.

    Those for dropping come first, and of these the most frequent.
    """
    asked = {"stage": stage, "digest": digest, "most": most, "samples": samples}
    rows = con.execute(_REASONS, asked).fetchall()
    found = tuple(
        Reason(words=_in_common(first, last), verdict=verdict, images=images, sha256s=tuple(sha256s))
        for verdict, images, first, last, sha256s, _ in rows
    )
    return _with_named(con, found), rows[0][-1] if rows else 0


def _with_named(con: Connection, found: tuple[Reason, ...]) -> tuple[Reason, ...]:
    prefixes = [digest[0] if (digest := _DIGEST.search(one.words)) else None for one in found]
    if not any(prefixes):
        return found
    whole = dict(con.execute(_NAMED, [[prefix for prefix in prefixes if prefix]]).fetchall())
    return tuple(replace(one, named=whole.get(prefix)) for one, prefix in zip(found, prefixes, strict=True))


def _in_common(first: str, last: str) -> str:
    """A reason without the numbers in which the first and the last of its kind, in order of the alphabet, differ.

    >>> _in_common("too small: 64x90 < 256", "too small: 64x80 < 256")
    'too small: 64x… < 256'
    """
    others = iter(_NUMBER.findall(last))
    words = _NUMBER.sub(lambda number: number[0] if number[0] == next(others, None) else "…", first)
    return words.replace(" (…)", "")
