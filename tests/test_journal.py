from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.errors import LedgerBusy, LedgerError
from harvest.items import Fingerprint, ImageItem, Outcome, Sighting, Signal
from harvest.journal import (
    JournalWriter,
    RunHeader,
    from_json,
    read_end,
    read_header,
    read_segment,
    run_folders,
    seal_dead,
    sealed_segments,
    sighting_at,
    to_json,
    unfinished,
    verify_run,
)
from harvest.journal.records import line_of
from tests.patience import wait_until

HEADER = RunHeader(
    run_id="20260102T030405-fins-abc123",
    source="fins",
    spider="gallery",
    config_digest="c0ffee",
    code_version="0.1.0",
    started_at="2026-01-02T03:04:05Z",
)
FINGERPRINT = Fingerprint(
    sha256="ab" * 32,
    bytes=1000,
    format="JPEG",
    width=640,
    height=480,
    mode="RGB",
    frames=1,
    phash=2**64 - 1,
    phash_version="phash-1",
    sharpness=0.25,
    entropy=7.5,
    brightness=0.5,
)


def seen(seq: int, **item: object) -> Sighting:
    values = {"source_id": f"id-{seq}", "image_url": f"https://gallery.museum.test/{seq}.jpg"} | item
    return Sighting(
        run_id=HEADER.run_id,
        seq=seq,
        source="fins",
        item=ImageItem(**values),
        outcome=Outcome.REFUSED,
        reason="robots: /private",
    )


def journal_of(root, *segments: int, outcome: str | None = None):
    """A journal with so many sightings in each segment, and its folder."""
    with JournalWriter.open(root, HEADER) as writer:
        for count in segments:
            for _ in range(count):
                writer.append(seen(writer.next_seq))
            writer.seal()
        writer.close(outcome)
    return root / HEADER.run_id


def add(path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


# What a process of its own begins with, for the tests that kill it or take its disk away.
A_WRITER = """
import json, sys
from pathlib import Path
from harvest.items import ImageItem, Outcome, Sighting
from harvest.journal import JournalWriter, RunHeader

header = RunHeader(**json.loads(sys.argv[2]))
writer = JournalWriter.open(Path(sys.argv[1]), header)

def append():
    seq = writer.next_seq
    item = ImageItem(source_id=f"id-{seq}", image_url=f"https://gallery.museum.test/{seq}.jpg")
    writer.append(Sighting(run_id=header.run_id, seq=seq, source="fins", item=item, outcome=Outcome.REFUSED))
"""


def command(script: str, root) -> list[str]:
    return [sys.executable, "-c", A_WRITER + script, str(root), json.dumps(asdict(HEADER))]


# A line


def test_a_sighting_survives_json_whole():
    signals = (Signal(kind="iptc", value="trainedAlgorithmicMedia", where="XMP"),)
    sighting = replace(
        seen(7, tags=("ray", "fïn"), signals=signals, raw={"views": 3, "nested": [{"a": None}]}),
        outcome=Outcome.STORED,
        opt_out=signals,
        sha256=FINGERPRINT.sha256,
        path="originals/ab/x.jpg",
        fetched_at="2026-01-02T03:04:06Z",
        fingerprint=FINGERPRINT,
    )
    assert from_json(json.loads(line_of(to_json(sighting)))) == sighting


@given(st.text(), st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.booleans())))
def test_any_text_a_page_may_hold_stays_on_one_line_and_comes_back(title, raw):
    line = line_of(to_json(seen(0, title=title, raw=raw)))
    assert line.count(b"\n") == 1
    assert from_json(json.loads(line)) == seen(0, title=title, raw=raw)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("half a pair: \ud83d", "half a pair: \ufffd"),
        ("a pair in two halves: \ud83d\ude00", "a pair in two halves: \U0001f600"),
        (float("nan"), None),
        ({1}, [1]),
        (b"bytes", "b'bytes'"),
        ({("a", "tuple"): 1}, {"('a', 'tuple')": 1}),
        (True, True),
    ],
)
def test_what_json_cannot_say_is_replaced_and_stops_no_crawl(value, kept):
    assert json.loads(line_of(to_json(seen(0, raw={"it": value}))))["item"]["raw"]["it"] == kept


# Writing and sealing


def test_lines_are_with_the_system_when_append_returns(tmp_path):
    with JournalWriter.open(tmp_path, HEADER) as writer:
        writer.append(seen(0))
        (path,) = writer.folder.glob("*.jsonl")
        assert [sighting.seq for sighting in read_segment(path)] == [0]


