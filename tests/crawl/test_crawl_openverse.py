"""Openverse's spider against a loopback API and a loopback provider: limits, tokens, providers' own rules."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from harvest.errors import ConfigError
from spiders.openverse import OpenverseSpider
from tests.crawl.conftest import serving

TOKEN = "t0ken-5ec7e7-t0ken"
HELD = 300  # results; without a token 240 are shown


class Api(ThreadingHTTPServer):
    """Finds one image again and again, of the provider at `images`."""

    daemon_threads = True

    def __init__(self, images: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.images, self.held = images, HELD
        self.pages: list[tuple[str, str | None]] = []

    def answer(self, query: dict[str, str], authorization: str | None) -> tuple[int, dict[str, Any]]:
        self.pages.append((query["page"], authorization))
        if authorization not in {None, f"Bearer {TOKEN}"}:
            return 401, {"detail": "Authentication credentials were not provided."}
        size, page = int(query["page_size"]), int(query["page"])
        shown = self.held if authorization else min(self.held, 240)
        if (authorization is None and size > 20) or (page - 1) * size >= shown:
            return 401, {"detail": "page_size may not exceed 20 for anonymous requests"}
        numbers = range((page - 1) * size, min(page * size, shown))
        found = [self.result(number) for number in numbers]
        return 200, {"result_count": shown, "page_count": -(-shown // size), "results": found}

    def result(self, number: int) -> dict[str, Any]:
        folder = "closed" if number == 7 else "open"
        terms = {
            "license": "by",
            "license_version": "2.0",
            "license_url": "https://creativecommons.org/licenses/by/2.0/",
        }
        page = f"https://provider.example/photos/{number}"
        url = f"{self.images}/{folder}/one.jpg"
        return {"id": f"id-{number}", "url": url, "foreign_landing_url": page, "creator": "Ada", "tags": [], **terms}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        status, body = 200, b"User-agent: *\nDisallow: /v1/\n"
        if url.path == "/v1/images/":
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            status, said = self.server.answer(query, self.headers.get("Authorization"))
            body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def api(site, jpeg) -> Iterator[Api]:
    site.add("/robots.txt", "User-agent: *\nDisallow: /closed/\n")
    site.add("/open/one.jpg", jpeg(1))
    site.add("/closed/one.jpg", jpeg(2))
    server = Api(site.url)
    with serving(server):
        yield server


@pytest.fixture
def crawl(desk, api):
    def go(options: dict[str, Any] | None = None, **settings: Any):
        asked = {"endpoint": f"http://127.0.0.1:{api.server_port}/v1/images/", "q": ["fin"], **(options or {})}
        source = desk.source(spider="openverse", options=asked, **settings)
        return desk.crawl(source, "--loglevel", "DEBUG", env={**os.environ, "OPENVERSE_TOKEN": TOKEN})

    return go


def test_a_search_is_read_as_far_as_it_is_shown_and_providers_decide_about_their_images(desk, site, api, crawl):
    done = crawl()

    assert (done.code, done.finished["met"]) == (0, 240), done.stderr
    assert [page for page, _ in api.pages] == [str(number) for number in range(1, 13)]
    assert "search q=fin: 240 results or more, only the first 240 are shown" in done.stderr
    rows = desk.rows("SELECT page_url, license, creator FROM sightings WHERE source_id = 'id-3'")
    assert rows == [("https://provider.example/photos/3", "CC-BY-2.0", "Ada")]
    refused = desk.rows("SELECT source_id, reason FROM sightings WHERE outcome = 'refused'")
    assert refused == [("id-7", "robots: disallows /closed/one.jpg")]
    assert site.asked("/closed/") == []


def test_a_token_reaches_further_and_is_written_down_nowhere(desk, api, crawl):
    done = crawl({"token": "${OPENVERSE_TOKEN}", "page_size": 100}, evidence="warc")

    assert (done.code, done.finished["met"]) == (0, HELD), done.stderr
    assert api.pages == [(str(page), f"Bearer {TOKEN}") for page in (1, 2, 3)]
    written = {path: path.read_bytes() for path in desk.workspace.root.rglob("*") if path.is_file()}
    warcs = [gzip.decompress(body) for path, body in written.items() if path.suffix == ".gz"]
    assert {"ledger.duckdb", "run.json"} <= {path.name for path in written}
    assert any(b"/v1/images/?q=fin" in warc for warc in warcs)
    said = "".join(body.decode("latin-1") for body in [*written.values(), *warcs])
    assert TOKEN not in said + done.stderr + json.dumps(done.events)
    assert "Crawled (200) <GET" in done.stderr


def test_pages_that_need_a_token_are_a_mistake_in_the_config(desk):
    source = desk.source(spider="openverse", options={"q": ["fin"], "page_size": 50})

    with pytest.raises(ConfigError) as raised:
        OpenverseSpider(source=str(source))

    expected = "options.page_size: expected a whole number <= 20 without a token, got 50"
    assert str(raised.value) == f"{source}: {expected}"
