from __future__ import annotations

import shutil
from functools import partial

import duckdb
import pytest

from harvest.errors import LedgerError, LedgerTooNew
from harvest.ledger import database, open_ledger, record_stage
from harvest.ledger.migrate import FOLDER, latest_version, migrate, migrations, schema_version
from harvest.ledger.queries import latest_stages


@pytest.fixture
def newer(tmp_path):
    """A folder of migrations that is one ahead of this program's."""
    folder = tmp_path / "migrations"
    shutil.copytree(FOLDER, folder)
    number = latest_version() + 1
    (folder / f"{number:04d}_colour.sql").write_text(
        "ALTER TABLE images ADD COLUMN colour VARCHAR;\nUPDATE images SET colour = 'grey';\n"
    )
    return folder


def columns(con) -> list[str]:
    return [name for (name, *_) in con.execute("DESCRIBE images").fetchall()]


def test_a_new_ledger_has_all_migrations_on_record_and_no_copy(workspace):
    with open_ledger(workspace, write=True) as con:
        rows = con.execute("SELECT version, name, applied_at IS NOT NULL FROM schema_migrations ORDER BY 1").fetchall()
    assert rows == [(migration.version, migration.name, True) for migration in migrations()]
    assert rows[0] == (1, "initial", True)
    assert [path.name for path in workspace.root.iterdir()] == ["ledger.duckdb"]


def test_an_older_ledger_is_copied_aside_and_brought_up_to_date(workspace, newer):
    with open_ledger(workspace, write=True) as con:
        record_stage(con, "dedupe", "all", "r", "i", {})
        migrate(con, workspace.ledger, newer)
        assert schema_version(con, workspace.ledger, newer) == latest_version(newer)
        assert "colour" in columns(con)
        assert [run.stage for run in latest_stages(con)] == ["dedupe"]

    copy = workspace.ledger.with_name(f"ledger.duckdb.before-{latest_version(newer):04d}")
    assert sorted(path.name for path in workspace.root.iterdir() if path.is_file()) == sorted(
        [copy.name, "ledger.duckdb"]
    )
    with duckdb.connect(str(copy)) as con:
        assert "colour" not in columns(con)
        assert [run.stage for run in latest_stages(con)] == ["dedupe"]
        assert schema_version(con, copy) == latest_version()
        assert record_stage(con, "layout", "all", "r", "i", {}) == 2, "the copy can be gone on with"


def test_reading_an_older_ledger_brings_it_up_to_date_first(workspace, newer, monkeypatch):
    with open_ledger(workspace, write=True) as con:
        record_stage(con, "dedupe", "all", "r", "i", {})
    for function in (latest_version, migrate, schema_version):
        monkeypatch.setattr(database, function.__name__, partial(function, folder=newer))
    with open_ledger(workspace) as con:
        assert "colour" in columns(con)
        assert [run.stage for run in latest_stages(con)] == ["dedupe"]
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            con.execute("DELETE FROM stage_runs")


def test_a_migration_that_fails_changes_nothing(workspace, newer):
    (newer / f"{latest_version() + 1:04d}_colour.sql").write_text(
        "ALTER TABLE images ADD COLUMN colour VARCHAR; SELECT * FROM no_such_table;"
    )
    with open_ledger(workspace, write=True) as con:
        with pytest.raises(duckdb.CatalogException, match="no_such_table"):
            migrate(con, workspace.ledger, newer)
        assert "colour" not in columns(con)
        assert schema_version(con, workspace.ledger) == latest_version()


def test_migrating_twice_changes_nothing(workspace, newer):
    record = "SELECT version, epoch_us(applied_at) FROM schema_migrations ORDER BY ALL"
    with open_ledger(workspace, write=True) as con:
        migrate(con, workspace.ledger, newer)
        before = con.execute(record).fetchall()
        migrate(con, workspace.ledger, newer)
        assert con.execute(record).fetchall() == before


def test_a_ledger_of_a_newer_program_is_not_touched(workspace, newer):
    with open_ledger(workspace, write=True) as con:
        migrate(con, workspace.ledger, newer)
    ours = latest_version()
    for write in (False, True):
        with pytest.raises(LedgerTooNew) as caught, open_ledger(workspace, write=write):
            pass
        assert str(caught.value) == (
            f"{workspace.ledger}: has schema version {ours + 1}, and this program knows {ours}; "
            "use the newer version of the program that wrote it"
        )


def test_a_ledger_that_was_begun_and_killed_counts_as_none(workspace):
    with duckdb.connect(str(workspace.ledger)):
        pass
    with pytest.raises(LedgerError, match=r"no ledger at .* yet"), open_ledger(workspace):
        pass
    with open_ledger(workspace, write=True) as con:
        assert schema_version(con, workspace.ledger) == latest_version()


def test_numbers_may_not_be_skipped(newer):
    (newer / "0099_far.sql").write_text("SELECT 1;")
    with pytest.raises(ValueError, match=r"not numbered 1, 2, 3"):
        migrations(newer)


def test_the_names_that_users_may_rely_on_are_there(workspace):
    contract = {
        "runs": "run_id source spider config_digest code_version started_at finished_at outcome journal_digest",
        "sightings": "run_id seq source source_id image_url page_url title description tags creator creator_url "
        "license license_url license_raw published_at taken_at captured_at fetched_at http_status etag last_modified "
        "opt_out outcome reason sha256",
        "images": "sha256 path bytes format width height mode frames phash phash_version first_seen",
        "duplicates": "group_id sha256 keeper kind distance threshold method reason",
        "decisions": "sha256 stage recipe_digest verdict reason value threshold decided_by decided_at",
        "embeddings": "sha256 model vector",
        "derived": "sha256 size mode path bytes derived_sha256",
        "layouts": "layout sha256 x y row col",
        "exports": "export sha256 path derived_sha256 license credit",
        "takedowns": "sha256 requested_at reason requested_by",
    }
    with open_ledger(workspace, write=True) as con:
        for table, names in contract.items():
            there = {name for (name, *_) in con.execute(f"DESCRIBE {table}").fetchall()}
            assert set(names.split()) <= there, table
