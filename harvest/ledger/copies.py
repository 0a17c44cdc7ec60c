"""What dedupe keeps in the ledger: fingerprints, values that are near, likenesses measured, and people's reviews."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields

import pyarrow as pa

from harvest.ledger.database import Connection
from harvest.ledger.insert import insert, insert_columns

__all__ = [
    "VERDICTS",
    "FingerprintRow",
    "LikenessRow",
    "ReviewRow",
    "compared_values",
    "fingerprints",
    "image_columns",
    "likenesses",
    "near_values",
    "reviews",
    "write_comparison",
    "write_fingerprints",
    "write_likenesses",
    "write_reviews",
]

VERDICTS = frozenset({"keep", "drop", "apart", "together", "undo"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintRow:
    """A fingerprint of an image; `value` is hex, empty where the method has none or the image does not decode.

    `quality` is of the method `encoder` alone: what it left, 1 to 100 on the scale of libjpeg, and 101 for lossless.
    """

    sha256: str
    method: str
    version: str
    value: str
    quality: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LikenessRow:
    """How alike two pictures are, `sha256` < `other`, by a `version` of the measure."""

    sha256: str
    other: str
    version: str
    likeness: float
    transform: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRow:
    """What a person overrules of a stage of the recipe `name`.

    `verdict` is `keep` or `drop` of one image (`other` is empty), `apart` or `together` of a pair (`sha256` < `other`),
    or `undo`, which takes back whatever was said of the same image or pair. `decided_at` None means now, when writing.
    """

    name: str
    stage: str
    sha256: str
    other: str = ""
    verdict: str
    reason: str
    decided_by: str
    decided_at: str | None = None


def write_reviews(con: Connection, rows: Collection[ReviewRow]) -> int:
    """Add reviews, in their order; how many. Raises ValueError for a verdict that does not fit."""
    for row in rows:
        if row.verdict not in VERDICTS:
            raise ValueError(f"{row.verdict!r} is none of {', '.join(sorted(VERDICTS))}")
        is_pair = row.verdict in {"apart", "together"}
        if (is_pair and not row.sha256 < row.other) or (row.verdict in {"keep", "drop"} and row.other):
            raise ValueError(f"{row.verdict} of {row.sha256!r} and {row.other!r}: a pair is given smaller first")
    return insert(con, "reviews", ReviewRow, rows)


def reviews(con: Connection, name: str, stage: str) -> list[ReviewRow]:
    """The reviews in force for a stage of the recipe `name`, ordered by sha256 and other."""
    rows = con.execute(
        """SELECT name, stage, sha256, other, verdict, reason, decided_by,
                  strftime(decided_at, '%Y-%m-%dT%H:%M:%S.%fZ')
           FROM reviews_in_force WHERE name = ? AND stage = ? ORDER BY sha256, other""",
        [name, stage],
    ).fetchall()
    names = [field.name for field in fields(ReviewRow)]
    return [ReviewRow(**dict(zip(names, row, strict=True))) for row in rows]


def image_columns(con: Connection) -> pa.Table:
    """All images as dedupe looks at them, ordered by sha256, taken-down ones left out.

    Columns: sha256, path, bytes, format, width, height, frames, phash (uint64), phash_version, has_license,
    has_creator, and date: when the work is from as its source says (ISO 8601, as precise as it is known; '9999' where
    it is not).
    """
    return con.sql("""
        SELECT i.sha256, i.path, i.bytes, i.format, i.width, i.height, i.frames, i.phash, i.phash_version,
               p.license IS NOT NULL AS has_license, p.creator IS NOT NULL AS has_creator,
               coalesce(p.published_at, p.taken_at, p.captured_at, '9999') AS date
        FROM images_here i LEFT JOIN provenance p USING (sha256)
        ORDER BY i.sha256""").to_arrow_table()


def fingerprints(con: Connection, method: str, version: str) -> pa.Table:
    """All fingerprints of a method in one version: columns sha256, value and quality, ordered by sha256."""
    statement = "SELECT sha256, value, quality FROM fingerprints WHERE method = ? AND version = ? ORDER BY sha256"
    return con.sql(statement, params=[method, version]).to_arrow_table()


def write_fingerprints(con: Connection, rows: Collection[FingerprintRow]) -> int:
    """Add fingerprints; how many were new."""
    return insert(con, "fingerprints", FingerprintRow, rows)


def compared_values(con: Connection, method: str, version: str, radius: float) -> pa.Table:
    """The values that were compared at `radius` or more: one column, value, ordered."""
    return con.sql(
        """SELECT DISTINCT value FROM compared_values WHERE method = ? AND version = ? AND radius >= ?
           ORDER BY value""",
        params=[method, version, radius],
    ).to_arrow_table()


def near_values(con: Connection, method: str, version: str, radius: float) -> pa.Table:
    """The pairs of values known to be at most `radius` apart: columns value < other and distance, ordered."""
    return con.sql(
        """SELECT DISTINCT value, other, distance FROM near_values WHERE method = ? AND version = ? AND distance <= ?
           ORDER BY value, other""",
        params=[method, version, radius],
    ).to_arrow_table()


def write_comparison(
    con: Connection, *, method: str, version: str, radius: float, values: pa.Array, near: pa.Table
) -> None:
    """Note that `values` were compared at `radius`, with each other and with all that were before.

    `near` has what was found: columns value < other and distance. To be called within a transaction.
    """
    for table, columns, more in (
        ("near_values", near, {}),
        ("compared_values", pa.table({"value": values}), {"radius": pa.array([radius] * len(values), pa.float64())}),
    ):
        fixed = {"method": method, "version": version}
        constant = {name: pa.array([text] * len(columns), pa.string()) for name, text in fixed.items()}
        columns_of = {name: columns.column(name) for name in columns.column_names}
        insert_columns(con, table, pa.table({**constant, **columns_of, **more}))


def likenesses(con: Connection, version: str) -> pa.Table:
    """All likenesses measured by a version: columns sha256 < other, likeness and transform, ordered."""
    return con.sql(
        "SELECT sha256, other, likeness, transform FROM likenesses WHERE version = ? ORDER BY sha256, other",
        params=[version],
    ).to_arrow_table()


def write_likenesses(con: Connection, rows: Collection[LikenessRow]) -> int:
    """Add likenesses; how many were new."""
    return insert(con, "likenesses", LikenessRow, rows)
