"""A payload can be taken out of kept evidence, and nothing else changes."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from harvest.evidence import Capture, Unwanted, WarcWriter, held_payloads, missing_records, pack, read_record, scrub_run
from harvest.evidence.scrub import REMOVED
from harvest.items import EvidenceRef
from harvest.workspace import Workspace

RUN = "20261122T100000-fins-abc"


def written(workspace: Workspace, *bodies: bytes, rotate_at: int = 1 << 20, **changes) -> list[EvidenceRef]:
    writer = WarcWriter(workspace.evidence / RUN, {"software": "trial"}, rotate_at=rotate_at)
    refs = []
    for number, body in enumerate(bodies):
        said = {"url": f"https://museum.example/{number}", "body": body, "headers": (("Content-Type", "image/jpeg"),)}
        made = Capture(method="GET", protocol="HTTP/1.1", asked=(), sent=b"", status=200, **{**said, **changes})
        name, offset, record = writer.add(made)
        refs.append(EvidenceRef(role="image", file=f"evidence/{RUN}/{name}", offset=offset, record=record))
    writer.close()
    return refs


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def contents(folder: Path) -> list[tuple[str, bytes]]:
    """Kind and payload of every record; warcio compares the digests that the file states."""
    found = []
    for path in sorted(folder.glob("*.warc.gz")):
        with path.open("rb") as file:
            found += [(r.rec_type, r.raw_stream.read()) for r in ArchiveIterator(file, check_digests="raise")]
    return found


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_the_payload_goes_and_all_offsets_hold(workspace):
    bodies = [os.urandom(size) for size in (20_000, 150_000, 3_000)]
    refs = written(workspace, *bodies)
    folder = workspace.evidence / RUN
    before = (folder / "000001.warc.gz").stat().st_size

    done = scrub_run(folder, Unwanted(digests={sha(bodies[1])}))

    assert (done.files, done.records) == (["000001.warc.gz"], [refs[1].record])
    assert (folder / "000001.warc.gz").stat().st_size == before
    assert bodies[1][100:200] not in (folder / "000001.warc.gz").read_bytes()
    assert list(missing_records(workspace, refs)) == []
    assert [read_record(workspace, ref).body for ref in refs] == [bodies[0], b"", bodies[2]]
    bare = read_record(workspace, refs[1])
    assert (bare.kind, bare.status, bare.field("WARC-Target-URI")) == ("response", 200, "https://museum.example/1")
    assert bare.headers == (("Content-Type", "image/jpeg"),)
    assert (bare.field("WARC-Truncated"), bare.field(REMOVED)) == ("unspecified", f"sha256:{sha(bodies[1])}")
    kinds = [kind for kind, _ in contents(folder)]
    assert kinds == ["warcinfo", *["response", "request"] * 3]


def test_the_second_time_there_is_nothing_to_do(workspace):
    [ref] = written(workspace, b"a picture" * 100)
    folder, unwanted = workspace.evidence / RUN, Unwanted(records={ref.record})
    assert [record for _, _, record in held_payloads(folder, unwanted)] == [ref.record]
    scrub_run(folder, unwanted)
    stamp = (folder / "000001.warc.gz").stat().st_mtime_ns

    assert scrub_run(folder, unwanted).records == []
    assert list(held_payloads(folder, unwanted)) == []
    assert (folder / "000001.warc.gz").stat().st_mtime_ns == stamp


def test_a_record_of_a_compressed_answer_is_named_by_its_id(workspace):
    """A digest of what the server sent compressed is not the picture's."""
    refs = written(workspace, b"gzip of a picture" * 20, b"another" * 20)

    scrub_run(workspace.evidence / RUN, Unwanted(records={refs[0].record}))

    assert [read_record(workspace, ref).body for ref in refs] == [b"", b"another" * 20]


def test_later_copies_that_refer_to_the_first_stay_found(workspace):
    body = os.urandom(5_000)
    refs = written(workspace, body, body)

    scrub_run(workspace.evidence / RUN, Unwanted(digests={sha(body)}))

    first, second = (read_record(workspace, ref) for ref in refs)
    assert (first.kind, first.body, second.kind) == ("response", b"", "revisit")
    assert second.field("WARC-Refers-To") == refs[0].record


def test_a_package_is_packed_anew(workspace):
    bodies = [os.urandom(9_000) for _ in range(4)]
    refs = written(workspace, *bodies, rotate_at=10_000)
    folder = workspace.evidence / RUN
    package = pack(folder, title="fins", software="trial/1")
    assert package is not None

    done = scrub_run(folder, Unwanted(digests={sha(bodies[2])}))

    assert (done.files, done.records) == ([package.name], [refs[2].record])
    assert [path.name for path in folder.iterdir()] == [package.name]
    assert [read_record(workspace, ref).body for ref in refs] == [*bodies[:2], b"", bodies[3]]
    with zipfile.ZipFile(package) as archive:
        assert archive.testzip() is None
        assert b'"title": "fins"' in archive.read("datapackage.json")
        assert sha(bodies[2]).encode() not in archive.read("indexes/index.cdx")
        assert archive.read("indexes/index.cdx").count(b"\n") == 4


def test_a_package_that_a_kill_left_half_unpacked_is_finished(workspace):
    bodies = [os.urandom(9_000) for _ in range(3)]
    refs = written(workspace, *bodies, rotate_at=10_000)
    folder, unwanted = workspace.evidence / RUN, Unwanted(digests={sha(bodies[0])})
    package = pack(folder, title="fins", software="trial/1")
    assert package is not None
    with zipfile.ZipFile(package) as archive:  # the first of its files is out and has lost its payload already
        (folder / "000001.warc.gz").write_bytes(archive.read("archive/000001.warc.gz"))
    held = package.read_bytes()
    scrub_run(folder, unwanted)
    (scrubbed := folder / "000001.warc.gz").write_bytes(zipfile.ZipFile(package).read("archive/000001.warc.gz"))
    package.write_bytes(held)
    assert list(held_payloads(folder, unwanted)) != []

    scrub_run(folder, unwanted)

    assert not scrubbed.exists()
    assert list(held_payloads(folder, unwanted)) == []
    assert [read_record(workspace, ref).body for ref in refs] == [b"", *bodies[1:]]


@given(st.lists(st.binary(min_size=30, max_size=400), min_size=1, max_size=6, unique=True), st.data())
def test_whatever_goes_the_rest_stays(tmp_path_factory, bodies, data):
    workspace = Workspace(tmp_path_factory.mktemp("evidence"))
    refs = written(workspace, *bodies, rotate_at=data.draw(st.sampled_from([200, 1 << 20])))
    gone = data.draw(st.sets(st.sampled_from(bodies)))

    scrub_run(workspace.evidence / RUN, Unwanted(digests={sha(body) for body in gone}))

    assert list(missing_records(workspace, refs)) == []
    assert [read_record(workspace, ref).body for ref in refs] == [b"" if body in gone else body for body in bodies]
