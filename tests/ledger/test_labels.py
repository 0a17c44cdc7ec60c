"""Words that were found for images: each rank once for a model and a vocabulary, sealed like all rows."""

from __future__ import annotations

import pyarrow as pa

from harvest.ledger import head, open_ledger, write_labels


def columns(*ranks: int, vocabulary: str = "v1", sha256: str = "a" * 64) -> pa.Table:
    n = len(ranks)
    return pa.table(
        {
            "sha256": [sha256] * n,
            "vocabulary": [vocabulary] * n,
            "rank": pa.array(ranks, pa.int32()),
            "label": [f"word {rank}" for rank in ranks],
            "path": [f"root / word {rank}" for rank in ranks],
            "score": [1 / (rank + 1) for rank in ranks],
        }
    )


def test_what_is_there_stays_and_further_ranks_come_to_it(workspace):
    with open_ledger(workspace, write=True) as con:
        assert write_labels(con, "clip@1", columns(1, 2)) == 2
        sealed = head(con)
        assert write_labels(con, "clip@1", columns(1, 2)) == 0
        assert head(con) == sealed
        assert write_labels(con, "clip@1", columns(1, 2, 3)) == 1
        assert write_labels(con, "clip@2", columns(1)) == 1
        assert write_labels(con, "clip@1", columns(1, vocabulary="v2")) == 1
        assert write_labels(con, "clip@1", columns()) == 0

        rows = con.execute("SELECT model, vocabulary, rank, label FROM labels ORDER BY ALL").fetchall()
        unsealed = con.execute("SELECT count(*) FROM labels WHERE seal IS NULL").fetchall()
    assert rows == [
        ("clip@1", "v1", 1, "word 1"),
        ("clip@1", "v1", 2, "word 2"),
        ("clip@1", "v1", 3, "word 3"),
        ("clip@1", "v2", 1, "word 1"),
        ("clip@2", "v1", 1, "word 1"),
    ]
    assert unsealed == [(0,)]
