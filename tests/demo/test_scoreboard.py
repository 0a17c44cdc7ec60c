"""The scoreboard is honest: it says so when something was missed or wrongly taken."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from harvest.demo.museum.planted import KINDS, Planted
from harvest.demo.museum.server import Logged
from harvest.demo.scoreboard import Scoreboard, score
from harvest.items import Fingerprint, ImageItem, Outcome, Sighting
from harvest.journal import JournalWriter, RunHeader
from harvest.ledger import DuplicateRow, ingest_all, open_ledger, write_duplicates
from harvest.workspace import Workspace

SITE = "http://gallery.museum.test"


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def planted(kind: str, name: str, *, of: str | None = None, bytes_of: str | None = None) -> Planted:
    return Planted(
        url=f"{SITE}/{name}",
        host="gallery.museum.test",
        source="gallery",
        kind=kind,
        fate=KINDS[kind],
        of=f"{SITE}/{of}" if of else None,
        sha256=sha(bytes_of or name),
    )


TRUTH = (
    planted("specimen", "leaf"),
    planted("exact", "leaf-again", of="leaf", bytes_of="leaf"),
    planted("reencoded", "leaf-small", of="leaf"),
    planted("off_topic", "chart"),
    planted("robots_denied", "private"),
    planted("corrupt", "torn"),
    planted("missing", "gone"),
)
RIGHT = {
    "leaf": (Outcome.STORED, "leaf"),
    "leaf-again": (Outcome.KNOWN, "leaf"),
    "leaf-small": (Outcome.STORED, "leaf-small"),
    "chart": (Outcome.STORED, "chart"),
    "private": (Outcome.REFUSED, None),
    "torn": (Outcome.BROKEN, "torn"),
    "gone": (Outcome.GONE, None),
}


def board(
    folder: Path,
    outcomes: dict[str, tuple[Outcome, str | None]],
    exported: set[str],
    *,
    grouped: bool,
    requests: tuple[Logged, ...] = (),
    creator: str | None = None,
) -> Scoreboard:
    workspace = Workspace(folder)
    header = RunHeader.new(source="gallery", spider="gallery", config_digest="0", code_version="0")
    writer = JournalWriter.open(workspace.journal, header)
    for seq, (name, (outcome, content)) in enumerate(outcomes.items(), start=writer.next_seq):
        writer.append(sighting(writer, seq, name, outcome, content, creator=creator))
    writer.close()
    ingest_all(workspace)
    with open_ledger(workspace, write=True) as con:
        if grouped:
            rows = [duplicate("leaf", keeper=True), duplicate("leaf-small", keeper=False)]
            write_duplicates(con, name="museum", recipe_digest="0", input_digest="0", rows=rows)
        return score(con, TRUTH, {sha(name) for name in exported}, requests)


def sighting(
    writer: JournalWriter, seq: int, name: str, outcome: Outcome, content: str | None, *, creator: str | None
) -> Sighting:
    held = outcome in {Outcome.STORED, Outcome.KNOWN}
    digest = sha(content) if content else None
    return Sighting(
        run_id=writer.folder.name,
        seq=seq,
        source="gallery",
        item=ImageItem(source_id=name, image_url=f"{SITE}/{name}", creator=creator),
        outcome=outcome,
        sha256=digest,
        fetched_at="2026-01-01T00:00:00Z" if digest else None,
        http_status=200 if digest else None,
        path=f"originals/{digest}.jpg" if held else None,
        fingerprint=fingerprint(digest or "") if held else None,
    )


def fingerprint(digest: str) -> Fingerprint:
    return Fingerprint(
        sha256=digest,
        bytes=1,
        format="JPEG",
        width=1,
        height=1,
        mode="RGB",
        frames=1,
        phash=0,
        phash_version="test",
        sharpness=0,
        entropy=0,
        brightness=0,
    )


def duplicate(name: str, *, keeper: bool) -> DuplicateRow:
    return DuplicateRow(
        group_id="g", sha256=sha(name), keeper=keeper, kind="near", distance=0, threshold=8, method="phash"
    )


def test_everything_as_it_ought_to_be_meets_every_goal(tmp_path: Path) -> None:
    result = board(tmp_path, RIGHT, {"leaf"}, grouped=True)

    assert [goal.what for goal in result.goals if not goal.met] == []
    assert sum(entry.missed for entry in result.scores) == 0
    assert result.unmet == ()


@pytest.mark.parametrize(
    ("change", "exported", "grouped", "goal"),
    [
        ({}, {"leaf", "torn"}, True, "no corrupt, refused or denied"),
        ({"torn": (Outcome.STORED, "torn")}, {"leaf", "torn"}, True, "no corrupt, refused or denied"),
        ({"private": (Outcome.STORED, "private")}, {"leaf", "private"}, True, "no corrupt, refused or denied"),
        ({"leaf-again": (Outcome.STORED, "other")}, {"leaf"}, True, "every exact duplicate"),
        ({}, {"leaf"}, False, "re-encoded and resized copies"),
        ({}, {"leaf", "chart"}, True, "off-topic pictures filtered"),
        ({}, set(), True, "good pictures lost"),
    ],
)
def test_what_goes_wrong_misses_its_goal(
    tmp_path: Path,
    change: dict[str, tuple[Outcome, str | None]],
    exported: set[str],
    grouped: bool,
    goal: str,
) -> None:
    result = board(tmp_path, {**RIGHT, **change}, exported, grouped=grouped)

    missed = [entry.what for entry in result.goals if not entry.met]
    assert [goal in what for what in missed] == [True]


def test_a_copy_beside_its_original_in_the_export_is_wrongly_taken(tmp_path: Path) -> None:
    result = board(tmp_path, RIGHT, {"leaf", "leaf-small"}, grouped=True)

    assert {entry.kind: entry.wrongly_taken for entry in result.scores if entry.wrongly_taken} == {"reencoded": 1}


def test_what_was_never_met_is_named(tmp_path: Path) -> None:
    outcomes = {name: outcome for name, outcome in RIGHT.items() if name != "chart"}

    assert board(tmp_path, outcomes, {"leaf"}, grouped=True).unmet == (f"{SITE}/chart",)


def test_a_request_for_what_was_denied_is_held_against_the_crawl_whatever_the_ledger_says(tmp_path: Path) -> None:
    asked = (Logged("GET", f"{SITE}/leaf", 200), Logged("GET", f"{SITE}/private", 200))

    result = board(tmp_path, RIGHT, {"leaf"}, grouped=True, requests=asked)

    assert [goal.what for goal in result.goals if not goal.met] == ["no request for what was denied beforehand"]
    assert {entry.kind for entry in result.scores if entry.missed} == {"robots_denied"}


def test_a_creator_whom_the_source_does_not_name_is_wrong(tmp_path: Path) -> None:
    result = board(tmp_path, RIGHT, {"leaf"}, grouped=True, creator="Somebody")

    assert [goal.what for goal in result.goals if not goal.met] == ["licence and creator as their source gives them"]


@pytest.mark.parametrize(("name", "kind"), [("chart", "off_topic"), ("private", "robots_denied"), ("gone", "missing")])
def test_what_no_crawl_came_across_was_not_found(tmp_path: Path, name: str, kind: str) -> None:
    outcomes = {key: outcome for key, outcome in RIGHT.items() if key != name}

    result = board(tmp_path, outcomes, {"leaf"}, grouped=True)

    assert {entry.kind for entry in result.scores if entry.missed} == {kind}
