"""WARC and WACZ files: what a kill leaves of them can be read, and every record is where it was said to be."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from harvest.evidence import Capture, WarcWriter, mend, missing_records, pack, read_record
from harvest.evidence.package import surt
from harvest.items import EvidenceRef
from harvest.workspace import Workspace

RUN = "20261122T100000-fins-abc"


def capture(number: int, body: bytes | None = None, media_type: str = "image/jpeg") -> Capture:
    return Capture(
        url=f"https://museum.example/{number}?size=full",
        method="GET",
        protocol="HTTP/1.1",
        asked=(("Host", "museum.example"), ("User-Agent", "herbarium-harvester")),
        sent=b"",
        status=200,
        headers=(("Content-Type", media_type), ("ETag", '"1"')),
        body=f"picture {number}".encode() * 50 if body is None else body,
    )


def written(workspace: Workspace, *captures: Capture, rotate_at: int = 1 << 20) -> list[EvidenceRef]:
    writer = WarcWriter(workspace.evidence / RUN, {"software": "trial"}, rotate_at=rotate_at)
    refs = []
    for made in captures:
        name, offset, record = writer.add(made)
        refs.append(EvidenceRef(role="image", file=f"evidence/{RUN}/{name}", offset=offset, record=record))
    writer.close()
    return refs


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_a_request_stands_behind_its_answer(workspace):
    [ref] = written(workspace, capture(1))

    with (workspace.root / ref.file).open("rb") as file:
        info, answer, request = (
            (record.rec_type, dict(record.rec_headers.headers)) for record in ArchiveIterator(file)
        )

    assert (info[0], answer[0], request[0]) == ("warcinfo", "response", "request")
    assert request[1]["WARC-Concurrent-To"] == answer[1]["WARC-Record-ID"] == ref.record
    assert answer[1]["WARC-Warcinfo-ID"] == info[1]["WARC-Record-ID"]
    assert request[1]["WARC-Target-URI"] == answer[1]["WARC-Target-URI"]


def test_the_request_line_has_path_and_query(workspace):
    [ref] = written(workspace, capture(1))

    with (workspace.root / ref.file).open("rb") as file:
        *_, line = (record.http_headers and record.http_headers.statusline for record in ArchiveIterator(file))

    assert line == "/1?size=full HTTP/1.1"


def test_a_page_that_a_browser_rendered_is_a_resource(workspace):
    page = Capture(**{name: getattr(capture(1, b"<p>", "text/html"), name) for name in _FIELDS} | {"is_rendered": True})

    [ref] = written(workspace, page)

    found = read_record(workspace, ref)
    assert (found.kind, found.body, found.field("Content-Type")) == ("resource", b"<p>", "text/html")


_FIELDS = tuple(Capture.__dataclass_fields__)


def test_the_newest_file_goes_on_where_an_older_one_is_full(workspace):
    refs = written(workspace, *(capture(number) for number in range(5)), rotate_at=1500)

    assert len({ref.file for ref in refs}) > 1
    assert [read_record(workspace, ref).body for ref in refs] == [capture(number).body for number in range(5)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, list[EvidenceRef]]:
    workspace = Workspace(tmp_path_factory.mktemp("whole"))
    return workspace, written(workspace, *(capture(number) for number in range(4)))


@given(share=st.floats(0, 1), rubbish=st.binary(max_size=40))
def test_a_torn_file_keeps_all_its_whole_records_and_takes_more(whole, tmp_path_factory, share, rubbish):
    original, refs = whole
    torn = Workspace(tmp_path_factory.mktemp("torn"))
    shutil.copytree(original.root, torn.root, dirs_exist_ok=True)
    path = torn.root / refs[0].file
    content = path.read_bytes()
    kept = content[: int(share * len(content))]
    path.write_bytes(kept + rubbish)

    [later] = written(torn, capture(9))

    assert read_record(torn, later).body == capture(9).body
    lost = {ref.offset for ref, _ in missing_records(torn, refs)}
    ends = [ref.offset for ref in refs[1:]] + [len(content)]
    for ref, end in zip(refs, ends, strict=True):
        if len(kept) >= end:
            assert read_record(torn, ref).status == 200
        if len(kept) <= ref.offset and path.exists():
            assert ref.offset in lost
    if path.exists():
        with path.open("rb") as file:
            assert next(iter(ArchiveIterator(file))).rec_type == "warcinfo"
        assert mend(path) == 0


@given(st.lists(st.sampled_from([b"", b"a", b"bb", b"ccc"]), min_size=1, max_size=8))
def test_every_payload_is_kept_once_and_found_from_each_record(tmp_path_factory, bodies):
    workspace = Workspace(tmp_path_factory.mktemp("revisits"))

    refs = written(workspace, *(capture(number, body) for number, body in enumerate(bodies)))

    holders: dict[str, bytes] = {}
    for ref, body in zip(refs, bodies, strict=True):
        found = read_record(workspace, ref)
        if found.kind == "response":
            holders[ref.record] = found.body
        kept = holders[found.field("WARC-Refers-To") or ref.record]
        assert kept == body
        assert dict(found.headers)["Content-Type"] == "image/jpeg"
    full = [body for body in holders.values() if body]
    assert len(full) == len(set(full))


def test_a_packed_record_is_still_where_it_was(workspace):
    refs = written(workspace, *(capture(number) for number in range(6)), rotate_at=1500)

    wacz = pack(workspace.evidence / RUN, title="fins", software="trial")

    assert wacz == workspace.evidence / RUN / f"{RUN}.wacz"
    assert [path.name for path in wacz.parent.iterdir()] == [wacz.name]
    assert [read_record(workspace, ref).body for ref in refs] == [capture(number).body for number in range(6)]
    assert list(missing_records(workspace, refs)) == []


def test_nothing_is_packed_where_nothing_was_kept(workspace):
    (workspace.evidence / RUN).mkdir(parents=True)

    assert pack(workspace.evidence / RUN, title="fins", software="trial") is None


def test_a_package_that_is_not_finished_leaves_the_files(workspace):
    [ref] = written(workspace, capture(1))
    (workspace.evidence / RUN / "000002.warc.gz").write_bytes(b"no archive at all")

    with pytest.raises(ArchiveLoadFailed):
        pack(workspace.evidence / RUN, title="fins", software="trial")

    assert read_record(workspace, ref).status == 200
    assert list(workspace.evidence.rglob("*.wacz")) == []


@pytest.mark.parametrize(
    "change", [{"offset": 7}, {"record": "<urn:uuid:other>"}, {"file": f"evidence/{RUN}/9.warc.gz"}]
)
def test_a_reference_that_leads_elsewhere_is_missing(workspace, change):
    [ref] = written(workspace, capture(1))
    wrong = EvidenceRef(**{"role": "image", "file": ref.file, "offset": ref.offset, "record": ref.record} | change)

    [(found, _)] = missing_records(workspace, [wrong])

    assert found == wrong


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://www.Museum.example:443/Art/a.jpg?b=2&a=1", "example,museum)/art/a.jpg?a=1&b=2"),
        ("http://127.0.0.1:8124/i/6.jpg", "1,0,0,127:8124)/i/6.jpg"),
        ("http://m.example", "example,m)/"),
        ("http://m.example/a/", "example,m)/a"),
        ("http://m.example/a%20b/%C3%A9?x=%2F&y=", "example,m)/a%20b/%c3%a9?x=/&y="),
        ("http://m.example/a//b/../c", "example,m)/a/c"),
        ("http://[::1]:80/x", "::1)/x"),
        ("http://m.example/x?PHPSESSID=0123456789abcdef0123456789abcdef&a=B", "example,m)/x?a=b"),
    ],
)
def test_keys_are_those_that_other_tools_look_for(url, key):
    assert surt(url) == key


def test_records_are_read_by_others_with_their_digests(workspace):
    [ref] = written(workspace, capture(1, b"x" * 100_000))

    content = io.BytesIO((workspace.root / ref.file).read_bytes())

    assert [record.raw_stream.read() for record in ArchiveIterator(content, check_digests="raise")][1] == b"x" * 100_000
