"""Images out of WARC and WACZ files: every capture a row with its record, and what cannot be read is said."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harvest.crawl.webarchive.warc_files import expand, members, opened
from harvest.crawl.webarchive.warcs import Seen, Torn, payload, records
from tests.warcs import Warc

OLD = "http://museum.example"
PNG = b"\x89PNG\r\n\x1a\n"
Jpeg = Callable[[int], bytes]


def captured(desk: Any, *columns: str) -> list[tuple[Any, ...]]:
    rows = desk.rows(f"SELECT image_url, {', '.join(columns)} FROM sightings ORDER BY image_url")
    return [(url.rpartition("/")[2], *rest) for url, *rest in rows]


def test_every_capture_of_an_image_has_a_row_with_its_record(desk: Any, jpeg: Jpeg) -> None:
    with Warc(desk.folder / "old.warc.gz") as warc:
        warc.put(f"{OLD}/", b"<html>", "text/html")
        first = warc.put(f"{OLD}/1.jpg", jpeg(1))
        warc.request(f"{OLD}/1.jpg", first, f"{OLD}/page.html")
        warc.put(f"{OLD}/1.jpg", jpeg(2), at="2006-02-03T04:05:06Z")
        warc.revisit(first, "2007-02-03T04:05:06Z")
        warc.put(f"{OLD}/2.jpg", b"gone", status="404 Not Found")
        warc.put(f"{OLD}/3", jpeg(3), "application/octet-stream")
        warc.put(f"{OLD}/4.jpg", gzip.compress(jpeg(4)), headers=[("Content-Encoding", "gzip")])
        warc.put(f"{OLD}/5.jpg", jpeg(5), headers=[("X-Robots-Tag", "noai")])
        warc.put("urn:scan:6", jpeg(6), type="resource")
    at = warc.offsets
    source = desk.source(spider="warc", options={"files": ["old.warc.gz"]})

    crawled = desk.crawl(source)

    assert crawled.code == 0, crawled.stderr
    sha1 = [hashlib.sha1(jpeg(number)).hexdigest() for number in range(7)]
    day = "2005-02-03T04:05:06+00:00"
    columns = ("page_url", "captured_at", "sightings.sha1")
    assert sorted(captured(desk, *columns), key=lambda row: int(row[0].partition("=")[2])) == [
        (f"old.warc.gz#offset={at[1]}", f"{OLD}/page.html", day, sha1[1]),
        (f"old.warc.gz#offset={at[3]}", f"{OLD}/1.jpg", "2006-02-03T04:05:06+00:00", sha1[2]),
        (f"old.warc.gz#offset={at[4]}", f"{OLD}/1.jpg", "2007-02-03T04:05:06+00:00", sha1[1]),
        (f"old.warc.gz#offset={at[6]}", f"{OLD}/3", day, sha1[3]),
        (f"old.warc.gz#offset={at[7]}", f"{OLD}/4.jpg", day, None),
        (f"old.warc.gz#offset={at[8]}", f"{OLD}/5.jpg", day, sha1[5]),
        (f"old.warc.gz#offset={at[9]}", None, day, sha1[6]),
    ]
    outcomes = {int(url.partition("=")[2]): outcome for url, outcome in captured(desk, "outcome")}
    # Whichever capture of the same bytes is dealt with first stores them. The other one finds them here, or is not even
    # read when the journal has their digest already.
    assert sorted([outcomes.pop(at[1]), outcomes.pop(at[4])]) in (["known", "stored"], ["stored", "unchanged"])
    assert outcomes == {at[3]: "stored", at[6]: "stored", at[7]: "stored", at[8]: "refused", at[9]: "stored"}
    sizes = {size for (size,) in desk.rows("SELECT bytes FROM images")}
    assert sizes == {len(jpeg(number)) for number in (1, 2, 3, 4, 6)}
    assert "1 images left out: HTTP 404" in crawled.stderr


def test_what_was_read_is_not_read_again(desk: Any, jpeg: Jpeg) -> None:
    with Warc(desk.folder / "old.warc") as warc:
        warc.put(f"{OLD}/1.jpg", jpeg(1))
    source = desk.source(spider="warc", options={"files": ["."], "base": "."})

    assert [desk.crawl(source).code for _ in range(2)] == [0, 0]

    rows = desk.rows("SELECT image_url, outcome FROM sightings ORDER BY run_id")
    assert rows == [(f"file:///{desk.folder.name}/old.warc#offset=0", outcome) for outcome in ("stored", "unchanged")]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_a_wacz_is_read_member_by_member(desk: Any, jpeg: Jpeg, tmp_path: Path, method: int) -> None:
    for name in ("a", "b"):
        with Warc(tmp_path / f"{name}.warc.gz") as warc:
            warc.put(f"{OLD}/{name}.html", b"<html>", "text/html")
            warc.put(f"{OLD}/{name}.jpg", jpeg(ord(name)))
    with zipfile.ZipFile(tmp_path / "all.wacz", "w", method) as packed:
        packed.writestr("datapackage.json", "{}")
        for name in ("a", "b"):
            packed.write(tmp_path / f"{name}.warc.gz", f"archive/{name}.warc.gz")

    assert desk.crawl(desk.source(spider="warc", options={"files": ["*.wacz"]})).code == 0

    rows = captured(desk, "outcome", "page_url")
    assert [(url.partition("&")[0], *rest) for url, *rest in rows] == [
        ("a.warc.gz", "stored", f"{OLD}/a.jpg"),
        ("b.warc.gz", "stored", f"{OLD}/b.jpg"),
    ]


@pytest.mark.parametrize("name", ["torn.warc.gz", "torn.warc"])
def test_what_lies_behind_torn_bytes_is_read_and_the_place_is_named(desk: Any, jpeg: Jpeg, name: str) -> None:
    with Warc(desk.folder / name, gzip=name.endswith("gz")) as warc:
        for number in range(5):
            warc.put(f"{OLD}/{number}.jpg", jpeg(number))
    held = bytearray(warc.file.read_bytes())
    second, last = warc.offsets[1], warc.offsets[4]
    held[second + 3 : second + 200] = b"\0" * 197
    warc.file.write_bytes(held[: last + 700])

    crawled = desk.crawl(desk.source(spider="warc", options={"files": [name]}))

    assert crawled.code == 3
    assert [url for url, _ in captured(desk, "outcome")] == [
        f"{name}#offset={warc.offsets[number]}" for number in (0, 2, 3)
    ]
    assert f"{name}#offset={second}: " in crawled.stderr
    assert f"{name}#offset={last}: the record ends" in crawled.stderr


def test_a_file_that_is_no_warc_and_one_that_is_not_there_are_said(desk: Any) -> None:
    (desk.folder / "a.warc.gz").write_bytes(gzip.compress(b"hello, this is text"))
    source = desk.source(spider="warc", options={"files": ["a.warc.gz", "b.warc", "empty/*.warc"]})

    crawled = desk.crawl(source)

    assert crawled.code == 3
    assert "a.warc.gz#offset=0: " in crawled.stderr
    assert "b.warc: cannot be read: No such file or directory" in crawled.stderr
    assert "empty/*.warc: no WARC or WACZ file was found here" in crawled.stderr


def test_an_arc_file_is_named_with_the_way_to_make_a_warc_of_it(desk: Any, jpeg: Jpeg) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg(0)
    arc = b"filedesc://a.arc 0.0.0.0 20050203040506 text/plain 75\n1 0 InternetArchive\n"
    arc += b"URL IP-address Archive-date Content-type Archive-length\n\n"
    arc += f"{OLD}/0.jpg 127.0.0.1 20050203040506 image/jpeg {len(answer)}\n".encode() + answer + b"\n"
    (desk.folder / "a.arc").write_bytes(arc)

    crawled = desk.crawl(desk.source(spider="warc", options={"files": ["a.arc"]}))

    assert crawled.code == 3
    assert captured(desk, "outcome") == []
    assert "a.arc#offset=0: no WARC record stands here; `warcio recompress OLD NEW` makes WARC of ARC" in crawled.stderr


def test_a_record_without_a_name_or_an_address_is_torn(tmp_path: Path, jpeg: Jpeg) -> None:
    with Warc(tmp_path / "a.warc", gzip=False) as warc:
        for number in range(3):
            warc.put(f"{OLD}/{number}.jpg", jpeg(number))
    held = warc.file.read_bytes()
    for number, name in enumerate((b"WARC-Record-ID", b"WARC-Target-URI")):
        at = held.index(name, warc.offsets[number])
        held = held[:at] + b"X" + held[at + 1 :]
    warc.file.write_bytes(held)

    with opened(warc.file, None) as stream:
        met = list(records(stream))

    assert [one.why for one in met if isinstance(one, Torn)] == [
        "the record has no WARC-Record-ID",
        "the record has no WARC-Target-URI",
    ]
    assert [one.url for one in met if isinstance(one, Seen)] == [f"{OLD}/2.jpg"]


def test_a_record_that_moved_is_not_taken_for_another(tmp_path: Path, jpeg: Jpeg) -> None:
    with Warc(tmp_path / "a.warc") as warc:
        record = warc.put(f"{OLD}/1.jpg", jpeg(1))
    wanted = record.rec_headers.get_header("WARC-Record-ID")

    with opened(warc.file, None) as stream:
        assert payload(stream, wanted, 10**6).body == jpeg(1)
        stream.seek(0)
        with pytest.raises(Exception, match="changed: another record stands at this offset"):
            payload(stream, "<urn:uuid:0>", 10**6)
        stream.seek(0)
        with pytest.raises(Exception, match=r"too_large: the record holds more than limits\.max_bytes"):
            payload(stream, wanted, 100)


def test_a_walk_ends_whatever_bytes_are_garbled(tmp_path: Path, jpeg: Jpeg) -> None:
    with Warc(tmp_path / "a.warc.gz") as warc:
        for number in range(4):
            warc.put(f"{OLD}/{number}.jpg", jpeg(number), head={"WARC-Record-ID": f"<urn:uuid:{number}>"})
    whole = warc.file.read_bytes()

    for place in range(0, len(whole), 11):
        held = bytearray(whole)
        held[place] ^= 0xFF
        warc.file.write_bytes(held)
        with opened(warc.file, None) as stream:
            met = list(records(stream))

        urls = [one.url for one in met if isinstance(one, Seen)]
        assert len(set(urls)) == len(urls)
        assert set(urls) <= {f"{OLD}/{number}.jpg" for number in range(4)}
        assert len(urls) >= 3
        assert len(urls) + sum(isinstance(one, Torn) for one in met) <= 5
    assert expand(tmp_path) == [warc.file]
    assert members(warc.file) == [None]