def test_a_line_is_found_again_by_its_place(tmp_path):
    with JournalWriter.open(tmp_path, HEADER) as writer:
        places = [writer.append(seen(0)), writer.append(seen(1))]
        writer.seal()
        places.append(writer.append(seen(2)))
        assert [sighting_at(*place) for place in places] == [seen(0), seen(1), seen(2)]
        path, offset = places[1]
        with pytest.raises(LedgerError, match=f"no journal line at byte {offset + 1}"):
            sighting_at(path, offset + 1)


def test_a_journal_of_the_first_version_can_be_read(tmp_path):
    folder = journal_of(tmp_path, 1)
    header = json.loads((folder / "run.json").read_text())
    del header["crawl_id"]
    (folder / "run.json").write_text(json.dumps(header))
    assert read_header(folder) == HEADER


def test_seals_are_chained_and_the_last_answers_for_the_run(tmp_path):
    folder = journal_of(tmp_path, 2, 1, outcome="finished")
    first, second = sealed_segments(folder)
    assert (first.number, first.sightings, first.previous) == (1, 2, "")
    assert (second.number, second.sightings, second.previous) == (2, 1, first.digest)
    end = read_end(folder)
    assert (end.outcome, end.head) == ("finished", second.digest)
    found = verify_run(folder)
    assert (found.segments, found.sightings, found.unsealed, found.head) == (2, 3, 0, second.digest)
    assert found.difference is None


def test_nothing_to_seal_makes_no_file(tmp_path):
    with JournalWriter.open(tmp_path, HEADER) as writer:
        assert writer.seal() is None
        assert writer.close() == ""
    assert sorted(path.name for path in (tmp_path / HEADER.run_id).iterdir()) == ["finished.json", "run.json"]
    assert verify_run(tmp_path / HEADER.run_id).difference is None


def test_a_sighting_of_another_run_or_out_of_turn_is_not_written(tmp_path):
    with JournalWriter.open(tmp_path, HEADER) as writer:
        with pytest.raises(ValueError, match=r"expected run .* and seq 0, got .* and 1"):
            writer.append(seen(1))
        with pytest.raises(ValueError, match="got other and 0"):
            writer.append(replace(seen(0), run_id="other"))
        with pytest.raises(ValueError, match="needs `path`"):
            writer.append(replace(seen(0), fingerprint=FINGERPRINT))
        with pytest.raises(ValueError, match="is a whole page in it"):
            writer.append(seen(0, description="x" * 9_000_000))
        assert writer.next_seq == 0
        assert list(writer.folder.glob("*.jsonl")) == []


FILLS_ITS_DISK = """
import resource, signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
append()
size = (writer.folder / "000001.jsonl").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, size + 5000))
try:
    append()
except OSError as error:
    print(error.strerror)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5000, size + 5000))
append()
print(writer.next_seq)
"""


def test_a_full_disk_leaves_the_lines_before_it_whole(tmp_path):
    """A limit on the file's size stands for the full disk: it takes part of a line, too, and then no more."""
    done = subprocess.run(command(FILLS_ITS_DISK, tmp_path), capture_output=True, text=True, check=True)
    assert done.stdout == "No space left on device\n2\n"
    assert [sighting.seq for sighting in read_segment(tmp_path / HEADER.run_id / "000001.jsonl")] == [0, 1]


# Taking up again


def test_a_torn_last_line_is_dropped_and_the_run_goes_on(tmp_path):
    with JournalWriter.open(tmp_path, HEADER) as writer:
        writer.append(seen(0))
        writer.append(seen(1))
    path = tmp_path / HEADER.run_id / "000001.jsonl"
    add(path, line_of(to_json(seen(2)))[:40])

    told = []
    with JournalWriter.open(tmp_path, HEADER, seen=told.append) as writer:
        assert told == [seen(0), seen(1)]
        assert writer.next_seq == 2
        writer.append(seen(2))
        writer.close()
    assert [sighting.seq for sighting in read_segment(path)] == [0, 1, 2]
    assert verify_run(path.parent).difference is None


@pytest.mark.parametrize("kept", [0, 10, 60])
def test_a_torn_seal_is_no_seal(tmp_path, kept):
    folder = journal_of(tmp_path, 2)
    path = folder / "000001.jsonl"
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b'{"seal"') + kept])
    with JournalWriter.open(tmp_path, HEADER) as writer:
        writer.append(seen(2))
        segment = writer.seal()
    assert (segment.number, segment.sightings) == (1, 3)
    assert verify_run(folder).difference is None


def test_after_a_sealed_segment_a_new_one_begins(tmp_path):
    folder = journal_of(tmp_path, 2)
    told = []
    with JournalWriter.open(tmp_path, HEADER, seen=told.append) as writer:
        assert (writer.next_seq, len(told)) == (2, 2)
        writer.append(seen(2))
        writer.close()
    assert [segment.sightings for segment in sealed_segments(folder)] == [2, 1]
    assert verify_run(folder).difference is None


