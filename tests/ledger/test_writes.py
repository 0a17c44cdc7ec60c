from __future__ import annotations

import time

import duckdb
import numpy as np
import pytest

from harvest.ledger import (
    DecisionRow,
    DerivedRow,
    DuplicateRow,
    ExportRow,
    LayoutRow,
    decisions,
    derived,
    duplicates,
    exported,
    latest_stage,
    latest_stages,
    layout_of,
    open_ledger,
    record_stage,
    vectors,
    write_decisions,
    write_derived,
    write_duplicates,
    write_embeddings,
    write_export,
    write_layout,
)

DROP = DecisionRow(
    sha256="a" * 64,
    stage="size",
    recipe_digest="d1",
    verdict="drop",
    reason="too_small: 180x90 < 256",
    value=90.0,
    threshold=256.0,
    decided_by="size",
)


@pytest.fixture
def con(workspace):
    with open_ledger(workspace, write=True) as connection:
        yield connection


def test_a_decision_keeps_its_reason_value_and_threshold(con):
    write_decisions(con, [DROP])
    (row,) = decisions(con, {"size": "d1"})
    assert (row.verdict, row.reason, row.value, row.threshold, row.decided_by) == (
        "drop",
        "too_small: 180x90 < 256",
        90.0,
        256.0,
        "size",
    )
    assert row.decided_at.endswith("Z")


def test_the_first_decision_stands_and_a_given_time_is_kept(con):
    at = {name: getattr(DROP, name) for name in DecisionRow.__dataclass_fields__}
    write_decisions(con, [DecisionRow(**at | {"decided_at": "2026-01-02T03:04:05Z"})])
    write_decisions(con, [DecisionRow(**at | {"verdict": "keep"})])
    (row,) = decisions(con, {"size": "d1"})
    assert (row.verdict, row.decided_at) == ("drop", "2026-01-02T03:04:05.000000Z")


def test_nothing_to_write_is_no_error(con):
    write_decisions(con, [])
    write_derived(con, [])
    write_embeddings(con, "clip", [], np.empty((0, 4), np.float32))
    assert vectors(con, "clip")[0] == []


def test_a_copy_made_again_is_told_of_as_it_is_now(con):
    row = {"sha256": "a" * 64, "size": 32, "mode": "crop", "path": "derived/32/a.jpg", "recipe_digest": "d1"}
    write_derived(con, [DerivedRow(**row, bytes=1, derived_sha256="old")])
    write_derived(con, [DerivedRow(**row, bytes=2, derived_sha256="new")])
    assert derived(con, 32, "d1") == {"a" * 64: DerivedRow(**row, bytes=2, derived_sha256="new")}
    assert derived(con, 32, "d2") == derived(con, 64, "d1") == {}


def member(group: str, sha256: str, keeper: bool) -> DuplicateRow:
    return DuplicateRow(
        group_id=group,
        sha256=sha256,
        keeper=keeper,
        kind="near",
        distance=0 if keeper else 3,
        threshold=8,
        method="phash",
    )


def test_the_newest_groups_are_in_force_and_the_older_ones_history(con):
    first = [member("g1", "b", False), member("g1", "a", True)]
    write_duplicates(con, name="all", recipe_digest="r1", input_digest="i1", rows=first)
    assert duplicates(con) == [first[1], first[0]], "the keeper first"

    second = [member("g2", "c", True), member("g2", "d", False)]
    write_duplicates(con, name="all", recipe_digest="r2", input_digest="i1", rows=second, detail={"pairs": 1})
    assert duplicates(con) == duplicates(con, "all") == second
    assert duplicates(con, "other") == []
    assert con.execute("SELECT count(*) FROM duplicate_rows").fetchall() == [(4,)]
    assert con.execute("SELECT DISTINCT group_id FROM duplicates").fetchall() == [("g2",)]
    run = latest_stage(con, "dedupe", "all")
    assert (run.recipe_digest, run.input_digest, run.detail) == ("r2", "i1", {"pairs": 1})

    write_duplicates(con, name="all", recipe_digest="r3", input_digest="i1", rows=[])
    assert duplicates(con) == [], "that there are none now is an answer too"


def test_layouts_and_exports_are_known_by_their_names(con):
    cell = LayoutRow(layout="fins", sha256="a", x=0.5, y=-1.5, row=1, col=0)
    first = LayoutRow(layout="fins", sha256="b", x=0.0, y=0.0, row=0, col=3)
    write_layout(con, name="fins", recipe_digest="r", input_digest="i", rows=[cell, first])
    file = ExportRow(export="kohya", sha256="a", path="1.jpg", derived_sha256="c", license=None, credit="unknown")
    write_export(con, name="kohya", recipe_digest="r", input_digest="i", rows=[file])
    assert layout_of(con, "fins") == [first, cell]
    assert exported(con, "kohya") == [file]
    assert layout_of(con, "kohya") == exported(con, "fins") == []
    assert con.execute("SELECT x, y, row, col FROM layouts WHERE sha256 = 'a'").fetchall() == [(0.5, -1.5, 1, 0)]
    assert con.execute("SELECT path, license, credit FROM exports").fetchall() == [("1.jpg", None, "unknown")]


def test_a_stage_whose_rows_cannot_be_written_is_not_finished(con):
    broken = LayoutRow(layout="fins", sha256=None, x=0, y=0, row=0, col=0)  # type: ignore[arg-type]
    with pytest.raises(duckdb.ConstraintException):
        write_layout(con, name="fins", recipe_digest="r", input_digest="i", rows=[broken])
    assert latest_stages(con) == []


def test_stage_runs_are_numbered_and_the_newest_of_a_name_counts(con):
    assert record_stage(con, "sheet", "a", "r1", "i", {"tiles": 3}) == 1
    assert record_stage(con, "sheet", "b", "r1", "i", {}) == 2
    assert record_stage(con, "sheet", "a", "r2", "i", {}) == 3
    assert latest_stage(con, "sheet", "a").recipe_digest == "r2"
    assert latest_stage(con, "sheet", "c") is None
    assert [(run.name, run.stage_run) for run in latest_stages(con)] == [("b", 2), ("a", 3)]


@pytest.mark.parametrize(
    ("matrix", "complaint"),
    [
        (np.ones((3, 4)), r"2 images, but vectors of shape \(3, 4\)"),
        (np.ones(8), r"2 images, but vectors of shape \(8,\)"),
        (np.array([[1, np.nan], [0, 1]]), "vectors of clip hold values that are not finite"),
    ],
)
def test_vectors_that_fit_no_image_are_refused(con, matrix, complaint):
    with pytest.raises(ValueError, match=complaint):
        write_embeddings(con, "clip", ["a", "b"], matrix)


def test_vectors_that_are_there_stay(con):
    write_embeddings(con, "clip", ["a"], np.array([[1, 0]], np.float32))
    write_embeddings(con, "clip", ["a", "b"], np.array([[0, 1], [0, 1]], np.float32)[:, ::-1])
    digests, found = vectors(con, "clip")
    assert (digests, found.tolist()) == (["a", "b"], [[1, 0], [1, 0]])


def test_ten_thousand_vectors_take_seconds(con):
    matrix = np.random.default_rng(0).normal(size=(10_000, 512)).astype(np.float32)
    digests = [f"{number:064x}" for number in range(10_000)]
    began = time.process_time()
    write_embeddings(con, "clip", digests, matrix)
    names, found = vectors(con, "clip")
    assert time.process_time() - began < 20
    assert names == digests
    np.testing.assert_array_equal(found, matrix)
