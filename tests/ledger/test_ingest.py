from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harvest.errors import LedgerError
from harvest.items import Outcome, Signal
from harvest.journal import JournalWriter, sealed_segments, verify_run
from harvest.ledger import (
    finish_run,
    images,
    ingest_all,
    ingest_segment,
    last_run,
    open_ledger,
    opt_outs,
    runs,
    sightings_of,
    start_run,
)
from harvest.workspace import Workspace
from tests.ledgers import begun

LEAF = hashlib.sha256(b"leaf").hexdigest()
AI = Signal(kind="iptc", value="trainedAlgorithmicMedia", where="XMP")
ROBOTS = Signal(kind="robots", value="disallow", where="https://gallery.museum.test/robots.txt")


def everything(workspace: Workspace) -> dict[str, list[tuple]]:
    """All rows that come from journals, but for the time at which they came."""
    selects = {
        "sightings": "SELECT * REPLACE (epoch_us(fetched_at) AS fetched_at) FROM sightings ORDER BY run_id, seq",
        "images": "SELECT * REPLACE (epoch_us(first_seen) AS first_seen) FROM images ORDER BY sha256",
        "segments": "SELECT run_id, segment, digest, sightings FROM segments ORDER BY ALL",
        "runs": "SELECT run_id, source, outcome, journal_digest FROM runs ORDER BY ALL",
    }
    with open_ledger(workspace) as con:
        return {table: con.execute(statement).fetchall() for table, statement in selects.items()}


def test_a_sighting_becomes_a_row_and_its_picture_another(workspace, sighting, journalled):
    seen = sighting(
        0,
        page_url="https://gallery.museum.test/fins",
        title="A fin, «très» fine",
        description="Line one\nline two",
        tags=("fin", "ray"),
        creator="A. Maker",
        license="CC0-1.0",
        license_raw="No rights reserved",
        published_at="1901",
        etag='"e1"',
        signals=(AI,),
        opt_out=(AI, ROBOTS),
        raw={"views": 3, "sizes": [{"w": None}]},
    )
    (segment,) = journalled([seen])
    with open_ledger(workspace, write=True) as con:
        assert ingest_segment(con, segment.path) == 1
        (row,) = sightings_of(con, LEAF)
        (image,) = images(con)

    item = seen.item
    for name in ("source_id", "image_url", "page_url", "title", "description", "tags", "creator", "creator_url"):
        assert getattr(row, name) == getattr(item, name), name
    assert (row.license, row.license_url, row.license_raw) == ("CC0-1.0", None, "No rights reserved")
    assert (row.run_id, row.seq, row.outcome, row.published_at) == (seen.run_id, 0, Outcome.STORED, "1901")
    assert (row.fetched_at, row.http_status, row.etag) == ("2026-01-02T03:00:00.000000Z", 200, '"e1"')
    assert row.opt_out == (AI, ROBOTS), "the page's word and the answer's, each once"
    assert row.raw == item.raw

    assert (image.sha256, image.path, image.first_seen) == (LEAF, seen.path, row.fetched_at)
    assert image.phash == seen.fingerprint.phash > 2**63
    assert (image.width, image.height, image.sharpness) == (640, 480, 0.25)
    assert (image.digital_source_type, image.data_mining) == (None, None)


def test_refused_failed_and_broken_ones_are_rows_without_a_picture(workspace, sighting, journalled):
    journalled(
        [
            sighting(0, picture=None, reason="robots: /private"),
            sighting(1, picture=None, outcome=Outcome.GONE, http_status=404),
            sighting(2, picture="torn", outcome=Outcome.BROKEN, reason="truncated"),
        ]
    )
    assert ingest_all(workspace) == 3
    with open_ledger(workspace) as con:
        rows = con.execute("SELECT outcome, reason, http_status, sha256 FROM sightings ORDER BY seq").fetchall()
        assert images(con) == []
    assert rows == [
        ("refused", "robots: /private", None, None),
        ("gone", None, 404, None),
        ("broken", "truncated", 200, hashlib.sha256(b"torn").hexdigest()),
    ]


