"""Whatever is changed past the program, verify names it: in any table that is sealed, in any column."""

from __future__ import annotations

import shutil

import pyarrow as pa
import pytest

from harvest.audit import verify
from harvest.audit.sealed import SealCount, compare_seals
from harvest.items import Derivative, ImageItem, Outcome, Sighting
from harvest.journal import JournalWriter, RunHeader
from harvest.ledger import Head, head, ingest_all, open_ledger
from harvest.ledger.insert import insert_columns
from harvest.ledger.seals import key_columns, sealed_columns, sealed_tables
from harvest.progress import SilentProgress
from harvest.workspace import Workspace

MADE = {
    "VARCHAR": lambda n: f"word {n}",
    "JSON": lambda n: f'{{"n": {n}}}',
    "BOOLEAN": lambda n: n % 2 == 0,
    "INTEGER": lambda n: n,
    "BIGINT": lambda n: n,
    "UBIGINT": lambda n: n,
    "DOUBLE": lambda n: n / 8,
    "TIMESTAMP WITH TIME ZONE": lambda n: f"2026-01-02T03:04:{n:02d}Z",
    "VARCHAR[]": lambda n: [f"word {n}"],
    "FLOAT[]": lambda n: [float(n), 1.0],
}
CHANGED = {
    "VARCHAR": '"{0}" || chr(32)',
    "JSON": "'{{}}'",
    "BOOLEAN": 'NOT "{0}"',
    "INTEGER": '"{0}" + 100',
    "BIGINT": '"{0}" + 100',
    "UBIGINT": '"{0}" + 100',
    "DOUBLE": '"{0}" + 1e-12',
    "TIMESTAMP WITH TIME ZONE": '"{0}" + INTERVAL 1 MICROSECOND',
    "VARCHAR[]": "[]",
    "FLOAT[]": '["{0}"[1], "{0}"[2] + 1e-6]',
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Workspace:
    """A ledger with two batches of five made-up rows in every sealed table."""
    workspace = Workspace(tmp_path_factory.mktemp("filled"))
    with open_ledger(workspace, write=True) as con:
        for start in (0, 5):
            for table in sealed_tables(con):
                columns = sealed_columns(con, table)
                rows = {name: [MADE[kind](n) for n in range(start, start + 5)] for name, kind in columns.items()}
                assert insert_columns(con, table, pa.table(rows)) == 5
    return workspace


@pytest.fixture
def meddle(filled, tmp_path):
    """Do something to a copy of the ledger, and hear what is found."""

    def run(*statements: str) -> list[tuple[str, str, str]]:
        copy = Workspace(tmp_path)
        shutil.copy(filled.ledger, copy.ledger)
        with open_ledger(copy, write=True) as con:
            for statement in statements:
                con.execute(statement)
        return list(compare_seals(copy, SealCount(), SilentProgress()))

    return run


def test_nothing_is_found_where_nothing_was_changed(filled):
    count = SealCount()

    assert list(compare_seals(filled, count, SilentProgress())) == []

    with open_ledger(filled) as con:
        tables = len(sealed_tables(con))
    assert (count.seals, count.rows) == (2 * tables, 10 * tables)


def test_a_changed_value_is_named_by_table_row_and_column(filled, meddle):
    with open_ledger(filled) as con:
        columns = {table: sealed_columns(con, table) for table in sealed_tables(con)}
        keys = {table: key_columns(con, table) for table in columns}
    # Every type once in every table; in each round, one column of each table that has types left.
    todo = {
        table: list({kind: name for name, kind in kinds.items() if name not in keys[table]}.values())
        for table, kinds in columns.items()
    }
    while any(todo.values()):
        changed = {table: names.pop() for table, names in todo.items() if names}
        found = meddle(
            *(
                f'UPDATE "{table}" SET "{name}" = {CHANGED[columns[table][name]].format(name)} '
                f'WHERE rowid = (SELECT min(rowid) FROM "{table}")'
                for table, name in changed.items()
            )
        )

        assert [where.partition("(")[0] for _, where, _ in found] == list(changed)
        for name, (kind, _, what) in zip(changed.values(), found, strict=True):
            assert kind == "row"
            assert what.startswith(f"{name} changed since the row was sealed as ")


def test_the_row_is_named_by_its_key(meddle):
    ((_, where, what),) = meddle("UPDATE decisions SET verdict = 'keep', reason = 'mine' WHERE sha256 = 'word 7'")

    assert where == "decisions(sha256 word 7, stage word 7, recipe_digest word 7)"
    assert what.startswith("reason and verdict changed since the row was sealed as ")


@pytest.mark.parametrize(
    ("statement", "where", "what"),
    [
        ("UPDATE export_rows SET license = NULL WHERE sha256 = 'word 1'", "export_rows(", "license changed since"),
        ("UPDATE decisions SET sha256 = 'x' WHERE sha256 = 'word 1'", "decisions(sha256 x,", "sha256 changed since"),
        ("DELETE FROM decisions WHERE sha256 = 'word 1'", "decisions", "1 of 5 rows sealed as "),
        ("DELETE FROM decisions WHERE seal = (SELECT min(seal) FROM decisions)", "decisions", "5 of 5 rows sealed as "),
        (
            "INSERT INTO decisions SELECT * REPLACE ('x' AS sha256) FROM decisions WHERE sha256 = 'word 1'",
            "decisions(sha256 x,",
            "not among the rows sealed as ",
        ),
        (
            "INSERT INTO decisions SELECT * REPLACE ('x' AS sha256, NULL AS seal) FROM decisions LIMIT 1",
            "decisions(sha256 x,",
            "holds no seal: added past the program",
        ),
        (
            "UPDATE decisions SET seal = NULL",
            "decisions(sha256 word 0,",
            "holds no seal, and 9 more rows: added past the program",
        ),
        (
            "UPDATE takedowns SET seal = 999 WHERE sha256 = 'word 1'",
            "takedowns(",
            "holds the seal 999, which this table has not: added past the program",
        ),
        ("DROP TABLE faces", "faces", "the ledger has 2 seals on this table, the table is gone"),
    ],
)
def test_rows_changed_taken_away_or_added_are_found(meddle, statement, where, what):
    found = meddle(statement)

    assert any(kind == "row" and here.startswith(where) and said.startswith(what) for kind, here, said in found), found


def test_a_change_that_another_makes_up_for_is_found(meddle):
    found = meddle(
        "UPDATE decisions SET verdict = CASE sha256 WHEN 'word 1' THEN 'word 2' ELSE 'word 1' END "
        "WHERE sha256 IN ('word 1', 'word 2')"
    )

    assert [where.split(",")[0] for _, where, _ in found] == ["decisions(sha256 word 1", "decisions(sha256 word 2"]


@pytest.mark.parametrize(
    ("statement", "where", "what"),
    [
        ("UPDATE seals SET previous = 'x' WHERE seal = 3", "seal 3", "its digest is not that of what it says"),
        ("UPDATE seals SET rows = 4 WHERE seal = 3", "seal 3", "its digest is not that of what it says"),
        ("UPDATE seals SET rows_digest = 'x' WHERE seal = 3", "seal 3", "its digest is not that of what it says"),
        ("UPDATE seals SET table_name = 'faces' WHERE seal = 3", "seal 3", "its digest is not that of what it says"),
        ("UPDATE seals SET hints = '{}' WHERE seal = 3", "seal 3", "its digest is not that of what it says"),
        ("UPDATE seals SET marks = ''::BLOB WHERE seal = 3", "seal 3", "its digest is not that of what it says"),
        ("UPDATE seals SET sealed_at = now() WHERE seal = 3", "seal 3", "its digest is not that of what it says"),
        ("UPDATE seals SET digest = 'x' WHERE seal = 3", "seal 3", "its digest is not that of what it says"),
        ("UPDATE seals SET digest = 'x' WHERE seal = 3", "seal 4", "the one before was changed or is gone"),
        ("DELETE FROM seals WHERE seal = 3", "seal 4", "the one before was changed or is gone"),
        ("DELETE FROM seals WHERE seal = 1", "seal 2", "the one before was changed or is gone"),
        ("UPDATE seals SET seal = 999 WHERE seal = 3", "seal 999", "its digest is not that of what it says"),
    ],
)
def test_changed_seals_are_named(meddle, statement, where, what):
    found = meddle(statement)

    assert any(kind == "seal" and here == where and what in said for kind, here, said in found), found


LAST = "(SELECT max(seal) FROM seals)"


def test_a_head_kept_elsewhere_tells_when_the_end_was_cut_off(filled, tmp_path):
    copy = Workspace(tmp_path)
    shutil.copy(filled.ledger, copy.ledger)
    with open_ledger(copy, write=True) as con:
        kept = head(con)
        table = con.execute(f"SELECT table_name FROM seals WHERE seal = {LAST}").fetchall()[0][0]
        insert_columns(con, "faces", pa.table({"sha256": ["a"], "detector": ["d"], "faces": [0], "boxes": ["[]"]}))
    assert compare(copy, kept) == [], "what came later changes nothing"

    with open_ledger(copy, write=True) as con:
        con.execute(f"DELETE FROM faces WHERE seal = {LAST}")
        con.execute(f"DELETE FROM seals WHERE seal = {LAST}")
        con.execute(f'DELETE FROM "{table}" WHERE seal = {LAST}')
        con.execute(f"DELETE FROM seals WHERE seal = {LAST}")

    assert list(compare_seals(copy, SealCount(), SilentProgress())) == [], "the chain alone does not know its end"
    assert compare(copy, kept) == [
        (
            "seal",
            f"seal {kept.seal}",
            f"was kept elsewhere; of {kept.seal - 1} seals there is none: cut back or replaced",
        )
    ]


def test_a_head_kept_elsewhere_tells_when_all_was_sealed_anew(filled):
    with open_ledger(filled) as con:
        last = head(con)
    kept = Head(seal=last.seal, digest="0" * 64)

    assert compare(filled, kept) == [
        ("seal", f"seal {last.seal}", f"is {last.digest}, and was {kept.digest} when it was kept elsewhere")
    ]


def compare(workspace: Workspace, kept: Head) -> list[tuple[str, str, str]]:
    report = verify(workspace, progress=SilentProgress(), with_files=False, against=kept)
    return [(found.kind, found.where, found.what) for found in report.differences if found.kind == "seal"]


# ---- what journals vouch for -------------------------------------------------------------------------------------


def check(dataset) -> list[tuple[str, str, str]]:
    report = verify(dataset.workspace, progress=SilentProgress(), with_files=False)
    return [(found.kind, found.where, found.what) for found in report.differences]


def test_every_column_of_a_sighting_is_held_against_the_journal(exported):
    first = "WHERE seq = 2"
    changes = {
        "source": "'x'",
        "source_id": "'x'",
        "image_url": "'x'",
        "title": "'x'",
        "description": "'x'",
        "tags": "['x']",
        "labels": "['x']",
        "creator": "NULL",
        "creator_url": "'x'",
        "license_url": "'x'",
        "license_raw": "NULL",
        "published_at": "'1901'",
        "taken_at": "'1901'",
        "captured_at": "'1901'",
        "http_status": "304",
        "etag": "NULL",
        "last_modified": "'x'",
        "outcome": "'known'",
        "reason": "'x'",
        "sha1": "'x'",
        "carrier": """'{"kind": "x", "args": {}}'""",
        "evidence": """'[{"role": "x", "file": "x", "offset": 1, "record": null}]'""",
        "raw": """'{"x": 1}'""",
    }
    with open_ledger(exported.workspace) as con:
        columns = {name for name, *_ in con.execute("DESCRIBE sightings").fetchall()}
    assert columns - changes.keys() == {
        "run_id", "seq", "page_url", "license", "fetched_at", "opt_out", "sha256",
    }, "those are changed elsewhere"  # fmt: skip
    exported.sql(f"UPDATE sightings SET {', '.join(f'{name} = {value}' for name, value in changes.items())} {first}")

    ((kind, where, what),) = check(exported)

    assert kind == "sighting"
    assert where.endswith("/000001.jsonl:3")
    for name in changes:
        assert f"another {name}" in what


def test_every_column_of_an_image_is_held_against_the_journals(exported):
    changes = {
        "first_seen": "first_seen - INTERVAL 1 SECOND",
        "sha1": "repeat('0', 40)",
        "path": "'originals/x.jpg'",
        "bytes": "bytes + 1",
        "format": "'PNG'",
        "width": "width + 1",
        "height": "height + 1",
        "mode": "'L'",
        "frames": "2",
        "phash": "xor(phash, 1)",
        "phash_version": "'x'",
        "sharpness": "sharpness + 1e-9",
        "entropy": "entropy + 1e-9",
        "brightness": "brightness + 1e-9",
        "digital_source_type": "'trainedAlgorithmicMedia'",
        "data_mining": "'x'",
    }
    with open_ledger(exported.workspace) as con:
        columns = {name for name, *_ in con.execute("DESCRIBE images").fetchall()}
    assert columns - changes.keys() == {"sha256"}
    shas = [sha256 for (sha256,) in exported.sql("SELECT sha256 FROM images ORDER BY sha256")]
    exported.sql(f"UPDATE images SET width = width + 1 WHERE sha256 = '{shas[0]}'")
    exported.sql(
        f"UPDATE images SET {', '.join(f'{name} = {value}' for name, value in changes.items())} "
        f"WHERE sha256 = '{shas[1]}'"
    )

    one, all_ = check(exported)

    assert one == ("row", f"images(sha256 {shas[0]})", "width is not as the journals say")
    assert all_[1] == f"images(sha256 {shas[1]})"
    assert set(all_[2].removesuffix(" is not as the journals say").split(" and ")) == set(changes)


@pytest.mark.parametrize(
    ("statement", "kind", "where", "what"),
    [
        (
            "INSERT INTO images SELECT * REPLACE ('x' AS sha256) FROM images LIMIT 1",
            "row",
            "images(sha256 x)",
            "no journal says so",
        ),
        (
            "DELETE FROM images WHERE sha256 = (SELECT min(sha256) FROM images)",
            "row",
            "images(sha256 ",
            "a journal says so, the ledger has no row for it",
        ),
        (
            "INSERT INTO sightings SELECT * REPLACE (99 AS seq) FROM sightings WHERE seq = 0",
            "sighting",
            "sightings(run_id ",
            "no segment that was taken in holds it",
        ),
        (
            "INSERT INTO sightings SELECT * REPLACE ('x' AS run_id) FROM sightings",
            "sighting",
            "sightings(run_id x, seq 0)",
            "no segment that was taken in holds it, and 5 more",
        ),
        (
            "DELETE FROM run_starts",
            "run",
            "journal/",
            "the ledger has segments or sightings of this run",
        ),
        (
            "INSERT INTO run_starts SELECT * REPLACE ('x' AS run_id) FROM run_starts",
            "run",
            "journal/x",
            "the ledger has this run, its journal is gone",
        ),
        ("DELETE FROM segments", "row", "segments", "1 of 1 rows sealed as "),
        ("UPDATE segments SET digest = 'x'", "row", "segments(", "digest changed since the row was sealed as "),
        ("UPDATE segments SET sightings = 5", "journal", "journal/", "sealed with 6 sightings, the ledger has 5"),
        ("UPDATE segments SET ingested_at = now()", "row", "segments(", "ingested_at changed since the row was sealed"),
        ("UPDATE run_starts SET source = 'x'", "run", "journal/", "source is 'museum', the ledger has 'x'"),
        ("UPDATE run_starts SET spider = 'x'", "run", "journal/", "spider is 'gallery', the ledger has 'x'"),
        ("UPDATE run_starts SET config_digest = 'x'", "run", "journal/", "config_digest is "),
        ("UPDATE run_starts SET crawl_id = 'x'", "run", "journal/", "crawl_id is None, the ledger has 'x'"),
        (
            "UPDATE run_starts SET started_at = now()",
            "run",
            "journal/",
            "started_at is 2025-01-01T12:00:00Z, ",
        ),
        ("UPDATE run_ends SET finished_at = '2001-01-01'", "run", "journal/", "finished_at is "),
        ("UPDATE run_ends SET journal_digest = 'x'", "run", "journal/", "the journal ends with "),
        (
            "UPDATE run_ends SET outcome = 'limited'",
            "run",
            "journal/",
            "outcome is 'finished', the ledger has 'lim",
        ),
        ("DELETE FROM run_ends", "row", "run_ends", "1 of 1 rows sealed as "),
    ],
)
def test_rows_of_journals_changed_taken_away_or_added_are_found(exported, statement, kind, where, what):
    exported.sql(statement)

    found = check(exported)

    assert any(k == kind and w.startswith(where) and said.startswith(what) for k, w, said in found), found


@pytest.fixture
def crawled_sizes(tmp_path) -> Workspace:
    """A crawl that made the 64 px size of the one image that it kept."""
    workspace = Workspace(tmp_path / "workspace")
    header = RunHeader.new(source="s", spider="gallery", config_digest="c", code_version="1")
    size = Derivative(size=64, mode="fit", path="derived/64/a.jpg", bytes=9, derived_sha256="d", recipe_digest="r")
    with JournalWriter.open(workspace.journal, header) as writer:
        writer.append(
            Sighting(
                run_id=header.run_id,
                seq=0,
                source="s",
                item=ImageItem(source_id="1", image_url="http://gallery.museum.test/1.jpg"),
                outcome=Outcome.KNOWN,
                sha256="a",
                derived=(size,),
            )
        )
        writer.close()
    ingest_all(workspace)
    return workspace


def test_sizes_that_a_crawl_made_are_held_against_its_journal(tmp_path, crawled_sizes):
    def found(statement: str) -> list[tuple[str, str, str]]:
        copy = Workspace(tmp_path / "copy")
        shutil.copytree(crawled_sizes.root, copy.root, dirs_exist_ok=True)
        with open_ledger(copy, write=True) as con:
            con.execute(statement)
        report = verify(copy, progress=SilentProgress(), with_files=False)
        return [(one.kind, one.where, one.what) for one in report.differences]

    key = "derived_rows(sha256 a, size 64, recipe_digest r)"
    assert found("SELECT 1") == []
    assert found("UPDATE derived_rows SET path = 'y', bytes = 8") == [
        ("row", key, "path and bytes is not as the journals say")
    ]
    assert found("DELETE FROM derived_rows") == [("row", key, "a journal says so, the ledger has no row for it")]
    assert found("INSERT INTO derived_rows SELECT * REPLACE ('b' AS sha256) FROM derived_rows") == [
        ("row", key.replace("sha256 a", "sha256 b"), "no journal says so")
    ]
