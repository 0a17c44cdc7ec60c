"""Words that describe images: the best of a vocabulary by one model, and those that people gave by hand."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from harvest.ledger.insert import insert, insert_selected
from harvest.ledger.transactions import Connection

__all__ = ["GivenLabelRow", "given_labels", "write_given_labels", "write_labels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenLabelRow:
    """A person's word for an image; `verdict` is `add`, or `remove`, which takes it back.

    `decided_at` None means now, when writing.
    """

    sha256: str
    label: str
    verdict: str
    decided_by: str
    decided_at: str | None = None


def write_labels(con: Connection, model: str, columns: pa.Table) -> int:
    """Add labels that the model `name@digest` found; how many were new. What an image has by rank stays.

    `columns` are sha256, vocabulary, rank (1 is the best), label, path and score, each (sha256, vocabulary, rank) once.
    """
    return insert_selected(
        con,
        "labels",
        columns.append_column("model", pa.repeat(model, len(columns))),
        "SELECT incoming.*",
        "ANTI JOIN labels USING (sha256, model, vocabulary, rank)",
    )


def write_given_labels(con: Connection, rows: Collection[GivenLabelRow]) -> int:
    """Add people's labels, in their order; how many. Raises ValueError for a verdict or a label that is none."""
    for row in rows:
        if row.verdict not in {"add", "remove"} or not row.label.strip():
            raise ValueError(f"{row.verdict!r} of {row.label!r}: expected add or remove, and a word")
    return insert(con, "given_label_rows", GivenLabelRow, rows)


def given_labels(con: Connection, sha256s: Collection[str] | None = None) -> dict[str, list[str]]:
    """By sha256, the labels in force that people gave, in alphabetical order; of `sha256s`, or of all images."""
    wanted = "SEMI JOIN (SELECT unnest($sha256s) AS sha256) USING (sha256)" if sha256s is not None else ""
    asked = {"sha256s": list(sha256s)} if sha256s is not None else {}
    found: dict[str, list[str]] = {}
    # Put together here: a hundred thousand lists take DuckDB several times as long to hand out as their words do.
    statement = f"SELECT sha256, label FROM given_labels {wanted} ORDER BY sha256, label"  # noqa: S608
    rows = con.execute(statement, asked)
    for sha256, label in rows.fetchall():
        found.setdefault(sha256, []).append(label)
    return found