def test_the_end_of_a_dead_run_can_be_sealed_for_readers_and_the_run_taken_up_after(tmp_path):
    with JournalWriter.open(tmp_path, HEADER) as writer:
        writer.append(seen(0))
        assert seal_dead(writer.folder) is None, "a run that lives is left alone"
    folder = tmp_path / HEADER.run_id
    assert seal_dead(folder).sightings == 1
    assert seal_dead(folder) is None
    told = []
    with JournalWriter.open(tmp_path, HEADER, seen=told.append) as writer:
        assert told == [seen(0)]
        writer.append(seen(1))
        writer.close()
    found = verify_run(folder)
    assert (found.segments, found.sightings, found.unsealed, found.difference) == (2, 2, 0, None)


def test_only_an_unfinished_dead_run_of_the_same_config_is_found(tmp_path):
    assert unfinished(tmp_path, "fins", "c0ffee") is None
    with JournalWriter.open(tmp_path, HEADER) as writer:
        writer.append(seen(0))
        assert unfinished(tmp_path, "fins", "c0ffee") is None, "it lives"
    assert unfinished(tmp_path, "fins", "c0ffee") == HEADER
    assert unfinished(tmp_path, "fins", "decaf") is None
    assert unfinished(tmp_path, "shells", "c0ffee") is None
    JournalWriter.open(tmp_path, HEADER).close()
    assert unfinished(tmp_path, "fins", "c0ffee") is None, "it is finished"
    with pytest.raises(LedgerError, match="this run is finished"):
        JournalWriter.open(tmp_path, HEADER)


def test_the_newest_unfinished_run_is_taken(tmp_path):
    for day in ("20260102", "20260104", "20260103"):
        JournalWriter.open(tmp_path, replace(HEADER, run_id=f"{day}T000000-fins-0")).close(None)
    assert unfinished(tmp_path, "fins", "c0ffee").run_id == "20260104T000000-fins-0"
    assert [read_header(folder).run_id[:8] for folder in run_folders(tmp_path)] == ["20260102", "20260103", "20260104"]


def test_a_run_that_lives_is_not_taken_up_a_second_time(tmp_path):
    with JournalWriter.open(tmp_path, HEADER), pytest.raises(LedgerBusy, match="another process is writing this run"):
        JournalWriter.open(tmp_path, HEADER, wait=0.1)


def test_a_run_with_another_header_is_not_taken_up(tmp_path):
    JournalWriter.open(tmp_path, HEADER).close(None)
    with pytest.raises(LedgerError, match="belongs to another run"):
        JournalWriter.open(tmp_path, replace(HEADER, config_digest="decaf"))


def test_new_ids_sort_by_time_and_name_their_source():
    header = RunHeader.new(source="fins", spider="gallery", config_digest="c", code_version="0")
    stamp, source, salt = header.run_id.split("-")
    assert (len(stamp), source, len(salt)) == (15, "fins", 6)
    assert stamp == header.started_at.replace("-", "").replace(":", "").rstrip("Z")


# A real kill

WRITES_UNTIL_KILLED = """
while True:
    append()
    seq = writer.next_seq - 1
    if seq % 7 == 6:
        writer.seal()
    print(seq, flush=True)
"""
HAS_A_CHILD = """
import multiprocessing, time

child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
child.start()
print(child.pid, flush=True)
time.sleep(60)
"""


def killed_after(root, acknowledged: int) -> int:
    """Let a real process write, kill -9 it once it told of so many lines; the last number it told."""
    with subprocess.Popen(command(WRITES_UNTIL_KILLED, root), stdout=subprocess.PIPE, text=True) as process:
        last = next(number for number in map(int, process.stdout) if number >= acknowledged)
        process.kill()
        told = [int(line) for line in process.stdout if line.endswith("\n")]
    return max([last, *told])


def test_kill_9_loses_nothing_acknowledged_and_doubles_nothing(tmp_path):
    folder, goal = tmp_path / HEADER.run_id, 0
    for _ in range(4):
        last = killed_after(tmp_path, goal)
        header = unfinished(tmp_path, "fins", "c0ffee")
        assert header == HEADER
        with JournalWriter.open(tmp_path, header) as writer:
            assert last < writer.next_seq <= last + 2, "at most the line that was being acknowledged is more"
            goal = writer.next_seq + 20
    JournalWriter.open(tmp_path, HEADER).close()
    seqs = [sighting.seq for segment in sealed_segments(folder) for sighting in read_segment(segment.path)]
    assert seqs == list(range(len(seqs)))
    assert len(seqs) > 60
    assert verify_run(folder).difference is None