def test_the_same_bytes_elsewhere_are_a_sighting_of_the_same_image(workspace, sighting, journalled):
    journalled([sighting(0), sighting(1, outcome=Outcome.KNOWN), sighting(2, picture="shell")])
    ingest_all(workspace)
    with open_ledger(workspace) as con:
        assert len(images(con)) == 2
        assert [row.image_url[-5:] for row in sightings_of(con, LEAF)] == ["0.jpg", "1.jpg"]


def test_an_image_was_first_seen_when_its_oldest_sighting_was(workspace, sighting, journalled):
    late, early = journalled(
        [sighting(0, fetched_at="2026-03-01T00:00:00Z")],
        [sighting(1, outcome=Outcome.KNOWN, fetched_at="2026-02-01T01:00:00+01:00")],
    )
    with open_ledger(workspace, write=True) as con:
        for segment in (late, early):
            ingest_segment(con, segment.path)
        assert [image.first_seen for image in images(con)] == ["2026-02-01T00:00:00.000000Z"]


PICTURES = st.lists(st.sampled_from(["leaf", "shell", "key", None]), min_size=1, max_size=4)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    crawls=st.lists(st.lists(PICTURES, min_size=1, max_size=3), min_size=1, max_size=2),
    order=st.randoms(use_true_random=False),
)
def test_segments_in_any_order_and_any_number_of_times_make_the_same_ledger(crawls, order, sighting, header):
    with tempfile.TemporaryDirectory() as folder:
        straight, shuffled = begun(Path(folder)), begun(Path(folder, "shuffled"))
        for number, segments in enumerate(crawls):
            run_id = f"run-{number}"
            with JournalWriter.open(straight.journal, header(run_id=run_id)) as writer:
                for pictures in segments:
                    for picture in pictures:
                        writer.append(sighting(writer.next_seq, picture, run_id=run_id))
                    writer.seal()
                writer.close()
        assert ingest_all(straight) == sum(len(pictures) for segments in crawls for pictures in segments)
        assert ingest_all(straight) == 0

        paths = sorted(straight.journal.rglob("*.jsonl"))
        paths += order.choices(paths, k=3)
        order.shuffle(paths)
        with open_ledger(shuffled, write=True) as con:
            for path in paths:
                ingest_segment(con, path)
            for number in range(len(crawls)):
                finish_run(
                    con, f"run-{number}", "finished", sealed_segments(straight.journal / f"run-{number}")[-1].digest
                )
        assert everything(shuffled) == everything(straight)


# The same bytes, read by two versions of the program, some of which state a sha1; moments coincide.
READINGS = st.tuples(
    st.sampled_from(["leaf", "shell"]), st.sampled_from(["phash-1", "phash-2"]), st.booleans(), st.integers(0, 2)
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    readings=st.lists(READINGS, min_size=2, max_size=8),
    cuts=st.sets(st.integers(1, 7)),
    order=st.randoms(use_true_random=False),
)
def test_where_segments_are_cut_and_which_comes_first_makes_no_difference(readings, cuts, order, sighting, header):
    met = []
    for seq, (picture, version, has_sha1, minute) in enumerate(readings):
        plain = sighting(seq, picture)
        sha1 = hashlib.sha1(picture.encode()).hexdigest() if has_sha1 else None
        found = replace(plain.fingerprint, phash_version=version, sha1=sha1)
        met.append(replace(plain, fingerprint=found, fetched_at=f"2026-01-02T03:0{minute}:00Z"))
    with tempfile.TemporaryDirectory() as folder:
        whole, cut = begun(Path(folder, "whole")), begun(Path(folder, "cut"))
        for workspace, ends in ((whole, set()), (cut, cuts)):
            with JournalWriter.open(workspace.journal, header()) as writer:
                for each in met:
                    writer.append(each)
                    if writer.next_seq in ends:
                        writer.seal()
                writer.close()
        ingest_all(whole)
        paths = sorted(cut.journal.rglob("*.jsonl"))
        order.shuffle(paths)
        with open_ledger(cut, write=True) as con:
            for path in paths:
                ingest_segment(con, path)

        one, other = everything(whole), everything(cut)
        assert (one["images"], one["sightings"]) == (other["images"], other["sightings"])


