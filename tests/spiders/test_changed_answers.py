"""Sites change their answers: whatever a saved answer is turned into, a spider reads it or says that it cannot."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy import Request
from scrapy.http import HtmlResponse, TextResponse
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader

from harvest.crawl.base import SourceSpider
from harvest.errors import HarvestError
from harvest.items import ImageItem

SITES = Path(__file__).parent.parent / "sites"
CASES = sorted(path.parent for path in SITES.glob("*/*/case.json") if list(path.parent.glob("body.json*")))
OTHERS: tuple[Any, ...] = (7, None, [], {"a": 1}, "x", [None])
WHOLE = (b"", b"<!doctype html><title>Sorry</title>", b"7", b"null", b"[" * 100_000, b"\x00\xff\xfe")


@pytest.mark.parametrize("case", CASES, ids=[f"{case.parent.name}/{case.name}" for case in CASES])
def test_an_answer_of_another_shape(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = json.loads((case / "case.json").read_text())
    (body,) = case.glob("body.*")
    settings = Settings()
    settings.setmodule("harvest.crawl.settings")
    monkeypatch.setenv("FLICKR_API_KEY", "no-key-at-all")
    kind = SpiderLoader(settings).load(case.parent.name)
    spider: SourceSpider[Any] = kind(source=str(case / "source.yaml"))
    # A crawl would pause and ask again, which is not what is asked here.
    monkeypatch.setattr("harvest.crawl.base.hold_host", lambda *_: None)
    spider.crawler = SimpleNamespace()  # type: ignore[assignment]

    failed = {}
    for changed in changes(body.read_bytes()):
        response = (HtmlResponse if body.suffix == ".html" else TextResponse)(
            asked["url"], body=changed, encoding="utf-8", request=Request(asked["url"])
        )
        arguments = dict(asked.get("arguments", {}))
        if "item" in asked:
            arguments["item"] = ImageItem(**asked["item"])
        try:
            list(getattr(spider, asked.get("callback", "parse"))(response, **arguments))
        except HarvestError:
            pass
        except Exception as error:
            failed[repr(error)] = changed[:300]

    assert failed == {}


def changes(body: bytes) -> Iterator[bytes]:
    """The answer cut short, replaced, and with each of its first values replaced by values of other types."""
    yield body[: len(body) // 2]
    yield from WHOLE
    try:
        whole = json.loads(body)
    except ValueError:
        return
    for place in places(whole):
        for other in OTHERS:
            yield json.dumps(changed(whole, place, other)).encode()


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where values stand, in lists the first two only."""
    inner: list[tuple[Any, Any]] = list(value.items()) if isinstance(value, dict) else []
    inner = inner or (list(enumerate(value[:2])) if isinstance(value, list) else [])
    for key, one in inner:
        yield (*above, key)
        yield from places(one, (*above, key))


def changed(value: Any, place: tuple[Any, ...], other: Any) -> Any:
    value = copy.deepcopy(value)
    at = value
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = other
    return value
