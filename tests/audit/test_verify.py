from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from harvest.audit import verify
from harvest.ledger import images, open_ledger
from harvest.ledger.insert import insert_columns
from harvest.progress import SilentProgress


def check(dataset):
    return verify(dataset.workspace, progress=SilentProgress())


def first(folder: Path, pattern: str = "*.jpg") -> Path:
    return min(folder.rglob(pattern))


def flip(path: Path) -> str:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    return path.name


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def journal(dataset) -> Path:
    return first(dataset.workspace.journal, "000001.jsonl")


def test_untouched_workspace_agrees_with_its_ledger(exported) -> None:
    ((seals, rows),) = exported.sql("SELECT count(*), sum(rows)::BIGINT FROM seals")
    report = check(exported)

    assert (report.ok, report.first, report.notes) == (True, None, ())
    assert report.checked == {
        "original": 6,
        "derived": 6,
        "export": 12,
        "paper": 20,
        "run": 1,
        "segment": 1,
        "sighting": 6,
        "seal": seals,
        "sealed row": rows,
    }


@pytest.mark.parametrize(
    ("kind", "folder"),
    [("original", "originals"), ("derived", "derived"), ("export", "exports/small/images")],
)
def test_one_flipped_bit_is_named(exported, kind: str, folder: str) -> None:
    path = first(exported.workspace.root / folder)
    flip(path)

    report = check(exported)

    (difference,) = report.differences
    assert difference.kind == kind
    assert difference.where == path.relative_to(exported.workspace.root).as_posix()
    assert difference.what.startswith("changed: sha256 is ")
    assert report.first == f"{difference.where}: {difference.what}"


def test_missing_files_and_edited_papers_are_named(exported) -> None:
    first(exported.workspace.originals).unlink()
    flip(exported.workspace.exports / "whole" / "MANIFEST.jsonl")

    report = check(exported)

    assert [(d.kind, d.what.split(":")[0]) for d in report.differences] == [
        ("original", "missing"),
        ("paper", "changed"),
    ]


def test_flipped_journal_byte_is_named_by_its_line(exported) -> None:
    replace_in(journal(exported), "Shell 2", "Shell 9")

    report = check(exported)

    assert [d.kind for d in report.differences] == ["journal", "sighting"]
    assert "000001.jsonl" in report.differences[0].what
    assert report.differences[1].where.endswith("000001.jsonl:3")
    assert report.differences[1].what == "the ledger has another title: 'Shell 2' instead of 'Shell 9'"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("page_url = NULL", "page_url: None instead of 'http://gallery.museum.test/4.html'"),
        ("license = 'CC0-1.0'", "license: 'CC0-1.0' instead of 'CC-BY-4.0'"),
        ("fetched_at = fetched_at - INTERVAL 1 SECOND", "fetched_at"),
        ("""opt_out = '[{"kind": "robots", "value": "x", "where": "y"}]'""", "opt_out"),
        ("tags = ['new']", "tags: ['new'] instead of []"),
    ],
)
def test_changed_ledger_row_is_named_with_its_journal_line(exported, change: str, what: str) -> None:
    exported.sql(f"UPDATE sightings SET {change} WHERE seq = 4")

    (difference,) = check(exported).differences

    assert difference.where.endswith("/000001.jsonl:5")
    assert difference.what == f"the ledger has another {what}"


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM sightings WHERE seq = 0", "the ledger has no row for this sighting"),
    ],
)
def test_changed_run_segment_or_lost_sighting_is_named(exported, statement: str, what: str) -> None:
    exported.sql(statement)

    (difference,) = check(exported).differences

    assert difference.what.endswith(what)


def test_lost_journal_and_segment_are_named(exported) -> None:
    segment = journal(exported)
    segment.unlink()

    assert any(d.what == "the ledger has this segment, it is gone or not sealed" for d in check(exported).differences)

    shutil.rmtree(segment.parent)

    (difference,) = check(exported).differences
    assert difference.what == "the ledger has this run, its journal is gone"


def test_what_was_taken_down_has_to_be_gone(exported) -> None:
    with open_ledger(exported.workspace, write=True) as con:
        sha256 = images(con)[0].sha256
        insert_columns(
            con,
            "takedowns",
            pa.table({"sha256": [sha256], "requested_at": [None], "reason": ["asked"], "requested_by": ["she"]}),
        )

    assert [(d.kind, d.what) for d in check(exported).differences] == [
        (kind, "was taken down, and is still here") for kind in ("derived", "export", "export", "original")
    ]

    for (path,) in exported.sql(f"SELECT 'exports/' || export || '/' || path FROM exports WHERE sha256 = '{sha256}'"):
        (exported.workspace.root / path).unlink()
    first(exported.workspace.originals, f"{sha256}.jpg").unlink()
    (exported.workspace.derived / "64" / f"{sha256[:16]}.jpg").unlink()

    assert check(exported).ok


def test_files_nobody_knows_are_notes(exported) -> None:
    (exported.workspace.originals / "orphan.jpg").write_bytes(b"x")
    (exported.workspace.exports / ".small~ab.part").mkdir()
    (exported.workspace.exports / ".small~ab.part" / "half.jpg").write_bytes(b"x")
    shutil.rmtree(exported.workspace.exports / "whole")

    report = check(exported)

    assert report.ok
    assert report.notes == (
        "exports/whole: the ledger has this export, its folder is gone",
        "originals/orphan.jpg: no row knows this file",
        "exports/.small~ab.part/half.jpg: left by an interrupted write",
    )


def test_journal_that_is_not_ingested_yet_is_a_note(exported) -> None:
    folder = journal(exported).parent
    copy = folder.with_name("20250201T000000-museum-abcdef")
    shutil.copytree(folder, copy)
    (copy / "run.json").write_text(json.dumps({**json.loads((folder / "run.json").read_text()), "run_id": copy.name}))

    report = check(exported)

    assert report.ok
    assert report.notes == (f"journal/{copy.name}: not in the ledger yet; the next crawl or run takes it in",)