# What a kill may leave behind


def test_a_run_that_lives_is_taken_as_far_as_it_is_sealed(workspace, sighting, header):
    with JournalWriter.open(workspace.journal, header()) as writer:
        writer.append(sighting(0))
        writer.seal()
        writer.append(sighting(1))
        assert ingest_all(workspace) == 1
        writer.append(sighting(2))
        writer.close()
    assert ingest_all(workspace) == 2


def test_the_open_end_of_a_dead_run_counts_and_is_not_doubled_when_the_run_goes_on(workspace, sighting, header):
    with JournalWriter.open(workspace.journal, header()) as writer:
        writer.append(sighting(0))
        writer.append(sighting(1))
    with (workspace.journal / header().run_id / "000001.jsonl").open("ab") as file:
        file.write(b'{"run_id": "torn')
    assert ingest_all(workspace) == 2
    assert ingest_all(workspace) == 0

    with JournalWriter.open(workspace.journal, header()) as writer:
        assert writer.next_seq == 2
        writer.append(sighting(2))
        writer.close()
    assert ingest_all(workspace) == 1
    with open_ledger(workspace) as con:
        assert con.execute("SELECT list(seq ORDER BY seq) FROM sightings").fetchall() == [([0, 1, 2],)]


CRAWLS_UNTIL_KILLED = """
import json, sys
from pathlib import Path
from harvest.items import ImageItem, Outcome, Sighting
from harvest.journal import JournalWriter, RunHeader
from harvest.ledger import ingest_segment, open_ledger
from harvest.workspace import Workspace

workspace, header = Workspace(Path(sys.argv[1])), RunHeader(**json.loads(sys.argv[2]))
with JournalWriter.open(workspace.journal, header) as writer:
    while True:
        for _ in range(3):
            seq = writer.next_seq
            item = ImageItem(source_id=str(seq), image_url=f"https://gallery.museum.test/{seq}.jpg")
            writer.append(Sighting(run_id=header.run_id, seq=seq, source="fins", item=item, outcome=Outcome.REFUSED))
            print(seq, flush=True)
        segment = writer.seal()
        with open_ledger(workspace, write=True) as con:
            ingest_segment(con, segment.path)
"""


