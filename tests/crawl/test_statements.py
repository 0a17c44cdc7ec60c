"""Refusals in all their spellings; anything that is not a clear no is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.http import HtmlResponse

from harvest.crawl.html import signals_of
from harvest.pages.refusals import header_signals, robots_usage, tdm_signals, usage_signals

URL = "https://museum.example/a.jpg"


def kinds(signals) -> list[str]:
    return [signal.kind for signal in signals]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("X-Robots-Tag", "noai", ["x-robots-tag"]),
        ("x-robots-tag", "noarchive, NoImageAI", ["x-robots-tag"]),
        ("X-Robots-Tag", "none", ["x-robots-tag"]),
        ("X-Robots-Tag", "herbarium-harvester: noindex", ["x-robots-tag"]),
        ("X-Robots-Tag", "*: noml", ["x-robots-tag"]),
        ("X-Robots-Tag", "googlebot: noai", []),
        ("X-Robots-Tag", "googlebot: nofollow, noai", []),
        ("X-Robots-Tag", "googlebot: nofollow, herbarium-harvester: noai", ["x-robots-tag"]),
        ("X-Robots-Tag", "herbarium-harvester: all, otherbot: noai", []),
        ("X-Robots-Tag", "max-image-preview: large, noai", ["x-robots-tag"]),
        ("X-Robots-Tag", "unavailable_after: Friday, 25-Jun-10 15:00:00 PST, noindex", ["x-robots-tag"]),
        ("X-Robots-Tag", "unavailable_after: 25 Jun 2010 15:00:00 PST", []),
        ("X-Robots-Tag", "all", []),
        ("tdm-reservation", "1", ["tdmrep"]),
        ("tdm-reservation", "0", []),
        ("Content-Usage", "train-ai=n", ["content-usage"]),
        ("Content-Usage", "search=y, train-ai=n", ["content-usage"]),
        ("Content-Usage", "train-ai=y", []),
        ("Content-Usage", "search=n", []),
        ("Content-Usage", 'train-genai="n";why=art', ["content-usage"]),
        ("Content-Signal", "search=yes, ai-train=no", ["content-signal"]),
        ("Content-Signal", "ai-train=yes", []),
        ("Server", "noai", []),
    ],
)
def test_headers(name, value, expected):
    assert kinds(header_signals([(name, value)], URL)) == expected


def test_meta_elements_and_headers_of_a_page():
    body = b"""<meta name="ROBOTS" content="noai, noimageai"><meta name="googlebot" content="noindex">
    <meta name="tdm-reservation" content="1"><meta name="description" content="noai">"""
    response = HtmlResponse(URL, body=body, encoding="utf-8", headers={"Content-Usage": ["train-ai=n"]})

    signals = signals_of(response)

    assert [(signal.kind, signal.value) for signal in signals] == [
        ("content-usage", "train-ai=n"),
        ("meta-robots", "noai, noimageai"),
        ("tdmrep", "tdm-reservation: 1"),
    ]
    assert {signal.where for signal in signals} == {URL}


TDM = st.none() | st.sampled_from(["0", "1"])


@given(meta=TDM, header=TDM, policy=st.sampled_from(["meta", "header", "none"]))
def test_of_two_reservations_the_nearer_one_decides(meta, header, policy):
    head = f'<meta name="tdm-reservation" content="{meta}">' if meta else ""
    head += '<meta name="TDM-Policy" content="https://m.example/terms">' if policy == "meta" else ""
    headers = {"tdm-reservation": header} if header else {}
    headers |= {"tdm-policy": "https://m.example/terms"} if policy == "header" else {}
    page = HtmlResponse(URL, body=f"<html><head>{head}</head>".encode(), encoding="utf-8", headers=headers)

    found = [(signal.kind, signal.value) for signal in signals_of(page)]

    terms = "" if policy == "none" else "; tdm-policy: https://m.example/terms"
    expected = {
        None: [],
        "0": [("tdmrep-granted", "tdm-reservation: 0")],
        "1": [("tdmrep", f"tdm-reservation: 1{terms}")],
    }
    assert found == expected[meta or header]


def test_a_page_may_be_refused_by_its_x_robots_tag():
    page = HtmlResponse(URL, body=b"<html>", encoding="utf-8", headers={"X-Robots-Tag": ["nosnippet", "noimageai"]})

    assert kinds(signals_of(page)) == ["x-robots-tag"]


WORDS = ("all", "nofollow", "noarchive", "max-snippet: 3", "noai", "noimageai", "noindex", "none", "noml")
GROUPS = st.lists(
    st.tuples(
        st.sampled_from(["", "googlebot", "otherbot", "herbarium-harvester", "*"]),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=3,
)


@given(GROUPS)
def test_a_name_in_front_addresses_one_robot(groups):
    value = ", ".join((f"{name}: " if name else "") + ", ".join(words) for name, words in groups)
    addressed, refused = "", False
    for name, words in groups:
        addressed = name or addressed
        refused |= addressed in {"", "*", "herbarium-harvester"} and any(word in WORDS[4:] for word in words)

    assert bool(header_signals([("X-Robots-Tag", value)], URL)) == refused


def test_the_terms_of_a_reservation_are_kept():
    headers = [("TDM-Reservation", "1"), ("TDM-Policy", "https://m.example/terms.json")]
    file = [{"location": "/", "tdm-reservation": 1, "tdm-policy": "https://m.example/terms.json"}]

    found = [*header_signals(headers, URL), *tdm_signals(file, URL, "https://museum.example/.well-known/tdmrep.json")]

    assert {signal.value for signal in found} == {"tdm-reservation: 1; tdm-policy: https://m.example/terms.json"}


ROBOTS = """
User-agent: otherbot
Content-Usage: train-ai=n

