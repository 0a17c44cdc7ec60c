"""A search that Flickr would cut off after 4,000 results is asked in parts until every photo was seen."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.crawl.conftest import serving

LISTED = 4000  # results of one query before they repeat
DAY = 86_400
FIRST = 1_262_304_000  # 2010-01-01


@dataclass
class Holding:
    """Photos by id, when they were uploaded and under which licence."""

    photos: list[tuple[int, int, str]]
    calls: list[dict[str, str]] = field(default_factory=list)

    def search(self, query: dict[str, str]) -> dict[str, Any]:
        self.calls.append(query)
        since, until = int(query.get("min_upload_date", 0)), int(query.get("max_upload_date", 2**40))
        licences = query["license"].split(",") if "license" in query else None
        matching = [
            (number, at, licence)
            for number, at, licence in self.photos
            if since <= at <= until and (licences is None or licence in licences)
        ]
        matching.sort(key=lambda photo: photo[1])
        page, size = int(query["page"]), int(query["per_page"])
        start = (page - 1) * size % LISTED  # beyond, the same ones come again
        shown = [self.entry(photo) for photo in matching[start : start + size]]
        pages = -(-len(matching) // size)
        return {"page": page, "pages": pages, "perpage": size, "total": str(len(matching)), "photo": shown}

    def entry(self, photo: tuple[int, int, str]) -> dict[str, Any]:
        number, at, licence = photo
        # One address for all: the image is fetched once, and every photo has its sighting.
        said = {"id": str(number), "owner": "1@N00", "license": licence, "dateupload": str(at), "media": "photo"}
        return {**said, "title": f"Leaf {number}", "url_l": self.image}

    image: str = ""


@pytest.fixture
def flickr(jpeg) -> Iterator[Any]:
    picture = jpeg(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/one.jpg":
                body = picture
            elif url.path == "/rest/":
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                body = json.dumps({"photos": server.holding.search(query), "stat": "ok"}).encode()
            else:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with serving(server):
        yield server


@pytest.fixture
def crawl(desk, flickr):
    def go(holding: Holding, **search: str):
        at = f"http://127.0.0.1:{flickr.server_port}"
        holding.image, flickr.holding = f"{at}/one.jpg", holding
        options = {"api_key": "${TRIAL_KEY}", "endpoint": f"{at}/rest/", "search": {"text": "leaf", **search}}
        done = desk.crawl(desk.source(spider="flickr", options=options), env={**os.environ, "TRIAL_KEY": "c0ffee"})
        assert done.code in {0, 3}, done.stderr
        [report] = desk.workspace.reports.glob("coverage-trial-*.json")
        return done, json.loads(report.read_text())

    return go


def spread(numbers: range, since: int, seconds: int, licence: str = "4") -> list[tuple[int, int, str]]:
    chance = random.Random(numbers.start)
    return [(number, since + chance.randrange(seconds), licence) for number in numbers]


def test_every_photo_of_a_long_search_is_met_once(desk, crawl):
    evenly = spread(range(1, 5001), FIRST, 4000 * DAY)
    an_afternoon = spread(range(5001, 10_001), FIRST + 900 * DAY, 4 * 3600)
    one_upload = [
        photo
        for index, licence in enumerate(("0", "9"))
        for photo in spread(range(10_001 + 1000 * index, 11_001 + 1000 * index), FIRST + 1500 * DAY, 90, licence)
    ]
    holding = Holding(evenly + an_afternoon + one_upload)

    done, report = crawl(holding)

    assert (done.code, done.finished["met"]) == (0, 12_000), done.stderr
    ids = {int(source_id) for (source_id,) in desk.rows("SELECT source_id FROM sightings")}
    assert ids == set(range(1, 12_001))
    assert (report["expected"], report["met"], report["missing"], report["finished"]) == (12_000, 12_000, 0, True)
    [search] = report["lists"]
    assert search["list"] == "flickr.photos.search text=leaf"
    assert sum(part["expected"] for part in search["parts"]) == 12_000
    assert max(part["expected"] for part in search["parts"]) <= 3000
    assert len(holding.calls) < 120


def test_the_same_second_is_split_by_licence_and_what_cannot_be_listed_is_reported(crawl):
    at_once = [(number, FIRST + 5, "4" if number <= 4500 else "9") for number in range(1, 5501)]

    done, report = crawl(Holding(at_once), license="4,9", min_upload_date="2010-01-01", max_upload_date="2010-01-02")

    assert (done.code, done.finished["met"]) == (0, 5000), done.stderr
    [search] = report["lists"]
    counts = ("expected", "met", "missing")
    listed = {part["part"].split(", ")[-1]: tuple(map(part.get, counts)) for part in search["parts"]}
    assert listed["licence 4"] == (4500, 4000, 500)
    assert listed["licence 9"] == (1000, 1000, 0)
    assert report["missing"] == 500
    assert "4500 expected, 4000 met, 500 missing" in done.stderr


def test_only_the_dates_that_were_asked_for_are_searched(crawl):
    holding = Holding(spread(range(1, 3501), FIRST, 20 * DAY) + spread(range(4001, 5001), FIRST + 50 * DAY, DAY))

    done, report = crawl(holding, min_upload_date="2010-01-01", max_upload_date="2010-01-10")

    wanted = sum(FIRST <= at < FIRST + 10 * DAY for _, at, _ in holding.photos)
    assert (done.finished["met"], report["expected"]) == (wanted, wanted)
    asked = [(int(call["min_upload_date"]), int(call["max_upload_date"])) for call in holding.calls]
    assert (min(since for since, _ in asked), max(until for _, until in asked)) == (FIRST, FIRST + 10 * DAY - 1)
