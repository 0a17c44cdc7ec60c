from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from harvest.errors import LedgerBusy, LedgerError
from harvest.ledger import images, open_ledger, record_stage, transaction
from harvest.ledger.queries import latest_stages
from harvest.workspace import Workspace
from tests.patience import PATIENCE

# Opens the ledger at argv[1] for argv[2] seconds, as another process would.
HOLDS_THE_LOCK = """
import sys, time
from pathlib import Path
from harvest.ledger import open_ledger
from harvest.workspace import Workspace

with open_ledger(Workspace(Path(sys.argv[1])), write=sys.argv[3] == "write"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@contextmanager
def another_process(workspace: Workspace, seconds: float, mode: str = "write"):
    command = [sys.executable, "-c", HOLDS_THE_LOCK, str(workspace.root), str(seconds), mode]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def ledger(workspace):
    with open_ledger(workspace, write=True):
        pass
    return workspace


def test_writing_makes_a_ledger_and_its_folder(tmp_path):
    workspace = Workspace(tmp_path / "deep" / "fins")
    with open_ledger(workspace, write=True) as con:
        assert images(con) == []
    assert workspace.ledger.is_file()


def test_reading_nothing_says_what_to_do(workspace):
    with pytest.raises(LedgerError) as caught, open_ledger(workspace):
        pass
    assert str(caught.value) == (
        f"no ledger at {workspace.ledger} yet; `harvest crawl SOURCE.yaml` makes one, `-w DIR` names another workspace"
    )
    assert not workspace.ledger.exists()


def test_a_reader_cannot_write(ledger):
    with open_ledger(ledger) as con, pytest.raises(duckdb.InvalidInputException, match="read-only"):
        con.execute("DELETE FROM images")


def test_a_writer_waits_until_another_process_lets_go(ledger):
    with another_process(ledger, 0.5), open_ledger(ledger, write=True, wait=PATIENCE) as con:
        assert images(con) == []


def test_a_reader_gives_up_when_a_writer_does_not_let_go(ledger):
    with another_process(ledger, PATIENCE) as process:
        began = time.monotonic()
        with pytest.raises(LedgerBusy) as caught, open_ledger(ledger, wait=0.4):
            pass
        assert 0.2 < time.monotonic() - began < PATIENCE / 4
        assert str(process.pid) in str(caught.value)
        assert re.search(r"after \d+ s; try again when it is done, or stop it$", str(caught.value))


def test_readers_of_several_processes_do_not_wait_for_each_other(ledger):
    with another_process(ledger, PATIENCE, "read"), open_ledger(ledger, wait=0.0) as con:
        assert images(con) == []


def test_the_lock_of_a_killed_process_is_gone(ledger):
    with another_process(ledger, PATIENCE) as process:
        process.kill()
        process.wait()
        with open_ledger(ledger, write=True, wait=PATIENCE / 4) as con:
            assert images(con) == []


COMMITS_AND_DIES = """
import os, sys
from pathlib import Path
from harvest.ledger import open_ledger, record_stage, transaction
from harvest.workspace import Workspace

with open_ledger(Workspace(Path(sys.argv[1])), write=True) as con:
    with transaction(con):
        record_stage(con, "dedupe", "committed", "r", "i", {})
    with transaction(con):
        record_stage(con, "dedupe", "halfway", "r", "i", {})
        os.kill(os.getpid(), 9)
