"""Numbers that detectors measured in images: one row an image and scorer, also where there was nothing to measure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa

from harvest.ledger.insert import insert
from harvest.ledger.transactions import Connection, registered

__all__ = ["ScoreRow", "scores", "unmeasured", "write_scores"]

# What the face detector counted for an audit counts here as well: its rows bear the same name.
_MEASURED = """
    SELECT sha256, scorer, value FROM scores
    UNION ALL BY NAME SELECT sha256, detector AS scorer, faces::DOUBLE AS value FROM faces"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """What `scorer`, a name with the versions of program, weights and settings, measured in an image.

    `value` is None where the image does not decode; `detail` is JSON: what else was seen, as boxes or classes.
    """

    sha256: str
    scorer: str
    value: float | None
    detail: str | None = None


def write_scores(con: Connection, rows: Collection[ScoreRow]) -> int:
    """Add measurements; how many were new. What a scorer measured stays."""
    return insert(con, "scores", ScoreRow, rows)


def scores(con: Connection, scorer: str) -> pa.Table:
    """What `scorer` measured: columns sha256 and value (float64, NULL where the image does not decode), ordered."""
    return con.sql(
        f"SELECT sha256, max(value) AS value FROM ({_MEASURED}) WHERE scorer = ? GROUP BY sha256 ORDER BY sha256",  # noqa: S608
        params=[scorer],
    ).to_arrow_table()


def unmeasured(con: Connection, scorers: Sequence[str], *, left_out: Collection[str] = ()) -> pa.Table:
    """The images that lack a measurement by any of `scorers`: columns sha256, path and lacking (a list of scorers).

    Ordered by sha256; images that were taken down and those in `left_out` are not among them.
    """
    wanted = pa.table({"scorer": pa.array(list(scorers), pa.string())})
    passed = pa.table({"sha256": pa.array(list(left_out), pa.string())})
    with registered(con, "wanted", wanted), registered(con, "passed_over", passed):
        return con.sql(
            f"""SELECT i.sha256, i.path, list(w.scorer ORDER BY w.scorer) AS lacking
                FROM images_here i CROSS JOIN wanted w
                ANTI JOIN passed_over p ON p.sha256 = i.sha256
                ANTI JOIN ({_MEASURED}) m ON m.sha256 = i.sha256 AND m.scorer = w.scorer
                GROUP BY i.sha256, i.path ORDER BY i.sha256"""  # noqa: S608
        ).to_arrow_table()
