"""A real pywb that serves a WARC of a small old site: what the wayback spider makes of it over sockets."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.peers.conftest import ROOT, Desk, free_port, running
from tests.warcs import Warc

PEER = ROOT / ".peers" / "pywb" / "bin"
INSTALL = "sh .ci/peer pywb pywb==2.10.0 'setuptools<81'"
OLD = "http://museum.example"
PAGE = """<html><head><base href="/plates/"></head><body>
<figure><a href="large/1.jpg"><img src="small/1.jpg"></a><figcaption>Fin of a pike</figcaption></figure>
<p><img src="http://images.example/2.jpg" alt="Second fin"></p>
<p><img src="moved.jpg" alt="Moved"></p>
<p><img src="/lost.jpg" alt="Lost"></p></body></html>"""


@dataclass(frozen=True)
class Archive:
    cdx: str
    replay: str

    def capture(self, timestamp: str, path: str) -> str:
        return f"{self.replay}{timestamp}id_/{path if path.startswith('http') else OLD + path}"


@pytest.fixture(scope="module")
def archive(jpeg: Callable[[int], bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    if not (PEER / "wayback").exists():
        pytest.fail(f"pywb is not here; install it: {INSTALL}")
    home = tmp_path_factory.mktemp("pywb")
    with Warc(home / "museum.warc.gz") as warc:
        warc.put(f"{OLD}/fins/", PAGE.encode(), "text/html")
        warc.put(f"{OLD}/plates/large/1.jpg", jpeg(1), at="2005-02-03T04:05:09Z")
        first = warc.put(f"{OLD}/fins/a.jpg", jpeg(2), at="2005-02-03T04:05:09Z")
        warc.put(f"{OLD}/fins/a.jpg", jpeg(2), at="2006-02-03T04:05:09Z")
        warc.put(f"{OLD}/fins/a.jpg", jpeg(3), at="2007-02-03T04:05:09Z")
        warc.revisit(first, "2008-02-03T04:05:09Z")
        warc.put(f"{OLD}/fins/b.jpg", jpeg(4), at="2005-02-03T04:05:10Z")
        warc.put(f"{OLD}/fins/c.jpg", b"no", "text/html", status="404 Not Found")
        warc.put(f"{OLD}/plates/moved.jpg", b"", "text/html", status="302 Found", headers=[("Location", "/fins/b.jpg")])
        warc.put("http://images.example/2.jpg", jpeg(5), at="2009-01-01T00:00:00Z")
    for command in (["init", "old"], ["add", "old", str(home / "museum.warc.gz")]):
        subprocess.run([str(PEER / "wb-manager"), *command], cwd=home, check=True, capture_output=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}/old/"
    command = [str(PEER / "wayback"), "-b", "127.0.0.1", "-p", str(port)]
    with running(command, f"{url}cdx?url=museum.example", home / "log", home):
        yield Archive(f"{url}cdx", url)
    shutil.rmtree(home)


def test_every_capture_but_those_that_repeat_the_one_before(desk: Desk, archive: Archive) -> None:
    source = desk.source(spider="wayback", options={"url": "museum.example/fins/", "cdx": archive.cdx})

    crawled = desk.crawl(source)

    assert (crawled.code, crawled.stderr) == (0, "")
    assert desk.rows("SELECT image_url, outcome, captured_at FROM sightings ORDER BY image_url") == [
        (archive.capture("20050203040509", "/fins/a.jpg"), "stored", "2005-02-03T04:05:09+00:00"),
        (archive.capture("20050203040510", "/fins/b.jpg"), "stored", "2005-02-03T04:05:10+00:00"),
        (archive.capture("20070203040509", "/fins/a.jpg"), "stored", "2007-02-03T04:05:09+00:00"),
    ]


def test_the_newest_capture_may_be_one_that_found_old_bytes(
    desk: Desk, archive: Archive, jpeg: Callable[[int], bytes]
) -> None:
    options = {"url": "museum.example/fins/", "cdx": archive.cdx, "captures": "newest", "trust_digest": True}

    assert desk.crawl(desk.source(spider="wayback", options=options)).code == 0

    rows = desk.rows(
        "SELECT image_url, captured_at, sightings.sha1, images.bytes FROM sightings JOIN images USING (sha256)"
    )
    assert sorted(url for url, *_ in rows) == [
        archive.capture("20050203040510", "/fins/b.jpg"),
        archive.capture("20080203040509", "/fins/a.jpg"),
    ]
    assert {size for *_, size in rows} == {len(jpeg(2)), len(jpeg(4))}


def test_an_index_that_cuts_its_answers_is_asked_in_parts_of_time(desk: Desk, archive: Archive) -> None:
    options = {"url": "museum.example/fins/", "cdx": archive.cdx, "captures": "newest", "per_page": 3, "since": "2005"}

    assert desk.crawl(desk.source(spider="wayback", options=options)).code == 0

    assert sorted(url for (url,) in desk.rows("SELECT image_url FROM sightings")) == [
        archive.capture("20050203040510", "/fins/b.jpg"),
        archive.capture("20070203040509", "/fins/a.jpg"),
    ]


def test_what_a_captured_page_shows_comes_from_its_time(desk: Desk, archive: Archive) -> None:
    options = {"url": "museum.example/fins", "cdx": archive.cdx, "pages": True}

    assert desk.crawl(desk.source(spider="wayback", options=options)).code == 0

    page = f"{archive.replay}20050203040506/{OLD}/fins/"
    rows = desk.rows("SELECT image_url, title, page_url, outcome, captured_at FROM sightings ORDER BY title")
    assert rows == [
        (
            archive.capture("20050203040506", "/plates/large/1.jpg"),
            "Fin of a pike",
            page,
            "stored",
            "2005-02-03T04:05:09+00:00",
        ),
        (archive.capture("20050203040506", "/lost.jpg"), "Lost", page, "gone", "2005-02-03T04:05:06+00:00"),
        (archive.capture("20050203040506", "/plates/moved.jpg"), "Moved", page, "stored", "2005-02-03T04:05:10+00:00"),
        (
            archive.capture("20050203040506", "http://images.example/2.jpg"),
            "Second fin",
            page,
            "stored",
            "2009-01-01T00:00:00+00:00",
        ),
    ]
