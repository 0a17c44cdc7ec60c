from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.errors import UsageError
from harvest.ledger import (
    DecisionRow,
    DerivedRow,
    Head,
    derived,
    head,
    open_ledger,
    record_stage,
    transaction,
    write_decisions,
    write_derived,
    write_embeddings,
)
from harvest.ledger.insert import insert_columns
from harvest.ledger.seals import sealed_tables

MOMENT = "2026-01-02T03:04:05.000006Z"


def decision(sha256: str, **changes) -> DecisionRow:
    values = {
        "sha256": sha256,
        "stage": "filter",
        "recipe_digest": "r",
        "verdict": "keep",
        "reason": "large enough",
        "decided_by": "size",
        "decided_at": MOMENT,
    }
    return DecisionRow(**{**values, **changes})


def text_of(row: DecisionRow) -> bytes:
    """A row as harvest/ledger/seals.py says that it is written."""
    moment = datetime.fromisoformat(row.decided_at or "")
    texts = {name: getattr(row, name) for name in DecisionRow.__dataclass_fields__}
    for name in ("value", "threshold"):
        if texts[name] is not None:
            texts[name] = f"{struct.unpack('>Q', struct.pack('>d', texts[name]))[0]:064b}"
    texts["decided_at"] = str(round(moment.timestamp() * 1e6))
    return b"".join(
        f"{name}:{len(text.encode())}:{text},".encode() for name, text in sorted(texts.items()) if text is not None
    )


def rows_digest(texts: list[bytes]) -> str:
    return hashlib.sha256("".join(sorted(hashlib.sha256(text).hexdigest() for text in texts)).encode()).hexdigest()


def seals(con) -> list[tuple]:
    return con.execute(
        "SELECT seal, table_name, rows, rows_digest, previous, digest FROM seals ORDER BY seal"
    ).fetchall()


def test_batches_are_sealed_one_after_the_other(workspace):
    with open_ledger(workspace, write=True) as con:
        assert head(con) is None
        write_decisions(con, [decision("a"), decision("b")])
        record_stage(con, "dedupe", "all", "r", "i", {})
        write_decisions(con, [decision("b"), decision("c")])

        first, second, third = seals(con)
        numbers = con.execute("SELECT sha256, seal FROM decisions ORDER BY sha256").fetchall()
        last = head(con)

    assert [seal[:3] for seal in (first, second, third)] == [
        (1, "decisions", 2),
        (2, "stage_runs", 1),
        (3, "decisions", 1),
    ]
    assert [seal[4] for seal in (first, second, third)] == ["", first[5], second[5]]
    assert numbers == [("a", 1), ("b", 1), ("c", 3)], "the first verdict stands, and so does its seal"
    assert str(last) == f"3:{third[5]}"
    assert Head.parse(f" {last}\n") == last


@pytest.mark.parametrize("text", ["", "3", "3:abc", "x:" + "0" * 64, "3:" + "0" * 63 + "G"])
def test_a_head_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="expected NUMBER:DIGEST as `harvest verify --head` prints it"):
        Head.parse(text)


def test_nothing_new_is_not_sealed(workspace):
    with open_ledger(workspace, write=True) as con:
        write_decisions(con, [decision("a")])
        before = seals(con)
        write_decisions(con, [decision("a", verdict="drop")])
        write_decisions(con, [])

        assert seals(con) == before


def test_rows_and_their_seal_come_together_or_not_at_all(workspace):
    with open_ledger(workspace, write=True) as con:
        with pytest.raises(ZeroDivisionError), transaction(con):  # noqa: PT012
            write_decisions(con, [decision("a")])
            raise ZeroDivisionError
        write_decisions(con, [decision("b")])

        assert con.execute("SELECT sha256, seal FROM decisions").fetchall() == [("b", 1)]
        assert [seal[:3] for seal in seals(con)] == [(1, "decisions", 1)]


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
number = st.none() | st.floats(allow_nan=False)


