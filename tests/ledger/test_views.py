"""The views for common questions, over a small ledger of which all is known."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from harvest.items import Outcome, Signal
from harvest.ledger import (
    DecisionRow,
    DuplicateRow,
    ExportRow,
    ingest_all,
    note_refusal,
    open_ledger,
    query,
    write_decisions,
    write_duplicates,
    write_export,
)

ROBOTS = Signal(kind="robots", value="disallow", where="https://gallery.museum.test/robots.txt")


@pytest.fixture
def ask(workspace, sighting, journalled):
    """Leaf and bark are copies under different licences, shell is too small, moss was taken down; one was refused."""
    met = [
        sighting(0, "leaf", license="CC0-1.0", creator="Ada Moss", title="Leaf", page_url="https://museum.test/0"),
        sighting(1, "bark", license="CC-BY-4.0", image_url="https://Other.test:8080/1.jpg"),
        sighting(2, "shell"),
        sighting(3, "moss", license="CC0-1.0"),
        sighting(4, None, opt_out=(ROBOTS,), outcome=Outcome.REFUSED, reason="robots"),
        sighting(5, None, outcome=Outcome.FAILED, reason="timeout"),
    ]
    leaf, bark, shell, moss = (each.sha256 for each in met[:4])
    journalled(met)
    ingest_all(workspace)

    def decision(sha256, stage, verdict, digest="d2"):
        return DecisionRow(
            sha256=sha256, stage=stage, recipe_digest=digest, verdict=verdict, reason=f"{stage} says {verdict}",
            decided_by="test", decided_at="2026-02-01T00:00:00Z" if digest == "d1" else "2026-03-01T00:00:00Z",
        )  # fmt: skip

    def copy(sha256, *, keeper):
        return DuplicateRow(
            group_id="near-1", sha256=sha256, keeper=keeper, kind="near", distance=2, threshold=8, method="phash"
        )

    exported = [
        ExportRow(export="set", sha256=each, path=f"{name}.jpg", derived_sha256=each, license="CC0-1.0", credit=name)
        for name, each in (("leaf", leaf), ("moss", moss))
    ]
    with open_ledger(workspace, write=True) as con:
        write_decisions(con, [decision(leaf, "filter.size", "drop", "d1")])
        write_decisions(con, [decision(each, "filter.size", "keep") for each in (leaf, bark, moss)])
        write_decisions(con, [decision(shell, "filter.size", "drop"), decision(bark, "dedupe", "drop")])
        write_decisions(con, [decision(each, "dedupe", "keep") for each in (leaf, shell, moss)])
        rows = [copy(leaf, keeper=True), copy(bark, keeper=False)]
        write_duplicates(con, name="set", recipe_digest="d", input_digest="i", rows=rows)
        write_export(con, name="set", recipe_digest="d", input_digest="i", rows=exported)
        con.execute(
            "INSERT INTO takedowns (sha256, requested_at, reason, requested_by) VALUES (?, now(), 'mine', 'Ada')",
            [moss],
        )
        note_refusal(con, "other.test:8080", datetime(2100, 1, 1, tzinfo=UTC), "http_429")
    names = {leaf: "leaf", bark: "bark", shell: "shell", moss: "moss"}

    def answer(statement: str) -> list[tuple]:
        def named(value):
            return [named(each) for each in value] if isinstance(value, list) else names.get(value, value)

        return [tuple(named(value) for value in row) for row in query(workspace, statement)[1]]

    return answer


def test_the_catalogue_is_what_is_here_with_its_provenance(ask):
    rows = ask("SELECT sha256, width, title, creator, license, page_url FROM catalogue ORDER BY first_seen")

    assert rows == [
        ("leaf", 640, "Leaf", "Ada Moss", "CC0-1.0", "https://museum.test/0"),
        ("bark", 640, None, None, "CC-BY-4.0", None),
        ("shell", 640, None, None, None, None),
    ]


def test_verdicts_are_those_of_each_stage_s_latest_parameters(ask):
    rows = ask("SELECT sha256, stage, verdict FROM verdicts JOIN images USING (sha256) ORDER BY first_seen, stage")

    assert rows[:2] == [("leaf", "dedupe", "keep"), ("leaf", "filter.size", "keep")]
    assert len(rows) == 8


def test_kept_is_what_every_stage_keeps_and_why_not_the_rest(ask):
    assert ask("SELECT sha256 FROM kept") == [("leaf",)]
    assert ask("SELECT sha256, stage, reason FROM why_not ORDER BY stage") == [
        ("bark", "dedupe", "dedupe says drop"),
        ("shell", "filter.size", "filter.size says drop"),
    ]


def test_credits_name_who_made_each_exported_file(ask):
    rows = ask("SELECT export, path, title, creator, license, page_url, credit FROM credits ORDER BY path")

    assert rows[0] == ("set", "leaf.jpg", "Leaf", "Ada Moss", "CC0-1.0", "https://museum.test/0", "leaf")


def test_copies_of_one_picture_under_two_licences_are_a_conflict(ask):
    ((picture, licenses, sources, images),) = ask("FROM licence_conflicts")

    assert (picture, licenses, sources) == ("near-1", ["CC-BY-4.0", "CC0-1.0"], ["fins"])
    assert sorted(images) == ["bark", "leaf"]


def test_hosts_tell_what_was_asked_of_them_and_what_they_want(ask):
    rows = ask("SELECT host, sightings, images, failed, refused, refuses_because FROM hosts ORDER BY host")

    assert rows == [("gallery.museum.test", 5, 3, 1, 1, None), ("other.test:8080", 1, 1, 0, 0, "http_429")]


def test_a_takedown_s_status_names_the_exports_that_still_hold_it(ask):
    assert ask("SELECT sha256, requested_by, reason, sized_copies, exports FROM takedown_status") == [
        ("moss", "Ada", "mine", 0, ["set"])
    ]
