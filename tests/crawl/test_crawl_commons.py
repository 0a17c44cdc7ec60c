"""Commons' spider against a loopback MediaWiki: category trees with circles, answers in pieces, limits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from harvest.errors import ConfigError
from spiders.commons import CommonsSpider
from tests.crawl.conftest import serving

# Files, subcategories. Dorsal and Fins stand in a circle; file 3 is in two categories; Rays is two levels down.
TREE = {
    "Category:Fins": ([1, 2, 3, 4, 5], ["Category:Dorsal", "Category:Empty"]),
    "Category:Dorsal": ([3, 6], ["Category:Fins", "Category:Rays"]),
    "Category:Rays": ([7], ["Category:Spines"]),
    "Category:Spines": ([8], []),
    "Category:Empty": ([], []),
}
DIAGRAM = 5  # an SVG


class Wiki(ThreadingHTTPServer):
    """Lists two files an answer, says no more than one file's imageinfo at a time, and is busy once."""

    daemon_threads = True

    def __init__(self, picture: Any) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.bodies = {number: picture(number) for number in range(1, 9)}
        self.asked: list[dict[str, str]] = []
        self.busy = True

    def answer(self, query: dict[str, str]) -> dict[str, Any]:
        self.asked.append(query)
        if self.busy and query.get("generator"):
            self.busy = False
            return {"error": {"code": "ratelimited", "info": "You've exceeded your rate limit."}}
        if query.get("list") == "search":
            return {
                "batchcomplete": "",
                "query": {"searchinfo": {"totalhits": 2}, "search": [{"ns": 6, "title": "File:1.jpg"}]},
            }
        if query["prop"] == "categoryinfo":
            return self.category(query)
        numbers = {
            "categorymembers": lambda: TREE[query["gcmtitle"]][0],
            "search": lambda: [1, 2],
            "allimages": lambda: [7, 8],
        }[query["generator"]]()
        return self.files(numbers, query)

    def category(self, query: dict[str, str]) -> dict[str, Any]:
        title = query["titles"]
        if title not in TREE:
            return {"query": {"pages": {"-1": {"ns": 14, "title": title, "missing": ""}}}}
        files, below = TREE[title]
        info = {"size": len(files) + len(below), "pages": 0, "files": len(files), "subcats": len(below)}
        said: dict[str, Any] = {"pages": {"9": {"pageid": 9, "ns": 14, "title": title, "categoryinfo": info}}}
        if query.get("list") != "categorymembers":
            return {"batchcomplete": "", "query": said}
        at = int(query.get("cmcontinue", 0))
        said["categorymembers"] = [{"ns": 14, "title": name} for name in below[at : at + 1]]
        more = {"continue": {"cmcontinue": str(at + 1), "continue": "-||"}} if at + 1 < len(below) else {}
        return {"batchcomplete": "", **more, "query": said}

    def files(self, numbers: list[int], query: dict[str, str]) -> dict[str, Any]:
        at, done = int(query.get("gcontinue", 0)), int(query.get("iicontinue", 0))
        here = numbers[at : at + 2]
        if not here:
            return {"batchcomplete": ""}
        pages = {str(number): {"pageid": number, "ns": 6, "title": f"File:{number}.jpg"} for number in here}
        number = here[done]
        pages[str(number)]["imageinfo"] = [self.info(number)]
        if done + 1 < len(here):
            following = {"iicontinue": str(done + 1), "gcontinue": str(at), "continue": "||"}
            return {"continue": following, "query": {"pages": pages}}
        more = {"continue": {"gcontinue": str(at + 2), "continue": "gcontinue||"}} if at + 2 < len(numbers) else {}
        return {"batchcomplete": "", **more, "query": {"pages": pages}}

    def info(self, number: int) -> dict[str, Any]:
        return {
            "url": f"{self.url}/files/{number}.jpg",
            "descriptionurl": f"{self.url}/wiki/File:{number}.jpg",
            "sha1": hashlib.sha1(self.bodies[number]).hexdigest(),
            "mime": "image/svg+xml" if number == DIAGRAM else "image/jpeg",
            "extmetadata": {
                "LicenseShortName": {"value": "CC BY 4.0"},
                "Artist": {"value": f'<a href="//commons.example/User:{number}">Maker {number}</a>'},
            },
        }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Wiki

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/robots.txt":
            body = b"User-agent: *\nDisallow: /w/\n"
        elif url.path == "/w/api.php":
            query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
            body = json.dumps(self.server.answer(query)).encode()
        else:
            body = self.server.bodies[int(url.path.rpartition("/")[2].removesuffix(".jpg"))]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def wiki(jpeg) -> Iterator[Wiki]:
    server = Wiki(jpeg)
    with serving(server):
        yield server


@pytest.fixture
def crawl(desk, wiki):
    def go(**options: Any):
        endpoint = f"{wiki.url}/w/api.php"
        return desk.crawl(desk.source(spider="commons", options={"endpoint": endpoint, **options}))

    return go


def test_a_tree_is_walked_to_its_depth_and_every_file_is_met_once(desk, wiki, crawl):
    done = crawl(categories=["fins"], depth=2)

    assert (done.code, done.finished["stored"]) == (0, 6), done.stderr
    rows = desk.rows("SELECT source_id, creator, license, sha1 FROM sightings ORDER BY source_id")
    assert [row[:3] for row in rows] == [(str(n), f"Maker {n}", "CC-BY-4.0") for n in (1, 2, 3, 4, 6, 7)]
    assert all(sha1 == hashlib.sha1(wiki.bodies[int(number)]).hexdigest() for number, *_, sha1 in rows)
    walked = [
        query["titles"] for query in wiki.asked if query.get("prop") == "categoryinfo" and "cmcontinue" not in query
    ]
    assert sorted(walked) == ["Category:Dorsal", "Category:Empty", "Category:Fins", "Category:Rays"]
    [report] = desk.workspace.reports.glob("coverage-*.json")
    assert json.loads(report.read_text())["missing"] == 0


def test_a_category_met_again_with_more_levels_to_go_is_walked_further(desk, crawl):
    done = crawl(categories=["Rays", "Dorsal"], depth=1)

    assert done.code == 0, done.stderr
    # Rays itself leads to Spines; below Dorsal it would not have.
    assert {number for (number,) in desk.rows("SELECT source_id FROM sightings")} == set("1234678")


def test_searches_and_uploads_are_listed_too(desk, crawl):
    done = crawl(search=["fin"], users=["User:Ada"])

    assert (done.code, done.finished["stored"]) == (0, 4), done.stderr


def test_a_width_that_is_not_made_is_a_mistake_in_the_config(desk):
    source = desk.source(spider="commons", options={"users": ["Ada"], "width": 300})

    with pytest.raises(ConfigError) as raised:
        CommonsSpider(source=str(source))

    widths = "20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840"
    assert str(raised.value) == f"{source}: options.width: expected one of {widths}, got 300"


def test_a_category_that_is_not_there_is_missed_and_the_others_are_read(desk, crawl):
    done = crawl(categories=["Rays", "Wings"])

    assert (done.code, done.finished["stored"]) == (3, 1)
    assert "Category:Wings: there is no such category" in done.stderr
