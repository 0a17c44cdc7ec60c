"""Common Crawl as it answers: a list of crawls, an index in pages, and records by range of bytes."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from base64 import b32encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.crawl.conftest import serving
from tests.warcs import Warc

OLD = "http://museum.example"
CRAWLS = {"CC-MAIN-2023-50": ("2023-11-28", "2023-12-12"), "CC-MAIN-2024-10": ("2024-02-20", "2024-03-05")}


class CommonCrawl(ThreadingHTTPServer):
    """Two crawls, each of one WARC whose index comes in pages of two rows."""

    daemon_threads = True

    def __init__(self, folder: Path, jpeg: Callable[[int], bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.rows, self.asked = folder, dict[str, list[dict[str, str]]](), list[str]()
        for year, name in enumerate(CRAWLS):
            with Warc(folder / f"{name}.warc.gz") as warc:
                for number in range(3):
                    headers = [("Content-Encoding", "gzip")] if number == 2 else []
                    body = jpeg(10 * year + number)
                    warc.put(f"{OLD}/{number}.jpg", gzip.compress(body) if headers else body, headers=headers)
            ends = [*warc.offsets[1:], warc.file.stat().st_size]
            self.rows[name] = [
                {
                    "urlkey": f"example,museum)/{number}.jpg",
                    "timestamp": f"{CRAWLS[name][0].replace('-', '')}000000",
                    "url": f"{OLD}/{number}.jpg",
                    "mime": "image/jpeg",
                    "status": "200",
                    "digest": b32encode(hashlib.sha1(jpeg(10 * year + number)).digest()).decode(),
                    "offset": str(begin),
                    "length": str(end - begin),
                    "filename": f"data/{name}.warc.gz",
                }
                for number, (begin, end) in enumerate(zip(warc.offsets, ends, strict=True))
            ]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, str]:
        if path == "/collinfo.json":
            listed = [
                {"id": name, "cdx-api": f"{self.url}{name}-index", "from": first, "to": last}
                for name, (first, last) in CRAWLS.items()
            ]
            return 200, json.dumps(listed[::-1])
        rows = self.rows.get(path[1:].removesuffix("-index"), [])
        if "showNumPages" in query and rows:
            return 200, json.dumps({"pages": 2, "pageSize": 5, "blocks": 2})
        page = int(query.get("page", ["9"])[0])
        shown = rows[2 * page : 2 * page + 2]
        if not shown:
            return 404, json.dumps({"message": "No Captures found for: museum.example"})
        return 200, "".join(f"{json.dumps(row)}\n" for row in shown)


class _Handler(BaseHTTPRequestHandler):
    server: CommonCrawl

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.asked.append(f"{self.path} {self.headers.get('Range', '')}".strip())
        if parts.path.startswith("/data/"):
            whole = (self.server.folder / Path(parts.path).name).read_bytes()
            first, last = map(int, re.findall(r"\d+", self.headers["Range"]))
            self._send(206, whole[first : last + 1])
        elif parts.path.startswith(("/CC-", "/coll")):
            status, text = self.server.answer(parts.path, parse_qs(parts.query))
            self._send(status, text.encode())
        else:
            self._send(404, b"")

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def commoncrawl(tmp_path: Path, jpeg: Callable[[int], bytes]) -> Iterator[CommonCrawl]:
    (tmp_path / "data").mkdir()
    server = CommonCrawl(tmp_path / "data", jpeg)
    with serving(server):
        yield server


def test_images_come_out_of_records_and_are_not_asked_for_again(
    desk: Any, commoncrawl: CommonCrawl, jpeg: Callable[[int], bytes]
) -> None:
    options = {"url": "museum.example", "match": "domain", "dialect": "commoncrawl"}
    source = desk.source(spider="wayback", options={**options, "cdx": commoncrawl.url, "replay": commoncrawl.url})

    assert [desk.crawl(source).code for _ in range(2)] == [0, 0]

    joined = "sightings JOIN images USING (sha256)"
    columns = "image_url, outcome, captured_at, page_url, images.bytes"
    rows = desk.rows(f"SELECT {columns} FROM {joined} ORDER BY run_id, captured_at, page_url")
    assert [row[1] for row in rows] == ["stored"] * 6 + ["unchanged"] * 6
    assert [(url, size) for url, *_, size in rows[:6]] == [
        (f"{commoncrawl.url}data/{name}.warc.gz#offset={row['offset']}", len(jpeg(10 * year + number)))
        for year, name in enumerate(CRAWLS)
        for number, row in enumerate(commoncrawl.rows[name])
    ]
    assert rows[0][2:4] == ("2023-11-28T00:00:00+00:00", f"{OLD}/0.jpg")
    assert len([path for path in commoncrawl.asked if path.startswith("/data/")]) == 6


def test_the_newest_capture_of_all_crawls(desk: Any, commoncrawl: CommonCrawl) -> None:
    options = {"url": "museum.example", "match": "domain", "dialect": "commoncrawl", "captures": "newest"}
    options |= {"cdx": commoncrawl.url, "replay": commoncrawl.url, "crawls": list(CRAWLS)}

    assert desk.crawl(desk.source(spider="wayback", options=options)).code == 0

    urls = [url for (url,) in desk.rows("SELECT image_url FROM sightings")]
    assert len(urls) == 3
    assert all("CC-MAIN-2024-10" in url for url in urls)
