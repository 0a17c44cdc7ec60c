"""Coverage: what lists were to bring and did, counted by id."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from harvest.crawl.sites.coverage import Coverage
from harvest.workspace import Workspace


def test_what_several_parts_list_counts_once_for_the_whole() -> None:
    coverage = Coverage()
    coverage.expect("search fin", 5)
    for part, ids in (("January", ["1", "2"]), ("February", ["2", "3", "leaf"])):
        coverage.expect("search fin", len(ids), part)
        new = coverage.meet("search fin", ids, part)
        coverage.finish("search fin", part)

    assert new == {"3", "leaf"}
    assert coverage.report() == {
        "expected": 5,
        "met": 4,
        "missing": 1,
        "finished": True,
        "lists": [
            {
                "list": "search fin",
                "expected": 5,
                "met": 4,
                "missing": 1,
                "finished": True,
                "parts": [
                    {"part": "January", "expected": 2, "met": 2, "missing": 0, "finished": True},
                    {"part": "February", "expected": 3, "met": 3, "missing": 0, "finished": True},
                ],
            }
        ],
    }


def test_a_list_that_was_not_read_to_its_end_says_so(tmp_path: Path) -> None:
    coverage = Coverage()
    coverage.expect("user 1", 2)
    coverage.meet("user 1", ["7"])

    path = coverage.write(Workspace(tmp_path), "trial", "run-1")

    assert path == tmp_path / "reports" / "coverage-trial-run-1.json"
    report = json.loads(path.read_text())
    assert (report["source"], report["run_id"], report["finished"], report["missing"]) == ("trial", "run-1", False, 1)


def test_a_worker_of_a_shared_crawl_does_not_warn_of_what_others_read(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for is_shared in (False, True):
        coverage = Coverage(is_shared=is_shared)
        coverage.expect("user 1", 2)
        coverage.finish("user 1")

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "coverage: user 1: 2 expected, 0 met, 2 missing"),
        ("INFO", "coverage: user 1: 2 expected, 0 met, 2 missing"),
    ]


def test_nothing_is_written_where_nothing_was_counted_or_no_run_was_open(tmp_path: Path) -> None:
    counted = Coverage()
    counted.expect("user 1", 2)

    assert Coverage().write(Workspace(tmp_path), "trial", "run-1") is None
    assert counted.write(Workspace(tmp_path), "trial", None) is None
    assert list(tmp_path.iterdir()) == []