verdicts = st.builds(decision, text, stage=text, reason=text, value=number, threshold=number)


def test_anybody_can_compute_a_seal_again(workspace):
    with open_ledger(workspace, write=True) as con:

        @given(rows=st.lists(verdicts, min_size=1, max_size=6, unique_by=lambda row: (row.sha256, row.stage)))
        @settings(max_examples=40, deadline=None)
        def holds(rows: list[DecisionRow]) -> None:
            before = head(con) or Head(seal=0, digest="")
            rows = [replace(row, recipe_digest=f"{before.seal}") for row in rows]
            write_decisions(con, rows)

            ((count, digest, sealed, marks, hints),) = con.execute(
                """SELECT "rows", rows_digest, epoch_us(sealed_at), marks, hints FROM seals WHERE seal = ?""",
                [before.seal + 1],
            ).fetchall()
            each = sorted(hashlib.sha256(text_of(row)).digest() for row in rows)
            assert (count, digest) == (len(rows), rows_digest([text_of(row) for row in rows]))
            assert marks == b"".join(mark[:4] for mark in each)
            parts = (before.digest, before.seal + 1, "decisions", count, digest, sealed)
            lines = "\n".join(map(str, (*parts, hashlib.sha256(marks).hexdigest(), hints)))
            assert head(con) == Head(seal=before.seal + 1, digest=hashlib.sha256(lines.encode()).hexdigest())

        holds()


def test_vectors_are_sealed_by_their_values(workspace):
    vectors = np.array([[0.6, 0.8, 0.0], [1.0, 0.0, 0.0]], dtype=np.float32)
    with open_ledger(workspace, write=True) as con:
        write_embeddings(con, "small@1", ["a", "b"], vectors)
        ((_, table, count, digest, _, _),) = seals(con)

    texts = []
    for sha256, vector in zip("ab", vectors, strict=True):
        value = hashlib.sha256(vector.astype("<f4").tobytes()).hexdigest()
        texts.append(f"model:7:small@1,sha256:1:{sha256},vector:64:{value},".encode())
    assert (table, count, digest) == ("embeddings", 2, rows_digest(texts))


def test_every_making_of_a_copy_stays_and_the_last_is_in_force(workspace):
    def copy(digest: str, sha256: str = "a") -> DerivedRow:
        return DerivedRow(
            sha256=sha256, size=64, mode="fit", path=f"{sha256}.jpg", bytes=9, derived_sha256=digest, recipe_digest="r"
        )

    with open_ledger(workspace, write=True) as con:
        for rows in ([copy("1"), copy("1", "b")], [copy("2")], [copy("2"), copy("1", "b")], [copy("1")]):
            write_derived(con, rows)

        assert {sha256: row.derived_sha256 for sha256, row in derived(con, 64, "r").items()} == {"a": "1", "b": "1"}
        makings = con.execute("SELECT sha256, making, derived_sha256, seal FROM derived_rows ORDER BY ALL").fetchall()
    assert makings == [("a", 1, "1", 1), ("a", 2, "2", 2), ("a", 3, "1", 3), ("b", 1, "1", 1)]


def test_a_type_without_an_agreed_text_cannot_be_sealed(workspace):
    with open_ledger(workspace, write=True) as con:
        con.execute("CREATE TABLE places (place STRUCT(x INTEGER), seal BIGINT)")

        with pytest.raises(ValueError, match=r"no text is agreed upon for rows where places\.place is STRUCT"):
            insert_columns(con, "places", pa.table({"place": [{"x": 1}]}))

        assert con.execute("SELECT count(*) FROM places").fetchall() == [(0,)]


def test_what_no_journal_vouches_for_is_sealed(workspace):
    by_journals_or_passing = {"runs", "sightings", "images", "schema_migrations", "seals", "host_refusals", "host_days"}
    with open_ledger(workspace, write=True) as con:
        tables = {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}

        assert set(sealed_tables(con)) == tables - by_journals_or_passing
