"""Crawls write while audits read: real processes on one ledger, none of which fails or starves."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from harvest.ledger import ingest_all, open_ledger

SEGMENTS, SIGHTINGS = 8, 20
BOUND = 30.0  # seconds: what open_ledger waits at most, before it says who holds the ledger

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tests.ledger.conftest import make_sighting
from harvest.journal import JournalWriter, RunHeader
from harvest.ledger import finish_run, ingest_segment, open_ledger
from harvest.workspace import Workspace

workspace, run_id = Workspace(Path(sys.argv[1])), sys.argv[2]
header = RunHeader(run_id=run_id, source="fins", spider="gallery", config_digest="c", code_version="1",
                   started_at="2026-01-02T03:04:05Z")
with JournalWriter.open(workspace.journal, header) as writer:
    for _ in range(int(sys.argv[4])):
        for _ in range(int(sys.argv[5])):
            writer.append(make_sighting(writer.next_seq, f"{run_id} {writer.next_seq}", run_id=run_id))
        segment = writer.seal()
        with open_ledger(workspace, write=True) as con:
            ingest_segment(con, segment.path)
    head = writer.close()
with open_ledger(workspace, write=True) as con:
    finish_run(con, run_id, "finished", head)
"""

READER = """
import json, sys, time
from pathlib import Path
from harvest.audit import audit
from harvest.config.policy import default_policy
from harvest.ledger import open_ledger, query, status
from harvest.workspace import Workspace

workspace, stop, waits, counts = Workspace(Path(sys.argv[1])), Path(sys.argv[2]), [], []
while True:
    last = stop.exists()
    began = time.monotonic()
    with open_ledger(workspace) as con:
        counts.append(status(con).images)
    _, ((n, distinct),) = query(workspace, "SELECT count(*), count(DISTINCT (run_id, seq)) FROM sightings")
    assert n == distinct
    report = audit(workspace, default_policy(), with_files=False)
    waits.append(time.monotonic() - began)
    if last:
        break
print(json.dumps({"counts": counts, "longest": max(waits), "audited": report.counts["images"]}))
"""


@pytest.fixture
def started():
    running: list[subprocess.Popen[str]] = []

    def start(program: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, *map(str, arguments)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_readers_and_several_writers_get_their_turns(workspace, tmp_path, pytestconfig, started):
    with open_ledger(workspace, write=True):
        pass
    writers = [
        started(WRITER, workspace.root, f"run-{name}", pytestconfig.rootpath, SEGMENTS, SIGHTINGS) for name in "ab"
    ]
    readers = [started(READER, workspace.root, tmp_path / "stop") for _ in range(2)]

    for writer in writers:
        _, words = writer.communicate(timeout=300)
        assert writer.returncode == 0, words
    (tmp_path / "stop").touch()
    for reader in readers:
        answer, words = reader.communicate(timeout=300)
        assert reader.returncode == 0, words
        said = json.loads(answer)
        assert said["counts"] == sorted(said["counts"]), "what was there once stays"
        assert said["counts"][-1] == said["audited"] == 2 * SEGMENTS * SIGHTINGS
        assert said["longest"] < 3 * BOUND, "three turns at the ledger, each within its bound"
    assert ingest_all(workspace) == 0, "the journals hold nothing that the ledger does not"