"""


def test_kill_9_keeps_what_was_committed_and_nothing_of_what_was_not(ledger):
    command = [sys.executable, "-c", COMMITS_AND_DIES, str(ledger.root)]
    assert subprocess.run(command, check=False, timeout=PATIENCE).returncode == -9
    with open_ledger(ledger) as con:
        assert [run.name for run in latest_stages(con)] == ["committed"]


def test_threads_take_turns(ledger):
    inside, together = 0, []

    def visit(number: int) -> None:
        nonlocal inside
        for _ in range(3):
            with open_ledger(ledger, write=number % 2 == 0) as con:
                inside += 1
                together.append(inside)
                con.execute("SELECT 1").fetchall()
                inside -= 1

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == [1] * 12


def test_opening_twice_in_one_thread_is_a_mistake_that_shows_at_once(ledger):
    with (
        open_ledger(ledger),
        pytest.raises(RuntimeError, match="already open in this thread"),
        open_ledger(ledger, write=True),
    ):
        pass


def test_two_workspaces_may_be_open_at_once(tmp_path):
    with open_ledger(Workspace(tmp_path / "a"), write=True), open_ledger(Workspace(tmp_path / "b"), write=True) as con:
        assert images(con) == []


def test_another_thread_gives_up_too(ledger):
    caught = []

    def visit() -> None:
        try:
            with open_ledger(ledger, wait=0.1):
                pass
        except LedgerBusy as error:
            caught.append(str(error))

    with open_ledger(ledger, write=True):
        thread = threading.Thread(target=visit)
        thread.start()
        thread.join()
    assert caught == [f"{ledger.ledger}: another part of this program holds the ledger; try again when it is done"]


def test_a_transaction_that_raises_leaves_nothing(ledger):
    with open_ledger(ledger, write=True) as con:
        with pytest.raises(duckdb.CatalogException), transaction(con):  # noqa: PT012
            assert record_stage(con, "dedupe", "all", "r", "i", {}) == 1
            con.execute("SELECT * FROM no_such_table")
        with transaction(con):
            record_stage(con, "layout", "all", "r", "i", {})
        assert [run.stage for run in latest_stages(con)] == ["layout"]


@pytest.mark.parametrize("table", ["mine (a INTEGER)", "schema_migrations (a INTEGER)"])
def test_a_file_that_is_no_ledger_is_left_alone(workspace, table):
    workspace.ledger.write_text("not a database " * 1000)
    for write in (False, True):
        with pytest.raises(LedgerError, match="not a valid DuckDB database"), open_ledger(workspace, write=write):
            pass
    workspace.ledger.unlink()
    with duckdb.connect(str(workspace.ledger)) as con:
        con.execute(f"CREATE TABLE {table}")
    for write in (False, True):
        with (
            pytest.raises(LedgerError, match="a DuckDB file, but not a ledger of this program"),
            open_ledger(workspace, write=write),
        ):
            pass


def test_a_workspace_that_cannot_be_made_is_an_error_for_people(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(LedgerError, match=r"file: cannot be made: File exists"),
        open_ledger(Workspace(tmp_path / "file"), write=True),
    ):
        pass


def test_a_question_mark_in_the_path_is_refused_since_duckdb_would_misplace_its_log(tmp_path):
    workspace = Workspace(tmp_path / "why?")
    with (
        pytest.raises(LedgerError, match=r"why\?/ledger\.duckdb: a ledger's path may not hold a '\?'"),
        open_ledger(workspace, write=True),
    ):
        pass


def test_a_relative_path_like_a_url_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_ledger(Workspace(Path("sqlite:fins")), write=True) as con:
        assert images(con) == []
    assert (tmp_path / "sqlite:fins" / "ledger.duckdb").is_file()


def test_no_extension_may_be_fetched_at_run_time(ledger):
    names = "'autoinstall_known_extensions', 'autoload_known_extensions'"
    with open_ledger(ledger) as con:
        rows = con.execute(f"SELECT DISTINCT value FROM duckdb_settings() WHERE name IN ({names})").fetchall()
    assert rows == [("false",)]


MANY_AT_ONCE = """
import sys
from pathlib import Path
from harvest.ledger import open_ledger, record_stage
from harvest.workspace import Workspace

for number in range(5):
    with open_ledger(Workspace(Path(sys.argv[1])), write=True, wait=200) as con:
        record_stage(con, "dedupe", f"{sys.argv[2]}-{number}", "r", "i", {})
"""


def test_processes_that_begin_a_ledger_together_all_get_their_rows_in(workspace):
    processes = [
        subprocess.Popen([sys.executable, "-c", MANY_AT_ONCE, str(workspace.root), str(number)]) for number in range(4)
    ]
    assert [process.wait(timeout=PATIENCE) for process in processes] == [0] * 4
    with open_ledger(workspace) as con:
        assert len(latest_stages(con)) == 20
