"""What was taken down is gone from everything, and an interrupted removal is finished by the next one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harvest.audit import audit, verify
from harvest.config.policy import default_policy
from harvest.errors import LedgerBusy
from harvest.evidence import Capture, WarcWriter, read_record
from harvest.images.fingerprint import fingerprint
from harvest.items import EvidenceRef, Outcome, Sighting
from harvest.journal import JournalWriter, RunHeader
from harvest.ledger import TakedownRow, derived, open_ledger, selected, tombstones, write_derived, write_takedowns
from harvest.progress import SilentProgress
from harvest.store import Store
from harvest.takedown import Request, carry_out, finish, holdings_of, plan


def take(dataset, **request):
    wanted = plan(dataset.workspace, Request(**request), progress=SilentProgress())
    return carry_out(dataset.workspace, wanted, reason="the maker asked", by="archivist", progress=SilentProgress())


def places(dataset, sha256: str) -> list[str]:
    """Every file of the workspace, but ledger and journal, whose name or content speaks of an image."""
    found = []
    for path in sorted(dataset.workspace.root.rglob("*")):
        name = path.relative_to(dataset.workspace.root).as_posix()
        if not path.is_file() or name.startswith(("journal/", "ledger.duckdb")):
            continue
        if sha256[:10] in name or sha256[:10].encode() in path.read_bytes():
            found.append(name)
    return found


def put_everywhere(dataset, shas: list[str]) -> None:
    """A mosaic, a sheet and a report that show the images."""
    folder = dataset.workspace.layouts / "shells"
    folder.mkdir(parents=True)
    for name in ("mosaic.png", "scatter.png", "index.html", "grid_positions.json", "sheet-01.jpg"):
        (folder / name).write_bytes(b"a picture of many")
    pq.write_table(pa.table({"sha256": shas}), folder / "layout.parquet")
    (folder / "sheet-images.json").write_text(json.dumps({"columns": 2, "images": shas}))
    dataset.workspace.reports.mkdir()
    for number, sha256 in enumerate(shas):
        (dataset.workspace.reports / f"audit-{number}.html").write_text(f"<code>originals/ab/{sha256}.jpg</code>")


def shas_of(dataset) -> list[str]:
    with open_ledger(dataset.workspace) as con:
        return [sha256 for (sha256,) in con.execute("SELECT sha256 FROM images ORDER BY sha256").fetchall()]


def test_nothing_is_left_of_it_and_all_the_rest_is(dataset):
    gone, *rest = shas_of(dataset)
    dataset.export()
    put_everywhere(dataset, [gone, *rest])
    assert len(places(dataset, gone)) > 8

    report = take(dataset, sha256=gone)

    assert places(dataset, gone) == []
    for sha256 in rest:
        assert {name.split("/")[0] for name in places(dataset, sha256)} == {
            "originals",
            "derived",
            "exports",
            "reports",
        }
    assert (report.tombstones, report.rewritten, report.left) == (1, ("small", "whole"), ())
    assert len(report.removed.originals) == len(report.removed.derived) == len(report.removed.reports) == 1
    assert (report.removed.layouts, report.removed.sheets) == (("shells",), ("shells",))
    assert report.again == ("harvest layout RECIPE  # shells", "harvest sheet RECIPE  # shells")
    assert not (dataset.workspace.layouts / "shells").exists()


def test_the_tombstone_and_the_sightings_stay(dataset):
    gone, *_ = shas_of(dataset)

    take(dataset, sha256=gone)

    with open_ledger(dataset.workspace) as con:
        ((reason, by, matched, phash),) = con.execute(
            "SELECT reason, requested_by, matched, phash FROM takedowns"
        ).fetchall()
        assert con.execute("SELECT count(*) FROM sightings WHERE sha256 = ?", [gone]).fetchall() == [(1,)]
        assert len(tombstones(con)) == 1
    assert (reason, by, matched, len(phash)) == ("the maker asked", "archivist", "its sha256", 16)


def test_verify_and_audit_agree_that_it_is_gone(dataset):
    gone, *_ = shas_of(dataset)
    dataset.export()
    take(dataset, sha256=gone)

    told = verify(dataset.workspace, progress=SilentProgress())
    report = audit(dataset.workspace, default_policy(), progress=SilentProgress())

    assert told.differences == ()
    results = {result.check.id: result.status for result in report.checks}
    assert results["takedown"] == "passed"


def test_later_stages_leave_it_out(dataset):
    gone, *rest = shas_of(dataset)
    take(dataset, sha256=gone)

    with open_ledger(dataset.workspace) as con:
        assert [image.sha256 for image in selected(con, {"filter": "f" * 64})] == rest
        assert [image.sha256 for image in selected(con, {})] == rest


def test_exports_are_listed_for_their_holders_past_ones_too(dataset):
    dataset.export()
    gone, *_ = shas_of(dataset)
    first = take(dataset, sha256=gone)
    again = plan(dataset.workspace, Request(sha256=gone), progress=SilentProgress())

    assert [(copy.export, copy.sha256) for copy in first.copies] == [("small", gone), ("whole", gone)]
    assert first.copies[0].path == f"images/{gone[:16]}.jpg"
    assert first.copies[0].credit.startswith('"Shell ')
    assert [(copy.export, copy.path) for copy in again.copies] == [(copy.export, copy.path) for copy in first.copies]
    assert len(again.holdings) == 0


def test_a_plan_changes_nothing(dataset):
    gone, *_ = shas_of(dataset)
    before = places(dataset, gone)

    found = plan(dataset.workspace, Request(sha256=gone), progress=SilentProgress())

    assert len(found.holdings) == 2
    assert places(dataset, gone) == before
    with open_ledger(dataset.workspace) as con:
        assert len(tombstones(con)) == 0


def test_sheets_that_do_not_say_what_they_show_go(dataset):
    gone, *_ = shas_of(dataset)
    put_everywhere(dataset, [])
    (dataset.workspace.layouts / "shells" / "sheet-images.json").unlink()

    report = take(dataset, sha256=gone)

    assert (report.removed.layouts, report.removed.sheets) == ((), ("shells",))
    assert (dataset.workspace.layouts / "shells" / "mosaic.png").exists()
    assert not (dataset.workspace.layouts / "shells" / "sheet-01.jpg").exists()


def test_a_size_that_two_images_share_stays_for_the_other(dataset):
    gone, other, *_ = shas_of(dataset)
    with open_ledger(dataset.workspace, write=True) as con:
        own = derived(con, 64, "d" * 64)[gone]
        write_derived(con, [replace(own, sha256=other, recipe_digest="e" * 64)])

    report = take(dataset, sha256=gone)

    assert report.removed.derived == ()
    assert (dataset.workspace.root / own.path).is_file()


def test_while_a_crawl_runs_nothing_is_done(dataset):
    gone, *_ = shas_of(dataset)
    header = RunHeader(
        run_id="20260102T030405-fins-abc123",
        source="fins",
        spider="gallery",
        config_digest="c0ffee",
        code_version="0.1.0",
        started_at="2026-01-02T03:04:05Z",
    )

    with JournalWriter.open(dataset.workspace.journal, header), pytest.raises(LedgerBusy) as told:
        take(dataset, sha256=gone)

    assert "the crawl 20260102T030405-fins-abc123 is running; stop it first" in str(told.value)
    with open_ledger(dataset.workspace) as con:
        assert len(tombstones(con)) == 0


def removed_with_a_stop_after(dataset, sha256: str, files: int, monkeypatch) -> bool:
    """Take an image out, or go on with that, and stop before one more file than `files` goes; whether it was done."""
    left, unlink = files, Path.unlink

    def stopping(self: Path, missing_ok: bool = False) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        unlink(self, missing_ok=missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", stopping)
        try:
            take(dataset, sha256=sha256) if files == 0 else finish(dataset.workspace, progress=SilentProgress())
        except KeyboardInterrupt:
            return False
    return True


def test_what_an_interruption_left_is_finished(dataset, monkeypatch):
    gone, *_ = shas_of(dataset)
    dataset.export()
    put_everywhere(dataset, [gone])
    stops = 0
    while not removed_with_a_stop_after(dataset, gone, stops, monkeypatch):
        stops += 1

    assert stops >= 4
    finish(dataset.workspace, progress=SilentProgress())

    assert places(dataset, gone) == []
    assert verify(dataset.workspace, progress=SilentProgress()).differences == ()
    assert len(holdings_of(dataset.workspace, [gone], SilentProgress())) == 0


def test_kept_answers_lose_the_bytes_and_nothing_else(dataset, photograph):
    run = "20250102T120000-museum-000002"
    bodies = {seed: photograph(seed) for seed in (20, 21)}
    writer = WarcWriter(dataset.workspace.evidence / run, {"software": "trial"})
    refs = {}
    for seed, body in bodies.items():
        made = Capture(
            url=f"http://gallery.museum.test/{seed}.jpg",
            method="GET",
            protocol="HTTP/1.1",
            asked=(),
            sent=b"",
            status=200,
            headers=(("Content-Type", "image/jpeg"),),
            body=body,
        )
        name, offset, record = writer.add(made)
        refs[seed] = EvidenceRef(role="image", file=f"evidence/{run}/{name}", offset=offset, record=record)
        dataset.meet(seed, evidence=(refs[seed],))
    writer.close()
    assert dataset.crawl() == "20250102T120000-museum-000002"

    with open_ledger(dataset.workspace, write=True) as con:
        sha256 = hashlib.sha256(bodies[20]).hexdigest()
        row = TakedownRow(sha256=sha256, reason="asked", requested_by="me", request="r1", matched="its sha256")
        write_takedowns(con, [row])
    before = verify(dataset.workspace, progress=SilentProgress()).differences
    assert [(found.kind, found.where) for found in before if found.kind == "evidence"] == [
        ("evidence", f"{refs[20].file}, byte {refs[20].offset}")
    ]

    report = take(dataset, url="http://gallery.museum.test/20.jpg")

    assert report.removed.evidence == (f"evidence/{run}: 1",)
    assert [read_record(dataset.workspace, refs[seed]).body for seed in bodies] == [b"", bodies[21]]
    assert verify(dataset.workspace, progress=SilentProgress()).differences == ()


def test_what_cannot_be_taken_away_is_told(dataset):
    gone, *_ = shas_of(dataset)
    unknown = dataset.workspace.exports / "from-a-friend"
    unknown.mkdir(parents=True)
    (unknown / "MANIFEST.jsonl").write_text(json.dumps({"original_sha256": gone}) + "\n")

    report = take(dataset, sha256=gone)

    assert report.left == (
        "exports/from-a-friend: the ledger does not know this export; look into it and remove it by hand",
    )
    assert [path.name for path in unknown.iterdir()] == ["MANIFEST.jsonl"]


def test_verify_names_all_that_is_left(dataset):
    gone, *_ = shas_of(dataset)
    dataset.export()
    with open_ledger(dataset.workspace, write=True) as con:
        row = TakedownRow(sha256=gone, reason="asked", requested_by="me", request="r1", matched="its sha256")
        write_takedowns(con, [row])

    told = verify(dataset.workspace, progress=SilentProgress())

    assert {(found.kind, found.what) for found in told.differences} == {
        (kind, "was taken down, and is still here") for kind in ("original", "derived", "export")
    }


def test_what_a_killed_crawl_left_uningested_is_found(dataset, photograph):
    """Sighted in a journal that nobody sealed; and bytes on the disk that no journal speaks of."""
    sha256, lone = dataset.meet(40, creator="Anna Atkins"), photograph(41)
    (item, body, *_) = dataset.met[0]
    header = RunHeader(
        run_id="20260102T030405-fins-abc123",
        source="fins",
        spider="gallery",
        config_digest="c0ffee",
        code_version="0.1.0",
        started_at="2026-01-02T03:04:05Z",
    )
    store, found = Store(dataset.workspace.root), fingerprint(body, max_pixels=10**7)
    lone_sha256 = hashlib.sha256(lone).hexdigest()
    store.put(lone, lone_sha256, "jpg")
    writer = JournalWriter.open(dataset.workspace.journal, header)
    writer.append(
        Sighting(
            run_id=header.run_id,
            seq=0,
            source="fins",
            item=item,
            outcome=Outcome.STORED,
            fetched_at="2026-01-02T03:04:06Z",
            sha256=sha256,
            path=store.put(body, sha256, "jpg"),
            fingerprint=found,
        )
    )
    writer.close(None)

    by_creator = take(dataset, creator="Anna Atkins", near=None)
    by_digest = take(dataset, sha256=lone_sha256, near=None)

    assert (len(by_creator.removed.originals), len(by_digest.removed.originals)) == (1, 1)
    assert places(dataset, sha256) == places(dataset, lone_sha256) == []
