"""Flickr's spider against a loopback API: secrets stay secret, a no is a no, one address is fetched once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

KEY = "c0ffee5ec7e7c0ffee5ec7e7c0ffee51"


def photo(number: int, url: str, **more: object) -> dict[str, object]:
    return {"id": str(number), "owner": "1@N00", "title": f"Leaf {number}", "license": "4", "url_l": url, **more}


def listing(*photos: dict[str, object], page: int = 1, pages: int = 1) -> str:
    return json.dumps({"photos": {"page": page, "pages": pages, "photo": photos}, "stat": "ok"})


def everything_written(desk, crawled) -> str:
    files = [path for path in desk.workspace.root.rglob("*") if path.is_file()]
    assert {"ledger.duckdb", "run.json", "000001.jsonl"} <= {path.name for path in files}
    return "".join(path.read_bytes().decode("latin-1") for path in files) + crawled.stderr + json.dumps(crawled.events)


@pytest.fixture
def source(desk, site) -> Path:
    options = {"api_key": "${TRIAL_KEY}", "endpoint": f"{site.url}/rest/", "users": ["1@N00"]}
    return desk.source(spider="flickr", options=options)


@pytest.fixture
def env() -> dict[str, str]:
    return {**os.environ, "TRIAL_KEY": KEY}


def test_the_key_is_sent_and_never_written_down(desk, site, jpeg, source, env):
    site.add("/rest/", "limit", status=429, headers=(("Retry-After", "0"),))
    site.add("/rest/", listing(photo(1, site.add("/1.jpg", jpeg(1)))))

    done = desk.crawl(source, "--loglevel", "DEBUG", env=env)

    assert done.code == 0, done.stderr
    assert [KEY in path for path in site.asked("/rest/")] == [True, True]
    assert "Crawled (200) <GET" in done.stderr
    assert KEY not in everything_written(desk, done)


@pytest.mark.parametrize(
    "answer",
    [
        {"body": '{"stat":"fail","code":100,"message":"Invalid API Key (Key has invalid format)"}'},
        {"body": "moved", "status": 301, "headers": (("Location", "/elsewhere/"),)},
        {"body": "dropped", "torn": True},
        {"body": "not yet", "delay": 2.0},
    ],
    ids=["refused", "redirected", "torn", "timeout"],
)
def test_the_key_is_not_in_any_error_either(desk, site, env, answer):
    site.add("/rest/", **answer)
    options = {"api_key": "${TRIAL_KEY}", "endpoint": f"{site.url}/rest/", "users": ["1@N00"]}
    source = desk.source(
        spider="flickr", options=options, limits={"timeout": 1}, pace={"delay": 0, "retries": 0, "concurrency": 1}
    )

    done = desk.crawl(source, "--loglevel", "DEBUG", env=env)

    assert done.code == 3
    assert KEY not in done.stderr + json.dumps(done.events)


def test_a_bad_key_refuses_the_run(desk, site, source, env):
    site.add("/rest/", '{"stat":"fail","code":100,"message":"Invalid API Key (Key has invalid format)"}')

    done = desk.crawl(source, env=env)

    message = (
        "Flickr says no to flickr.people.getPublicPhotos (code 100: Invalid API Key (Key has invalid format)); "
        "set a valid api_key"
    )
    assert (done.code, done.finished["outcome"], done.finished["message"]) == (3, "refused", message)
    assert done.stderr.splitlines()[-1] == message
    assert desk.rows("SELECT outcome FROM runs") == [("refused",)]


def test_an_api_that_is_down_for_a_moment_is_asked_again(desk, site, jpeg, source, env):
    down = '{"stat":"fail","code":201,"message":"Sorry, the Flickr API service is not currently available."}'
    site.add("/rest/", down)
    site.add("/rest/", listing(photo(1, site.add("/1.jpg", jpeg(1)))))

    done = desk.crawl(source, env=env)

    assert (done.code, done.finished["stored"]) == (0, 1), done.stderr


def test_one_address_under_two_ids_is_fetched_once_and_seen_twice(desk, site, jpeg, source, env):
    url = site.add("/1.jpg", jpeg(1), delay=0.2)
    site.add("/rest/", listing(photo(1, url), photo(2, url), photo(2, url)))

    desk.crawl(source, env=env)

    assert site.asked("/1.jpg") == ["/1.jpg"]
    rows = desk.rows("SELECT source_id, outcome, sha256 IS NOT NULL FROM sightings ORDER BY source_id")
    assert [row[::2] for row in rows] == [("1", True), ("2", True)]
    assert {row[1] for row in rows} == {"stored", "known"}
