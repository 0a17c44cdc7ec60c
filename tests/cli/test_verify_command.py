"""What is kept of a ledger's seals elsewhere, and asked of it later, as users type it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from harvest.ledger import head, open_ledger, record_stage
from harvest.workspace import Workspace

Harvest = Callable[..., CompletedProcess[str]]


@pytest.fixture
def kept(tmp_path: Path) -> str:
    """A ledger with three seals in `tmp_path`, and the last of them."""
    with open_ledger(Workspace(tmp_path), write=True) as con:
        for name in ("one", "two", "three"):
            record_stage(con, "dedupe", name, "r", "i", {})
        return str(head(con))


def test_the_head_is_one_line_and_is_found_again(harvest: Harvest, tmp_path: Path, kept: str) -> None:
    printed = harvest("verify", "--head", "-w", tmp_path)
    with open_ledger(Workspace(tmp_path), write=True) as con:
        record_stage(con, "dedupe", "four", "r", "i", {})
    answer = harvest("verify", "--against", printed.stdout, "--json", "-w", tmp_path)

    assert printed.stdout == f"{kept}\n"
    report = json.loads(answer.stdout)
    assert (answer.returncode, report["differences"], report["head"][:2]) == (0, [], "4:")


def test_a_ledger_that_was_cut_back_fails_against_the_head(harvest: Harvest, tmp_path: Path, kept: str) -> None:
    with open_ledger(Workspace(tmp_path), write=True) as con:
        con.execute("DELETE FROM stage_runs WHERE seal = 3")
        con.execute("DELETE FROM seals WHERE seal = 3")

    alone = harvest("verify", "--no-files", "-w", tmp_path)
    against = harvest("verify", "--no-files", "--against", kept, "-w", tmp_path)

    assert alone.returncode == 0
    assert against.returncode == 1
    assert "1 difference; the first: seal 3: was kept elsewhere; of 2 seals there is none" in against.stderr


def test_what_is_no_head_is_a_mistake_of_usage(harvest: Harvest, tmp_path: Path, kept: str) -> None:
    answer = harvest("verify", "--against", "yesterday", "-w", tmp_path)

    assert answer.returncode == 2
    assert "expected NUMBER:DIGEST as `harvest verify --head` prints it, got 'yesterday'" in answer.stderr