def test_a_child_that_outlives_its_killed_parent_does_not_keep_the_run(tmp_path):
    with subprocess.Popen(command(HAS_A_CHILD, tmp_path), stdout=subprocess.PIPE, text=True) as process:
        child = int(process.stdout.readline())
        assert unfinished(tmp_path, "fins", "c0ffee") is None, "it lives"
        process.kill()
        process.wait()
        try:
            # A child that was forked a moment ago has yet to let go of what it does not keep.
            wait_until(lambda: unfinished(tmp_path, "fins", "c0ffee") == HEADER)
            os.kill(child, 0)  # still there
        finally:
            os.kill(child, signal.SIGKILL)


# Verification


def damage(path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def test_a_changed_line_is_found(tmp_path):
    folder = journal_of(tmp_path, 2, 3, 1)
    damage(folder / "000002.jsonl", b"id-3", b"id-9")
    found = verify_run(folder)
    assert found.difference.startswith(f"{folder / '000002.jsonl'}:4: sealed as ")
    assert (found.segments, found.sightings) == (1, 2), "up to the difference"


def test_a_line_taken_out_is_found_where_it_was(tmp_path):
    folder = journal_of(tmp_path, 3)
    damage(folder / "000001.jsonl", line_of(to_json(seen(1))), b"")
    expected = f"{folder / '000001.jsonl'}:2: expected run {HEADER.run_id} and seq 1, got {HEADER.run_id} and 2"
    assert verify_run(folder).difference == expected


def test_a_line_that_is_none_is_found(tmp_path):
    folder = journal_of(tmp_path, 2)
    damage(folder / "000001.jsonl", b'{"run_id"', b'{"run_id')
    assert verify_run(folder).difference == f"{folder / '000001.jsonl'}:1: not a journal line"
    with pytest.raises(LedgerError, match=r"000001\.jsonl:1: not a journal line"):
        list(read_segment(folder / "000001.jsonl"))
    with pytest.raises(LedgerError, match=r"000001\.jsonl:1: not a journal line; see `harvest verify`"):
        JournalWriter.open(tmp_path, HEADER)


def test_a_segment_taken_out_is_found(tmp_path):
    folder = journal_of(tmp_path, 1, 1, 1)
    (folder / "000002.jsonl").unlink()
    assert verify_run(folder).difference == f"{folder / '000003.jsonl'}: segment 000002 is missing before it"


def test_an_end_taken_off_a_finished_run_is_found(tmp_path):
    folder = journal_of(tmp_path, 1, 1, outcome="finished")
    head = read_end(folder).head
    (folder / "000002.jsonl").unlink()
    assert verify_run(folder).difference == f"{folder / 'finished.json'}: expected the journal to end with seal {head}"


def test_a_segment_resealed_with_a_digest_of_its_own_breaks_the_chain(tmp_path):
    folder, other = journal_of(tmp_path / "a", 1, 1), journal_of(tmp_path / "b", 1)
    damage(other / "000001.jsonl", b"robots: /private", b"robots: /other")
    path = other / "000001.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    with JournalWriter.open(tmp_path / "b", HEADER) as writer:
        forged = writer.seal()
    (folder / "000001.jsonl").write_bytes(forged.path.read_bytes())
    found = verify_run(folder)
    assert found.difference.startswith(f"{folder / '000002.jsonl'}:2: sealed after ")
    assert found.head == forged.digest


def test_lines_behind_a_seal_and_a_missing_seal_are_found(tmp_path):
    behind = journal_of(tmp_path / "a", 1)
    add(behind / "000001.jsonl", b"more")
    assert verify_run(behind).difference == f"{behind / '000001.jsonl'}:2: 4 bytes follow the seal"

    unsealed = journal_of(tmp_path / "b", 1, 1)
    path = unsealed / "000001.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert verify_run(unsealed).difference == f"{path}:2: no seal, though segments follow"
    with pytest.raises(LedgerError, match="has no seal, though segments follow it"):
        JournalWriter.open(tmp_path / "b", HEADER)


def test_the_open_end_of_a_killed_run_is_no_difference(tmp_path):
    folder = journal_of(tmp_path, 2)
    with JournalWriter.open(tmp_path, HEADER) as writer:
        writer.append(seen(2))
    add(folder / "000002.jsonl", b'{"torn')
    found = verify_run(folder)
    assert (found.difference, found.sightings, found.unsealed) == (None, 3, 1)


def test_a_header_that_cannot_be_read_says_what_it_should_hold(tmp_path):
    folder = journal_of(tmp_path, 1)
    (folder / "run.json").write_text('{"run_id": "x"}')
    with pytest.raises(LedgerError, match=r"run\.json: expected a JSON object with run_id, source, spider"):
        verify_run(folder)
    (folder / "run.json").write_text("{")
    with pytest.raises(LedgerError, match=r"run\.json: cannot be read"):
        read_header(folder)
