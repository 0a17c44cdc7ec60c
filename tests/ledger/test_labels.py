"""Words that were found for images: each rank once for a model and a vocabulary, sealed like all rows."""

from __future__ import annotations

import pyarrow as pa
import pytest

from harvest.ledger import GivenLabelRow, given_labels, head, open_ledger, write_given_labels, write_labels


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


def given(label: str, verdict: str = "add", sha256: str = "a" * 64) -> GivenLabelRow:
    return GivenLabelRow(sha256=sha256, label=label, verdict=verdict, decided_by="Ada Moss")


def test_the_last_word_on_a_label_is_in_force_and_all_are_kept_with_who_and_when(workspace):
    with open_ledger(workspace, write=True) as con:
        write_given_labels(con, [given("shell"), given("cowrie"), given("moth", sha256="b" * 64)])
        write_given_labels(
            con, [given("shell", "remove"), given("moth", "remove", "b" * 64), given("moth", sha256="b" * 64)]
        )

        assert given_labels(con) == {"a" * 64: ["cowrie"], "b" * 64: ["moth"]}
        rows = con.execute(
            "SELECT count(*), count(seal), count(decided_at), any_value(decided_by) FROM given_label_rows"
        ).fetchall()
    assert rows == [(6, 6, 6, "Ada Moss")]


@pytest.mark.parametrize("row", [given("shell", "keep"), given("  ")])
def test_a_label_is_a_word_that_is_added_or_removed(workspace, row):
    with (
        open_ledger(workspace, write=True) as con,
        pytest.raises(ValueError, match="expected add or remove, and a word"),
    ):
        write_given_labels(con, [row])
