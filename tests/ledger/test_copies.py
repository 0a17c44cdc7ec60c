"""What people overrule: the newest word on an image or a pair is in force."""

from __future__ import annotations

import pytest

from harvest.ledger import ReviewRow, open_ledger, reviews, write_reviews

A, B = "a" * 64, "b" * 64


def said(verdict, sha256=A, other="", *, name="shells"):
    return ReviewRow(
        name=name,
        stage="dedupe",
        sha256=sha256,
        other=other,
        verdict=verdict,
        reason="I looked",
        decided_by="Ada",
        decided_at="2026-11-22T10:00:00.000000Z",
    )


def test_the_newest_word_is_in_force(workspace):
    with open_ledger(workspace, write=True) as con:
        assert write_reviews(con, [said("keep"), said("drop"), said("apart", A, B), said("keep", name="other")]) == 4

        assert reviews(con, "shells", "dedupe") == [said("drop"), said("apart", A, B)]
        write_reviews(con, [said("undo"), said("together", A, B)])
        assert reviews(con, "shells", "dedupe") == [said("together", A, B)]
        assert con.execute("SELECT count(*) FROM reviews").fetchone() == (6,), "nothing is taken away"


@pytest.mark.parametrize("row", [said("apart", B, A), said("apart", A), said("keep", A, B), said("perhaps")])
def test_what_makes_no_sense_is_refused(workspace, row):
    with open_ledger(workspace, write=True) as con, pytest.raises(ValueError, match=row.verdict):
        write_reviews(con, [row])
