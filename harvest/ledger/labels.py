"""The words of a vocabulary that describe images best, by one model: some ranks for each image."""

from __future__ import annotations

import pyarrow as pa

from harvest.ledger.insert import insert_selected
from harvest.ledger.transactions import Connection

__all__ = ["write_labels"]


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