def test_kill_9_while_journals_are_written_and_ingested_loses_nothing_and_doubles_nothing(workspace, header):
    command = [sys.executable, "-c", CRAWLS_UNTIL_KILLED, str(workspace.root), json.dumps(asdict(header()))]
    acknowledged = -1
    for lines in (7, 4, 11, 2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(lines):
                acknowledged = int(process.stdout.readline())
            process.kill()
            told = [int(line) for line in process.stdout if line.endswith("\n")]
        acknowledged = max([acknowledged, *told])
        ingest_all(workspace)
        with open_ledger(workspace) as con:
            ((seqs,),) = con.execute("SELECT list(seq ORDER BY seq) FROM sightings").fetchall()
        assert seqs == list(range(len(seqs)))
        assert len(seqs) > acknowledged
    assert verify_run(workspace.journal / header().run_id).difference is None


# Runs


def test_a_run_is_begun_once_and_ends_once(workspace, header):
    with open_ledger(workspace, write=True) as con:
        assert last_run(con, "fins") is None
        start_run(con, header())
        start_run(con, header())
        (run,) = runs(con)
        assert (run.started_at, run.finished_at, run.outcome) == ("2026-01-02T03:04:05.000000Z", None, None)
        finish_run(con, run.run_id, "finished", "d1ge57", "2026-01-02T04:00:00Z")
        run = last_run(con, "fins")
    assert (run.outcome, run.journal_digest, run.finished_at) == ("finished", "d1ge57", "2026-01-02T04:00:00.000000Z")


def test_a_run_whose_end_the_ledger_missed_is_ended_from_its_journal(workspace, sighting, journalled):
    (segment,) = journalled([sighting(0)], outcome="refused")
    ingest_all(workspace)
    with open_ledger(workspace) as con:
        run = last_run(con, "fins")
    assert (run.outcome, run.journal_digest) == ("refused", segment.digest)


def test_a_ledger_that_was_lost_is_made_again_from_the_journals(workspace, sighting, journalled):
    journalled([sighting(0)], [sighting(1, picture="shell")], outcome="finished")
    ingest_all(workspace)
    before = everything(workspace)
    workspace.ledger.unlink()
    assert ingest_all(workspace) == 2
    assert everything(workspace) == before


def test_nothing_to_ingest_makes_no_ledger(workspace):
    assert ingest_all(workspace) == 0
    assert not workspace.ledger.exists()


# What is refused


def test_a_segment_that_was_changed_is_refused_whole(workspace, sighting, journalled):
    (segment,) = journalled([sighting(0), sighting(1, picture="shell", creator="Maker")])
    segment.path.write_bytes(segment.path.read_bytes().replace(b"Maker", b"Taker"))
    with open_ledger(workspace, write=True) as con:
        with pytest.raises(LedgerError) as caught:
            ingest_segment(con, segment.path)
        assert str(caught.value) == f"{segment.path}: differs from its seal; see `harvest verify`"
        assert (images(con), runs(con)) == ([], [])


def test_another_segment_under_a_known_number_is_refused(workspace, sighting, journalled):
    journalled([sighting(0)])
    ingest_all(workspace)
    for path in (workspace.journal).glob("*/*"):
        path.unlink()
    (segment,) = journalled([sighting(0, picture="shell")])
    with pytest.raises(LedgerError) as caught:
        ingest_all(workspace)
    assert str(caught.value) == (
        f"{segment.path}: differs from the segment that the ledger holds; see `harvest verify`"
    )


def test_an_open_segment_is_refused(workspace, sighting, header):
    with JournalWriter.open(workspace.journal, header()) as writer, open_ledger(workspace, write=True) as con:
        writer.append(sighting(0))
        with pytest.raises(LedgerError, match=r"000001\.jsonl: not sealed yet"):
            ingest_segment(con, writer.folder / "000001.jsonl")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"fetched_at": "yesterday"}, "yesterday"),
        ({"http_status": "fine"}, "fine"),
        ({"source": None}, "NOT NULL constraint failed"),
    ],
)
def test_a_line_that_fits_no_row_takes_nothing_of_its_segment_in(workspace, sighting, journalled, changes, complaint):
    (segment,) = journalled([sighting(0), sighting(1, **changes)])
    with open_ledger(workspace, write=True) as con:
        with pytest.raises(LedgerError, match=complaint) as caught:
            ingest_segment(con, segment.path)
        assert str(caught.value).startswith(f"{segment.path}: cannot be taken into the ledger: ")
        assert con.execute("SELECT count(*) FROM sightings").fetchall() == [(0,)]
        assert con.execute("SELECT count(*) FROM segments").fetchall() == [(0,)]


def test_awkward_text_arrives_to_the_letter(workspace, sighting, journalled):
    title = "quotes ' \" \\ nul \x00 tab \t para \u2029 \U0001f41f"
    journalled([sighting(0, title=title, tags=("", "a,b", "[c]"), raw={"né": {"'": ["\u2028"]}})])
    ingest_all(workspace)
    with open_ledger(workspace) as con:
        (row,) = sightings_of(con, LEAF)
    assert (row.title, row.tags, row.raw) == (title, ("", "a,b", "[c]"), {"né": {"'": ["\u2028"]}})


def test_a_workspace_with_a_name_like_a_pattern_is_read_all_the_same(tmp_path, sighting, header):
    workspace = Workspace(tmp_path / "fins [a-z]* '")
    with JournalWriter.open(workspace.journal, header()) as writer:
        writer.append(sighting(0, signals=(ROBOTS,)))
        writer.close()
    assert ingest_all(workspace) == 1
    with open_ledger(workspace) as con:
        assert opt_outs(con) == {LEAF: [ROBOTS]}


def test_ingesting_twenty_thousand_sightings_takes_seconds(workspace, sighting, header):
    with JournalWriter.open(workspace.journal, header()) as writer:
        for seq in range(20_000):
            writer.append(sighting(seq, str(seq)))
        writer.close()
    began = time.process_time()
    assert ingest_all(workspace) == 20_000
    assert time.process_time() - began < 20
