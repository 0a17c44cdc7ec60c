"""harvest takedown as people type it: it lists first, asks, and says what it did."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from harvest.ledger import open_ledger, taken_down


@pytest.fixture
def ask(dataset, harvest):
    """Run `harvest takedown` on the six shells."""
    return lambda *arguments: harvest("takedown", *arguments, "-w", dataset.workspace.root)


def gone(dataset) -> list[str]:
    with open_ledger(dataset.workspace) as con:
        return taken_down(con)


def test_a_dry_run_lists_and_does_nothing(dataset, ask):
    dataset.export()

    answer = ask("--creator", "Creator 1", "--dry-run", "--json")

    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert [image["image"]["title"] for image in told["images"]] == ["Shell 1"]
    assert (told["holdings"]["exports"], len(told["holdings"]["originals"])) == (["small", "whole"], 1)
    assert [copy["export"] for copy in told["copies"]] == ["small", "whole"]
    assert gone(dataset) == []


def test_without_anybody_to_ask_it_needs_to_be_told_that_it_is_meant(dataset, ask):
    unasked = ask("--creator", "Creator 1", "--reason", "the maker asked")
    unexplained = ask("--creator", "Creator 1", "--yes")

    assert (unasked.returncode, unexplained.returncode) == (2, 2)
    assert "Shell 1" in unasked.stdout
    assert "nothing was done: nobody is here to be asked; --yes says that it is meant" in unasked.stderr
    assert "--reason: say why; the tombstone keeps it" in unexplained.stderr
    assert gone(dataset) == []


def test_it_tells_what_it_did_and_whom_to_tell(dataset, ask):
    dataset.export()

    done = ask("--creator", "Creator 1", "--reason", "the maker asked", "--by", "archivist", "--yes")

    assert done.returncode == 0, done.stderr
    assert "1 tombstone put up, 4 things taken away" in done.stderr
    assert "exports/small: written anew, with a new manifest" in done.stderr
    assert "exports that held them: whoever has a copy of one is to be told" in done.stdout
    assert '"Shell 1" by Creator 1' in done.stdout
    assert len(gone(dataset)) == 1
    again = ask("--finish", "--json")
    assert again.returncode == 0
    assert not any(json.loads(again.stdout)["removed"].values())


@pytest.mark.parametrize(("said", "code", "images"), [("y\n", 0, 1), ("n\n", 130, 0)])
def test_at_a_terminal_it_asks(dataset, said, code, images):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "harvest", "takedown", "--creator", "Creator 2", "--reason", "asked"]
    process = subprocess.Popen(
        [*command, "-w", str(dataset.workspace.root)], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    os.write(ours, said.encode())
    _, errors = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)

    assert process.returncode == code, errors
    assert b"Take out 1 image for good?" in errors
    assert len(gone(dataset)) == images


@pytest.mark.parametrize("arguments", [(), ("--creator", "a", "--url", "b"), ("--finish", "--creator", "a")])
def test_one_thing_is_named(dataset, ask, arguments):
    answer = ask(*arguments, "--reason", "asked", "--yes")

    assert answer.returncode == 2
    assert "name one thing: --creator, --creator-url, --url, --sha256 or --picture; or --finish alone" in answer.stderr


def test_a_picture_that_is_none_is_told(dataset, ask, tmp_path):
    (tmp_path / "words.jpg").write_text("no picture")

    answer = ask("--picture", tmp_path / "words.jpg", "--dry-run")

    assert answer.returncode == 2
    assert "words.jpg" in answer.stderr
    assert "Traceback" not in answer.stderr
