"""Kills at any moment leave a ledger that opens, with all that was acknowledged, whole batches, and sound seals."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from harvest.audit import verify
from harvest.audit.sealed import SealCount, compare_seals
from harvest.ledger import ingest_all, open_ledger
from harvest.ledger.migrate import FOLDER, latest_version, migrate, schema_version
from harvest.progress import SilentProgress
from harvest.workspace import Workspace

BATCH = 20

WRITES = f"""
import sys
from pathlib import Path

import numpy as np

from harvest.items import ImageItem, Outcome, Sighting
from harvest.journal import JournalWriter, RunHeader
from harvest.ledger import (
    DecisionRow, DuplicateRow, ingest_all, open_ledger, write_decisions, write_duplicates, write_embeddings)
from harvest.workspace import Workspace

workspace = Workspace(Path(sys.argv[1]))
header = RunHeader(run_id="20260102T030405-fins-abc123", source="fins", spider="gallery", config_digest="c",
                   code_version="1", started_at="2026-01-02T03:04:05Z")
with JournalWriter.open(workspace.journal, header, wait=30) as writer:
    print("ready", flush=True)
    while True:
        batch = writer.next_seq
        for seq in range(batch, batch + {BATCH}):
            item = ImageItem(source_id=str(seq), image_url=f"http://gallery.museum.test/{{seq}}.jpg")
            writer.append(Sighting(run_id=header.run_id, seq=seq, source="fins", item=item, outcome=Outcome.REFUSED))
        writer.seal()
        ingest_all(workspace)
        names = [f"{{batch}}-{{n}}" for n in range({BATCH})]
        with open_ledger(workspace, write=True) as con:
            write_decisions(con, [DecisionRow(sha256=name, stage="filter", recipe_digest="r", verdict="keep",
                                              reason="large enough", decided_by="size") for name in names])
            write_embeddings(con, "small@1", names, np.eye({BATCH}, 8, dtype=np.float32))
            write_duplicates(con, name="all", recipe_digest="r", input_digest=str(batch), rows=[
                DuplicateRow(group_id=name, sha256=name, keeper=True, kind="exact", distance=0, threshold=0,
                             method="sha256") for name in names])
        print(batch, flush=True)
"""

MIGRATES = """
import sys
from pathlib import Path
from harvest.ledger import open_ledger
from harvest.workspace import Workspace

print("ready", flush=True)
with open_ledger(Workspace(Path(sys.argv[1])), write=True):
    print("done", flush=True)
