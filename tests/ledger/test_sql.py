from __future__ import annotations

import pytest

from harvest.errors import LedgerError, UsageError
from harvest.ledger import images, ingest_all, open_ledger, query


@pytest.fixture
def collection(workspace, sighting, journalled):
    journalled([sighting(0, "leaf", creator="Maker"), sighting(1, "shell")], outcome="finished")
    ingest_all(workspace)
    return workspace


def test_a_question_is_answered_with_names_and_rows(collection):
    columns, rows = query(collection, "SELECT creator, count(*) AS n, sum(bytes) FROM images JOIN provenance "
                                      "USING (sha256) GROUP BY ALL ORDER BY creator NULLS LAST")  # fmt: skip
    assert columns == ["creator", "n", "sum(bytes)"]
    assert rows == [("Maker", 1, 64), (None, 1, 64)]


@pytest.mark.parametrize(
    "statement", ["FROM runs", "SELECT * FROM runs -- é\n ; /* é */ ; -- the lot", "WITH r AS (FROM runs) FROM r"]
)
def test_moments_come_as_text_in_utc(collection, statement):
    columns, rows = query(collection, statement)
    assert dict(zip(columns, rows[0], strict=True))["started_at"] == "2026-01-02 03:04:05+00"


def test_moments_inside_lists_and_columns_of_one_name_too(collection):
    columns, rows = query(collection, 'SELECT [started_at], 1 AS "a""b", 2 AS "a""b", {t: started_at} FROM runs')
    assert columns[1:3] == ['a"b', 'a"b']
    assert rows == [(["2026-01-02 03:04:05+00"], 1, 2, {"t": "2026-01-02 03:04:05+00"})]


def test_the_order_asked_for_is_kept_where_moments_are_made_text(collection):
    _, rows = query(collection, "SELECT first_seen, sha256 FROM images ORDER BY sha256 DESC")
    assert [sha256 for _, sha256 in rows] == sorted((sha256 for _, sha256 in rows), reverse=True)


@pytest.mark.parametrize(
    "statement", ["DESCRIBE runs", "SHOW TABLES", "SUMMARIZE images", "EXPLAIN SELECT 1", "VALUES (1)"]
)
def test_the_ledger_may_be_looked_at_in_other_ways(collection, statement):
    columns, rows = query(collection, statement)
    assert columns
    assert rows


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("DELETE FROM runs", "DELETE"),
        ("INSERT INTO runs SELECT * FROM runs", "INSERT"),
        ("DROP TABLE runs", "DROP"),
        ("CREATE TEMP TABLE t AS FROM runs", "CREATE"),
        ("COPY runs TO 'runs.csv'", "COPY"),
        ("ATTACH 'other.db'", "ATTACH"),
        ("SET enable_external_access = true", "SET"),
        ("PRAGMA database_list", "PRAGMA"),
        ("INSTALL httpfs", "LOAD"),
    ],
)
def test_writing_is_refused_with_what_may_be_asked(collection, statement, kind):
    with pytest.raises(UsageError) as caught:
        query(collection, statement)
    assert str(caught.value) == (
        f"expected a statement that reads (SELECT, FROM, DESCRIBE, SUMMARIZE, EXPLAIN), got {kind}: "
        "the ledger is written by the harvest commands alone"
    )


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("EXPLAIN ANALYZE DELETE FROM images", "read-only"),
        ("SELECT nextval('stage_run_ids')", "read-only"),
        ("SELECT * FROM read_text('/etc/hostname')", "disabled by configuration"),
        ("FROM 'https://gallery.museum.test/x.csv'", "gallery.museum.test"),
        ("FROM glob('/*')", "disabled by configuration"),
        ("SELEC 1", "syntax error"),
        ("FROM statement", "Table with name statement does not exist"),
        ("FROM fins", "Table with name fins does not exist"),
    ],
)
def test_what_cannot_be_answered_says_why_on_one_line(collection, statement, complaint):
    fins = [(1,)]  # a variable of this program is no table
    with pytest.raises(UsageError, match=complaint) as caught:
        query(collection, statement)
    assert str(caught.value).startswith("the ledger cannot answer this: ")
    assert "\n" not in str(caught.value)
    assert fins


@pytest.mark.parametrize(("statement", "count"), [("", 0), ("-- nothing", 0), ("SELECT 1; SELECT 2", 2)])
def test_one_statement_at_a_time(collection, statement, count):
    with pytest.raises(UsageError, match=f"expected one SQL statement, got {count}"):
        query(collection, statement)


def test_a_question_leaves_no_restriction_behind(collection):
    query(collection, "FROM runs")
    with open_ledger(collection, write=True) as con:
        con.execute("SET threads = 1")
        assert len(images(con)) == 2


def test_without_a_ledger_there_is_nothing_to_ask(workspace):
    with pytest.raises(LedgerError, match="no ledger at"):
        query(workspace, "SELECT 1")
