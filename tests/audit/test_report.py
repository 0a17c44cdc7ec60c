from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from harvest.audit import audit, write_report
from harvest.config.policy import Policy

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e'


class Page(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture
def failing(exported):
    exported.sql("UPDATE sightings SET license = NULL, license_raw = 'ask me' WHERE seq = 1")
    exported.sql("UPDATE sightings SET creator = NULL WHERE seq = 2")
    return exported


def test_page_and_json_tell_the_same(failing) -> None:
    report = audit(failing.workspace, Policy())

    files = write_report(failing.workspace, report)

    page, values = files.html.read_text(encoding="utf-8"), json.loads(files.json.read_text(encoding="utf-8"))
    assert files.html.stem == files.json.stem == f"audit-{report.made_at:%Y%m%dT%H%M%SZ}"
    assert values["verdict"] == "failed"
    assert "Failed" in page
    for check in values["checks"]:
        assert check["id"] in page
        for finding in check["findings"]:
            assert finding["detail"] in page
            assert finding["sha256"][:12] in page
    assert [len(check["findings"]) for check in values["checks"] if check["status"] == "found"] == [2, 2, 2]


def test_page_needs_nothing_but_itself(failing) -> None:
    page = Page(write_report(failing.workspace, audit(failing.workspace, Policy())).html.read_text(encoding="utf-8"))

    assert page.all("link") == []
    assert all(attrs.get("src") is None for attrs in page.all("script"))
    pictures = page.all("img")
    assert len(pictures) == 3
    assert all((attrs["src"] or "").startswith("data:image/jpeg;base64,") for attrs in pictures)


def test_policy_of_the_page_lets_its_own_style_and_script_run_and_no_other(failing) -> None:
    text = write_report(failing.workspace, audit(failing.workspace, Policy())).html.read_text(encoding="utf-8")

    (allowed,) = [a["content"] for a in Page(text).all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in (allowed or "")
    assert (allowed or "").startswith("default-src 'none'; img-src data:; ")
    assert all("style" not in attrs for _, attrs in Page(text).elements)


def test_hostile_metadata_is_shown_and_does_nothing(empty) -> None:
    empty.meet(1, title=HOSTILE, creator=HOSTILE, license=None, license_raw=HOSTILE, page_url="javascript:alert(3)")
    empty.crawl()
    empty.keep()
    empty.export()

    files = write_report(empty.workspace, audit(empty.workspace, replace(Policy(), description=HOSTILE)))

    text = files.html.read_text(encoding="utf-8")
    page = Page(text)
    assert len(page.all("script")) == 1
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert {(a["href"] or "").partition(":")[0] for a in page.all("a")} <= {"http", "https", *_anchors(page)}
    assert "&lt;script&gt;alert(1)" in text
    assert "\u202e" not in text


def _anchors(page: Page) -> set[str]:
    return {a["href"] or "" for a in page.all("a") if (a["href"] or "").startswith("#")}


def test_damaged_picture_leaves_a_gap_and_no_error(exported) -> None:
    exported.sql("UPDATE sightings SET page_url = NULL WHERE seq = 0")
    for path in exported.workspace.derived.rglob("*.jpg"):
        path.write_bytes(b"no picture")

    files = write_report(exported.workspace, audit(exported.workspace, Policy()))

    assert Page(files.html.read_text(encoding="utf-8")).all("img") == []


def test_two_reports_in_one_second_stand_beside_each_other(exported) -> None:
    report = audit(exported.workspace, Policy())

    one, two = write_report(exported.workspace, report), write_report(exported.workspace, report)

    assert two.html.name == f"{one.html.stem}.2.html"
    assert len(list(exported.workspace.reports.iterdir())) == 4


def test_passing_page_says_so(exported) -> None:
    text = write_report(exported.workspace, audit(exported.workspace, Policy())).html.read_text(encoding="utf-8")

    assert "<title>Passed · provenance audit of workspace</title>" in text
    assert 'id="findings"' not in text
