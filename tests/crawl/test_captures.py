"""Which captures are taken, whatever the pages and parts that an index gives them in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from json import dumps

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.http import TextResponse

from harvest.crawl.webarchive.captures import REVISIT, Capture, Query, Selection
from harvest.crawl.webarchive.cdx import Archive, Step, archive, lines, rows
from harvest.crawl.webarchive.listing import Listing, halves
from harvest.crawl.webarchive.replay import Found, found, onward
from harvest.errors import SourceChanged

ROWS = st.lists(
    st.builds(
        Capture,
        urlkey=st.sampled_from(["a)/1", "a)/2", "b)/1"]),
        timestamp=st.integers(2000, 2009).map(str),
        original=st.just("http://a.example/"),
        mimetype=st.sampled_from(["image/png", "image/png", REVISIT, "text/html"]),
        status=st.just("200"),
        digest=st.sampled_from(["A", "B"]),
    ),
    max_size=30,
).map(lambda captures: sorted(captures, key=lambda capture: (capture.urlkey, capture.timestamp)))
WEB_BEGINS = datetime(1990, 1, 1)  # noqa: DTZ001 - as timestamps of captures are, in UTC
WHICH = st.sampled_from(["every", "newest", "oldest"])
PYWB = Archive(dialect="pywb", index="http://a.example/old/cdx", replay="http://a.example/old/")


@given(
    ROWS,
    st.sampled_from(["every", "newest", "oldest"]),
    st.sampled_from(["digest", "urlkey", "none"]),
    st.integers(1, 9),
)
def test_pages_do_not_change_what_is_taken(captures: list[Capture], which: str, collapse: str, size: int) -> None:
    query = Query(url="a.example", captures=which, collapse=collapse)
    at_once = Selection(query, set())
    whole = [*at_once.of(captures), *at_once.end()]

    held, taken, paged = None, set[int](), list[Capture]()
    for first in range(0, len(captures), size):
        selection = Selection(query, taken, held)
        paged += selection.of(captures[first : first + size])
        held = selection.open
    paged += Selection(query, taken, held).end()

    assert paged == whole


@given(ROWS)
def test_the_newest_and_the_oldest_are_the_last_and_the_first_of_every_single_one(captures: list[Capture]) -> None:
    def taken(which: str) -> list[Capture]:
        selection = Selection(Query(url="a.example", captures=which, collapse="none"), set())
        return [*selection.of(captures), *selection.end()]

    every = taken("every")

    assert {one.urlkey: one.timestamp for one in taken("newest")} == {one.urlkey: one.timestamp for one in every}
    assert {one.urlkey: one.timestamp for one in taken("oldest")} == {
        one.urlkey: one.timestamp for one in reversed(every) if one.mimetype != REVISIT
    }
    assert REVISIT not in {one.mimetype for one in every}


@given(st.datetimes(WEB_BEGINS, WEB_BEGINS.replace(year=2030)), st.integers(1, 10**9))
def test_halves_meet_without_a_gap(first: datetime, seconds: int) -> None:
    last = first + timedelta(seconds=seconds)
    step = Step(index="i", since=f"{first:%Y%m%d%H%M%S}", until=f"{last:%Y%m%d%H%M%S}")

    early, late = halves(step) or pytest.fail("two seconds can be halved")

    assert (early.since, late.until) == (step.since, step.until)
    end = datetime.strptime(early.until or "", "%Y%m%d%H%M%S")  # noqa: DTZ007
    assert late.since == f"{end + timedelta(seconds=1):%Y%m%d%H%M%S}"


def test_dates_of_any_length_can_be_halved_until_a_second_is_left() -> None:
    now = datetime.now(UTC)
    for since, until in ((None, None), ("199", "2"), ("200502", "200502"), ("2004022", "20050231")):
        step, times = Step(index="i", since=since, until=until), 0
        while (parts := halves(step)) is not None:
            step, times = parts[times % 2], times + 1
        assert times < 40
        assert step.since == step.until
        assert "1990" <= (step.since or "")[:4] <= str(max(now.year, 2999))


def test_every_part_of_a_cut_listing_is_asked_newest_first() -> None:
    query = Query(url="a.example", captures="newest", per_page=1, since="2001", until="2002")
    listing = Listing(archive=PYWB, query=query)
    [asked] = listing.begin([PYWB.index])
    row = {"urlkey": "k", "timestamp": "20020101000000", "url": "http://a.example/", "mime": "image/png"}

    captures, [following] = listing.answer(dumps({**row, "status": "200"}), **asked.arguments)

    assert captures == []
    assert [step["until"] for step in following.arguments["steps"]] == ["20021231235959", "20011231235959"]


def test_a_second_with_too_many_captures_is_said() -> None:
    listing = Listing(archive=PYWB, query=Query(url="a.example", per_page=1, since="20010101000000"))
    step = {"index": PYWB.index, "since": "20010101000000", "until": "20010101000000"}
    row = {"timestamp": "20010101000000", "url": "http://a.example/", "mime": "image/png", "status": "200"}

    captures, following = listing.answer(dumps(row), [step], None)

    assert (len(captures), following) == (1, [])
    assert listing.cut == ["20010101000000"]


def test_an_archive_is_told_by_its_index() -> None:
    assert archive("auto", None, None).index == "https://web.archive.org/cdx/search/cdx"
    assert archive("auto", "http://h.example/old/cdx", None) == Archive(
        dialect="pywb", index="http://h.example/old/cdx", replay="http://h.example/old/"
    )
    assert archive("commoncrawl", None, None).replay == "https://data.commoncrawl.org/"
    with pytest.raises(ValueError, match=r"expected one of wayback, pywb, commoncrawl, since .* does not tell"):
        archive("auto", "http://h.example/captures", None)
    with pytest.raises(ValueError, match="pywb needs the address of its index"):
        archive("pywb", None, None)


def test_answers_of_another_shape_are_told_from_broken_ones() -> None:
    with pytest.raises(SourceChanged, match="columns are"):
        rows([["a", "b"], ["1", "2"]])
    with pytest.raises(SourceChanged, match="rows of an unknown kind"):
        lines('{"url": "http://a.example/"}')
    with pytest.raises(ValueError, match="Expecting"):
        lines("<html>")


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/moved.jpg", "http://w.example/web/2005id_/http://a.example/moved.jpg"),
        ("http://other.example/1.jpg", "http://w.example/web/2005id_/http://other.example/1.jpg"),
        ("/web/2007id_/http://a.example/1.jpg", "http://w.example/web/2007id_/http://a.example/1.jpg"),
        ("https://w.example/web/2007/http://a.example/1.jpg", "http://w.example/web/2007id_/http://a.example/1.jpg"),
        ("http://evil.example/web/2007/http://a.example/1.jpg", None),
    ],
)
def test_a_redirect_never_leaves_the_archive(location: str, leads_to: str | None) -> None:
    asked = Found("2005", "http://a.example/fins/1.jpg")
    url = "http://w.example/web/2005id_/http://a.example/fins/1.jpg"
    answer = TextResponse(url, status=302, headers={"Location": location})

    following = onward("http://w.example/web/", asked, answer)

    assert following is not None
    assert following.startswith("http://w.example/web/")
    assert leads_to in {following, None}


def test_what_an_archive_says_of_its_answer_counts_more_than_what_was_asked() -> None:
    headers = {"Memento-Datetime": "Thu, 03 Feb 2005 04:05:09 GMT"}
    answer = TextResponse("http://w.example/web/2005id_/http://a.example/1.jpg", headers=headers)

    assert found(answer, Found("2001", "http://b.example/")) == Found("20050203040509", "http://a.example/1.jpg")