User-agent: *
Content-Usage: train-ai=y
Content-Usage: /art/ train-ai=n
Content-Usage: /art/open/ train-ai=y   # these may
Content-Signal: search=yes, ai-train=no
Disallow: /private/
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a.jpg", ["content-signal"]),
        ("/art/a.jpg", ["content-usage", "content-signal"]),
        ("/art/open/a.jpg", ["content-signal"]),
    ],
)
def test_usage_lines_of_robots_txt(path, expected):
    rules = robots_usage(ROBOTS, "herbarium-harvester")
    assert kinds(usage_signals(rules, path, "https://museum.example/robots.txt")) == expected


def test_a_group_of_our_own_replaces_the_one_for_all():
    text = f"{ROBOTS}\nUser-agent: herbarium-harvester\nUser-agent: friend\nContent-Usage: train-ai=y\n"
    assert usage_signals(robots_usage(text, "herbarium-harvester"), "/art/a.jpg", URL) == ()


@pytest.mark.parametrize(
    ("policy", "url", "refused"),
    [
        ([{"location": "/reserved/*", "tdm-reservation": 1}], "https://m.example/reserved/a.jpg", True),
        ([{"location": "/reserved/*", "tdm-reservation": 1}], "https://m.example/open/a.jpg", False),
        ([{"location": "/*.jpg$", "tdm-reservation": "1"}], "https://m.example/x/a.jpg", True),
        ([{"location": "/*.jpg$", "tdm-reservation": 1}], "https://m.example/x/a.jpg.png", False),
        (
            [{"location": "/", "tdm-reservation": 1}, {"location": "/open/", "tdm-reservation": 0}],
            "https://m.example/open/a.jpg",
            False,
        ),
        ([{"location": "/", "tdm-reservation": 1}], "https://m.example", True),
        ({"location": "/", "tdm-reservation": 1}, "https://m.example/", False),
        (None, "https://m.example/", False),
        ([{"tdm-reservation": 1}, "text", {"location": 3}], "https://m.example/", False),
    ],
)
def test_tdmrep_json(policy, url, refused):
    assert bool(tdm_signals(policy, url, "https://m.example/.well-known/tdmrep.json")) == refused


@given(st.text(), st.sampled_from(["x-robots-tag", "content-usage", "content-signal", "tdm-reservation"]))
def test_no_header_breaks_the_reader(value, name):
    assert len(header_signals([(name, value)], URL)) <= 1


@given(st.text(max_size=200))
def test_no_robots_txt_breaks_the_reader(text):
    usage_signals(robots_usage(text, "herbarium-harvester"), "/a", URL)
