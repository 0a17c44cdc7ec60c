"""Runs that share one crawl, and journals that come from other workspaces."""

from __future__ import annotations

import itertools
import shutil

import pytest

from harvest.audit import verify
from harvest.errors import LedgerError
from harvest.items import Outcome
from harvest.journal import JournalWriter, unfinished
from harvest.ledger import images, ingest_all, ingest_from, ingest_segment, open_ledger
from harvest.progress import SilentProgress
from harvest.store import original_path
from harvest.workspace import Workspace, write_published

FIRST, SECOND = "20260102T030405-fins-aaaaaa", "20260102T030405-fins-bbbbbb"
ROWS = "SELECT source_id, run_id, outcome FROM sightings ORDER BY source_id"


@pytest.fixture
def shared(sighting, journalled):
    """Two runs of one crawl: both met b, c and d; the first failed on c, the second got it; d failed twice."""
    failed = {"outcome": Outcome.FAILED, "reason": "timeout"}
    moments = itertools.count()

    def met(run_id: str, name: str, **more):
        url = {"source_id": name, "image_url": f"https://gallery.museum.test/{name}.jpg"}
        picture = None if "outcome" in more else name
        when = f"2026-01-02T03:05:{next(moments):02d}Z"
        return sighting(run_id=run_id, **{"picture": picture, "fetched_at": when, **url, **more})

    def write(**changes):
        one = [met(FIRST, "a"), met(FIRST, "b"), met(FIRST, "c", **failed), met(FIRST, "d", **failed)]
        two = [met(SECOND, "d", **failed), met(SECOND, "c"), met(SECOND, "b"), met(SECOND, "e")]
        for run_id, sightings in ((FIRST, one), (SECOND, two)):
            numbered = [type(each)(**_fields(each) | {"seq": seq}) for seq, each in enumerate(sightings)]
            yield from journalled(numbered, run_id=run_id, outcome="finished", **changes)

    return write


def _fields(row):
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


@pytest.mark.parametrize("order", [1, -1])
def test_an_image_has_one_row_a_crawl_in_whatever_order_journals_come(workspace, shared, order):
    segments = list(shared(crawl_id="c1"))
    with open_ledger(workspace, write=True) as con:
        new = [ingest_segment(con, segment.path) for segment in segments[::order]]
        assert con.execute(ROWS).fetchall() == [
            ("a", FIRST, "stored"),
            ("b", FIRST, "stored"),
            ("c", SECOND, "stored"),
            ("d", FIRST, "failed"),
            ("e", SECOND, "stored"),
        ]
        assert len(images(con)) == 4
    assert sum(new) == 5
    assert ingest_all(workspace) == 0


def test_runs_of_different_crawls_keep_what_each_of_them_met(workspace, shared):
    list(shared())
    assert ingest_all(workspace) == 8


def test_verify_knows_that_a_crawl_has_one_row_for_an_image(workspace, shared):
    list(shared(crawl_id="c1"))
    ingest_all(workspace)
    with open_ledger(workspace, write=True) as con:
        for name in "abce":
            (image,) = con.execute("SELECT sha256 FROM sightings WHERE source_id = ?", [name]).fetchall()
            write_published(workspace.root / original_path(image[0], "jpg"), name)
    differences = verify(workspace, progress=SilentProgress()).differences
    assert [each for each in differences if each.kind != "original"] == []
    with open_ledger(workspace, write=True) as con:
        con.execute("DELETE FROM sightings WHERE source_id IN ('a', 'b')")
    missing = [each for each in verify(workspace, progress=SilentProgress()).differences if each.kind == "sighting"]
    assert [each.where.rpartition("/")[2] for each in missing] == ["000001.jsonl:1", "000001.jsonl:2", "000001.jsonl:3"]


@pytest.fixture
def elsewhere(tmp_path, header, sighting):
    """A workspace on another machine, with a run of two segments."""
    there = Workspace(tmp_path / "elsewhere")
    with JournalWriter.open(there.journal, header()) as writer:
        for seq in range(4):
            writer.append(sighting(seq, picture=str(seq)))
            if seq == 1:
                writer.seal()
        writer.close()
    return there


def folder_of(workspace: Workspace, header) -> object:
    return workspace.journal / header().run_id


def test_a_journal_from_elsewhere_is_taken_in_once(tmp_path, elsewhere, header):
    here = Workspace(tmp_path / "here")
    assert ingest_from(here, folder_of(elsewhere, header)) == 4
    before = sorted(path.name for path in folder_of(here, header).iterdir())
    assert before == ["000001.jsonl", "000002.jsonl", "copied.json", "finished.json", "run.json"]
    assert ingest_from(here, folder_of(elsewhere, header)) == 0
    assert ingest_all(here) == 0
    with open_ledger(here) as con:
        assert con.execute("SELECT outcome FROM runs").fetchall() == [("finished",)]
    assert ingest_from(here, folder_of(here, header)) == 0, "its own journal is there already"


def test_a_run_that_went_on_is_taken_again(tmp_path, elsewhere, header):
    here, whole = Workspace(tmp_path / "here"), folder_of(elsewhere, header)
    early = tmp_path / "copy" / whole.name
    shutil.copytree(whole, early)
    (early / "000002.jsonl").unlink()
    (early / "finished.json").unlink()
    assert ingest_from(here, early) == 2
    assert unfinished(here.journal, "fins", "c0ffee") is None, "it is not ours to go on with"
    assert ingest_from(here, whole) == 2
    assert ingest_from(here, early) == 0, "an older copy changes nothing"


def test_the_open_end_of_a_killed_run_counts(tmp_path, header, sighting):
    there, here = Workspace(tmp_path / "there"), Workspace(tmp_path / "here")
    with JournalWriter.open(there.journal, header()) as writer:
        writer.append(sighting(0))
    assert ingest_from(here, folder_of(there, header)) == 1


def test_a_copy_that_was_cut_off_is_completed(tmp_path, elsewhere, header):
    here = Workspace(tmp_path / "here")
    write_published(
        folder_of(here, header) / "000001.jsonl", (folder_of(elsewhere, header) / "000001.jsonl").read_bytes()
    )
    assert ingest_all(here) == 0
    assert ingest_from(here, folder_of(elsewhere, header)) == 4


def test_a_journal_that_differs_is_refused(tmp_path, elsewhere, header, sighting):
    here, theirs = Workspace(tmp_path / "here"), folder_of(elsewhere, header)
    with JournalWriter.open(here.journal, header()) as writer:
        writer.append(sighting(0, picture="another"))
        writer.seal()
    with pytest.raises(LedgerError, match=r"000001\.jsonl: differs from .* which is here already; not taken in"):
        ingest_from(here, theirs)
    shutil.rmtree(folder_of(here, header))
    JournalWriter.open(here.journal, header(spider="wayback")).close(None)
    with pytest.raises(LedgerError, match="which is here under the same id"):
        ingest_from(here, theirs)


@pytest.mark.parametrize("damage", ["line", "name", "header"])
def test_a_damaged_journal_is_refused_before_anything_is_copied(tmp_path, elsewhere, header, damage):
    here, theirs = Workspace(tmp_path / "here"), folder_of(elsewhere, header)
    if damage == "line":
        path = theirs / "000002.jsonl"
        path.write_bytes(path.read_bytes().replace(b"stored", b"failed", 1))
    elif damage == "name":
        theirs = theirs.rename(theirs.with_name("another"))
    else:
        (theirs / "run.json").unlink()
    with pytest.raises(LedgerError, match=r"sealed as|must have its name|cannot be read"):
        ingest_from(here, theirs)
    assert not here.root.exists()