"""


def kill_after(script: str, workspace: Workspace, seconds: float) -> list[str]:
    """Run a script on a workspace, kill it so many seconds after it is ready, and return what it said since."""
    command = [sys.executable, "-c", script, str(workspace.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.kill()
        return process.stdout.read().split()


def writes_survive(workspace: Workspace, kills: int) -> None:
    chance, said = random.Random(7), []
    for _ in range(kills):
        said += kill_after(WRITES, workspace, chance.uniform(0, 1.5))
        with open_ledger(workspace) as con:
            for table in ("decisions", "embeddings", "duplicate_rows"):
                batches = con.execute(
                    f"SELECT split_part(sha256, '-', 1), count(*) FROM {table} GROUP BY ALL"
                ).fetchall()
                assert {rows for _, rows in batches} <= {BATCH}, f"{table} has a batch that is not whole"
                assert {batch for batch, _ in batches} >= set(said), f"{table} lost a batch that was acknowledged"
    ingest_all(workspace)
    report = verify(workspace, progress=SilentProgress(), with_files=False)
    assert report.differences == ()
    with open_ledger(workspace) as con:
        ((sightings,),) = con.execute("SELECT count(*) FROM sightings").fetchall()
    assert sightings >= BATCH * len(said)


def test_a_writer_may_be_killed_at_any_moment(tmp_path):
    writes_survive(Workspace(tmp_path), kills=5)


@pytest.mark.slow
def test_a_writer_may_be_killed_a_hundred_times(tmp_path):
    writes_survive(Workspace(tmp_path), kills=100)


def older_ledger(workspace: Workspace, folder: Path, rows: int) -> None:
    """A ledger of the last version without seals, with so many rows in the tables that stages write."""
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("000[3-9]*", "__pycache__"))
    with duckdb.connect(str(workspace.ledger)) as con:
        migrate(con, workspace.ledger, folder)
        con.execute(f"""
            INSERT INTO decisions BY NAME
            SELECT sha256(i::VARCHAR) AS sha256, 'filter' AS stage, 'r' AS recipe_digest, 'keep' AS verdict,
                   'large enough' AS reason, i / 7 AS value, 'size' AS decided_by FROM range({rows}) r(i);
            INSERT INTO derived
            SELECT sha256(i::VARCHAR), 64, 'fit', i || '.jpg', i, sha256('d' || i), 'r' FROM range({rows}) r(i);
            INSERT INTO embeddings
            SELECT sha256(i::VARCHAR), 'small@1', [i / 3, 1 - i / 3]::FLOAT[] FROM range({rows}) r(i);
            INSERT INTO stage_runs (stage, name, recipe_digest, input_digest, detail)
            VALUES ('dedupe', 'all', 'r', 'i', '{{"groups": 1}}'), ('layout', 'all', 'r', 'i', '{{}}'),
                   ('export', 'small', 'r', 'i', '{{"digests": {{}}}}');
            INSERT INTO duplicate_rows
            VALUES (1, 'g', 'a', true, 'near', 0, 8, 'phash'), (1, 'g', 'b', false, 'near', 3, 8, 'phash');
            INSERT INTO layout_rows VALUES (2, 'all', 'a', 0.5, 0.25, 1, 2);
            INSERT INTO export_rows VALUES (3, 'small', 'a', 'images/a.jpg', 'd', 'CC-BY-4.0', 'Ann, CC BY 4.0');
            INSERT INTO takedowns VALUES ('c', '2026-01-02 03:04:05+00', 'asked', 'she');
            INSERT INTO runs BY NAME
            SELECT 'r' || i AS run_id, 's' AS source, 'gallery' AS spider, 'c' AS config_digest, '1' AS code_version,
                   now() AS started_at, CASE i WHEN 1 THEN now() END AS finished_at,
                   CASE i WHEN 1 THEN 'finished' END AS outcome, CASE i WHEN 1 THEN 'd' END AS journal_digest
            FROM range(3) r(i);
            INSERT INTO segments (run_id, segment, digest, sightings) VALUES ('r1', 1, 'd', 0);
        """)
        assert schema_version(con, workspace.ledger, folder) == 2


KEPT = {
    "decisions": "sha256, stage, recipe_digest, verdict, reason, value, threshold, decided_by, epoch_us(decided_at)",
    "derived": "sha256, size, mode, path, bytes, derived_sha256, recipe_digest",
    "embeddings": "sha256, model, vector",
    "latest_stage_runs": "stage_run, stage, name, recipe_digest, input_digest, epoch_us(finished_at), detail",
    "duplicates": "group_id, sha256, keeper, kind, distance::DOUBLE, threshold::DOUBLE, method",
    "layouts": "layout, sha256, x, y, row, col",
    "exports": "export, sha256, path, derived_sha256, license, credit",
    "takedowns": "sha256, epoch_us(requested_at), reason, requested_by",
    "runs": "run_id, source, spider, config_digest, code_version, epoch_us(started_at), epoch_us(finished_at), "
    "outcome, journal_digest, crawl_id",
    "segments": "run_id, segment, digest, sightings, epoch_us(ingested_at)",
}


def answers(con: duckdb.DuckDBPyConnection) -> list[list[tuple]]:
    """All rows, in the columns that an older ledger has too."""
    return [con.execute(f"SELECT {names} FROM {table} ORDER BY ALL").fetchall() for table, names in KEPT.items()]


def test_an_older_ledger_keeps_its_rows_and_gets_them_sealed(tmp_path):
    workspace = Workspace(tmp_path / "workspace")
    workspace.root.mkdir()
    older_ledger(workspace, tmp_path / "older", rows=50)
    with duckdb.connect(str(workspace.ledger), read_only=True) as con:
        before = answers(con)

    with open_ledger(workspace) as con:
        assert schema_version(con, workspace.ledger) == latest_version()
        assert answers(con) == before
        sealed = dict(con.execute("SELECT table_name, rows FROM seals").fetchall())
    assert sealed == {
        "decisions": 50,
        "derived_rows": 50,
        "embeddings": 50,
        "stage_runs": 3,
        "duplicate_rows": 2,
        "layout_rows": 1,
        "export_rows": 1,
        "takedowns": 1,
        "run_starts": 3,
        "run_ends": 1,
        "segments": 1,
    }
    assert list(compare_seals(workspace, SealCount(), SilentProgress())) == []
    with duckdb.connect(f"{workspace.ledger}.before-0003", read_only=True) as con:
        assert answers(con) == before


def migration_survives(tmp_path: Path, *, rows: int, kills: int) -> None:
    pattern = Workspace(tmp_path / "pattern")
    pattern.root.mkdir()
    older_ledger(pattern, tmp_path / "older", rows=rows)
    with duckdb.connect(str(pattern.ledger), read_only=True) as con:
        before = answers(con)

    def killed(name: str, seconds: float) -> Workspace:
        workspace = Workspace(tmp_path / name)
        workspace.root.mkdir()
        shutil.copy(pattern.ledger, workspace.ledger)
        kill_after(MIGRATES, workspace, seconds)
        return workspace

    started = time.monotonic()
    with open_ledger(Workspace(shutil.copytree(pattern.root, tmp_path / "timed")), write=True):
        length = time.monotonic() - started
    for number in range(kills):
        workspace = killed(f"killed-{number}", length * (number + 0.5) / kills)
        with open_ledger(workspace) as con:
            assert schema_version(con, workspace.ledger) == latest_version()
            assert answers(con) == before
        assert list(compare_seals(workspace, SealCount(), SilentProgress())) == []
        with duckdb.connect(f"{workspace.ledger}.before-0003", read_only=True) as con:
            assert answers(con) == before
        shutil.rmtree(workspace.root)


def test_a_migration_may_be_killed_at_any_moment(tmp_path):
    migration_survives(tmp_path, rows=2_000, kills=5)


@pytest.mark.slow
def test_a_long_migration_may_be_killed_at_any_moment(tmp_path):
    migration_survives(tmp_path, rows=100_000, kills=40)


@pytest.mark.long
def test_verifying_while_a_crawl_and_its_stages_write_finds_nothing(tmp_path):
    workspace = Workspace(tmp_path)
    command = [sys.executable, "-c", WRITES, str(workspace.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            for _ in range(3):  # ready, and two batches
                process.stdout.readline()
            reports = [verify(workspace, progress=SilentProgress()) for _ in range(4)]
        finally:
            process.kill()

    assert [report.differences for report in reports] == [()] * 4
    assert reports[-1].checked["sealed row"] > reports[0].checked["sealed row"] > 0
