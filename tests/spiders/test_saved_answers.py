"""Spiders read saved answers without a network: a folder of tests/sites/<spider>/ is one case.

    source.yaml      the config; `case.json` {"url", "callback", "arguments", "headers", "status", "item"}
    body.html|json   the answer; `expected.json` what must come of it: items, requests, or an error

`python -m pytest tests/spiders` shows what differs; a new case starts with an expected.json of {}.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from scrapy import Request
from scrapy.http import HtmlResponse, Response, TextResponse
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader

from harvest.crawl.base import SourceSpider
from harvest.errors import HarvestError
from harvest.items import ImageItem

SITES = Path(__file__).parent.parent / "sites"
CASES = sorted(path.parent for path in SITES.glob("*/*/case.json"))


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLICKR_API_KEY", "no-key-at-all")  # what is a secret, no log line may show


@pytest.mark.parametrize("case", CASES, ids=[f"{case.parent.name}/{case.name}" for case in CASES])
def test_saved_answer(case: Path) -> None:
    asked = json.loads((case / "case.json").read_text())
    spider = load_spider(case)
    response = saved_response(case, asked)
    arguments = dict(asked.get("arguments", {}))
    if "item" in asked:
        arguments["item"] = ImageItem(**asked["item"])

    got = json.loads(json.dumps(outcome(getattr(spider, asked.get("callback", "parse"))(response, **arguments))))

    assert got == json.loads((case / "expected.json").read_text())


def load_spider(case: Path) -> SourceSpider[Any]:
    settings = Settings()
    settings.setmodule("harvest.crawl.settings")
    spider: SourceSpider[Any] = SpiderLoader(settings).load(case.parent.name)(source=str(case / "source.yaml"))
    return spider


def saved_response(case: Path, asked: dict[str, Any]) -> Response:
    (body,) = case.glob("body.*")
    kind = HtmlResponse if body.suffix == ".html" else TextResponse
    request = Request(asked["url"])
    return kind(
        asked["url"],
        status=asked.get("status", 200),
        body=body.read_bytes(),
        encoding="utf-8",
        headers=asked.get("headers", {}),
        request=request,
    )


def outcome(made: Iterator[Any]) -> dict[str, Any]:
    items, requests = [], []
    try:
        for one in made:
            (requests if isinstance(one, Request) else items).append(one)
    except HarvestError as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"items": [said(item) for item in items], "requests": [request.url for request in requests]}


def said(item: ImageItem) -> dict[str, Any]:
    """What an item says, without the fields that are empty."""
    values = asdict(item)
    return {spec.name: values[spec.name] for spec in fields(ImageItem) if values[spec.name]}


def test_every_spider_has_saved_answers() -> None:
    settings = Settings()
    settings.setmodule("harvest.crawl.settings")
    # What reads this machine's disk has no answers to save: tests/crawl/ has real files for it.
    on_disk = {"local", "readymade", "urls", "warc"}

    assert {case.parent.name for case in CASES} | on_disk == set(SpiderLoader(settings).list())
