from __future__ import annotations

import hashlib
import json

import duckdb
import pyarrow.parquet as pq
import pytest

from harvest.errors import LedgerError, UsageError
from harvest.ledger import DecisionRow, export_parquet, head, ingest_all, open_ledger, write_decisions
from harvest.ledger.migrate import latest_version


@pytest.fixture
def collection(workspace, sighting, journalled):
    """Two pictures, one refusal, and a decision that is sealed."""
    journalled([sighting(0, license="CC0-1.0", tags=("fin", "ray")), sighting(1, "bark"), sighting(2, None)])
    ingest_all(workspace)
    with open_ledger(workspace, write=True) as con:
        sha256 = sighting(0).sha256
        row = DecisionRow(
            sha256=sha256, stage="filter.size", recipe_digest="d1", verdict="keep", reason="640x480", decided_by="test"
        )
        write_decisions(con, [row])
    return workspace


def test_every_table_is_a_file_that_says_what_the_ledger_says(collection, tmp_path):
    export = export_parquet(collection, tmp_path / "parquet")

    with open_ledger(collection) as con:
        counts = {name: con.execute(f'SELECT count(*) FROM "{name}"').fetchall()[0][0] for name in export.tables}
        tables = {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        last = str(head(con))
    assert set(export.tables) == tables
    assert {name: file.rows for name, file in export.tables.items()} == counts
    assert (counts["sightings"], counts["images"], counts["decisions"]) == (3, 2, 1)
    assert (export.schema_version, export.head) == (latest_version(), last)
    fresh = duckdb.connect()
    answer = fresh.execute(
        f"""SELECT s.source_id, s.tags, s.license, i.width, epoch_us(i.first_seen) > 0
            FROM '{tmp_path}/parquet/sightings.parquet' s JOIN '{tmp_path}/parquet/images.parquet' i USING (sha256)
            ORDER BY s.seq"""
    ).fetchall()
    assert answer == [("id-0", ["fin", "ray"], "CC0-1.0", 640, True), ("id-1", [], None, 640, True)]


def test_the_manifest_gives_the_digest_of_every_file(collection, tmp_path):
    export_parquet(collection, tmp_path / "parquet")

    said = json.loads((tmp_path / "parquet" / "LEDGER.json").read_text())
    for name, table in said["tables"].items():
        body = (tmp_path / "parquet" / table["file"]).read_bytes()
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (table["sha256"], table["bytes"]), name
        assert pq.read_table(tmp_path / "parquet" / table["file"]).num_rows == table["rows"]
    assert len(list((tmp_path / "parquet").iterdir())) == len(said["tables"]) + 1


def test_a_folder_that_is_there_is_replaced_only_when_asked_and_ours(collection, tmp_path):
    export_parquet(collection, tmp_path / "parquet")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")

    with pytest.raises(UsageError, match=r"parquet: is there already; name another folder, or say --replace"):
        export_parquet(collection, tmp_path / "parquet")
    with pytest.raises(UsageError, match=r"mine: holds no LEDGER.json, so it is no export of a ledger"):
        export_parquet(collection, tmp_path / "mine", replace=True)
    (tmp_path / "parquet" / "images.parquet").unlink()
    export_parquet(collection, tmp_path / "parquet", replace=True)

    assert (tmp_path / "parquet" / "images.parquet").exists()
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_what_cannot_be_written_leaves_nothing(collection, tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(LedgerError, match="cannot be written"):
        export_parquet(collection, tmp_path / "file" / "parquet")


def test_the_command_writes_it_or_answers_a_question_and_wants_one_of_the_two(harvest, collection, tmp_path):
    done = harvest("sql", "--export-parquet", tmp_path / "parquet", "--json", "-w", collection.root)
    assert done.returncode == 0, done.stderr
    both = harvest("sql", "SELECT 1", "--export-parquet", tmp_path / "other", "-w", collection.root)
    neither = harvest("sql", "-w", collection.root)

    assert json.loads(done.stdout)["tables"]["images"]["rows"] == 2
    assert both.returncode == neither.returncode == 2
    assert "expected a STATEMENT, or --export-parquet DIR" in neither.stderr
    assert not (tmp_path / "other").exists()
