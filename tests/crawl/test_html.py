"""The largest copy of a picture, and the words beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parsel import Selector

from harvest.crawl.html import cards, date, image_url, parse_srcset, rights

BASE = "https://museum.example/works/"
ADDRESS = st.from_regex(r"\A[a-z0-9/._~%&=-]{0,20}[a-z0-9]\Z")


@given(st.lists(st.tuples(ADDRESS, st.integers(1, 9999)), min_size=1, max_size=6))
def test_a_srcset_is_read_back(candidates):
    text = ", ".join(f"{address} {width}w" for address, width in candidates)
    assert parse_srcset(text) == [(address, float(width), "w") for address, width in candidates]


@given(st.text())
def test_no_srcset_breaks_the_reader(text):
    assert all(address and unit in {"w", "x"} for address, _, unit in parse_srcset(text))


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<img src="a.jpg">', "https://museum.example/works/a.jpg"),
        ('<img src="a.jpg" srcset="b.jpg 2x">', "https://museum.example/works/b.jpg"),
        ('<img src="a.jpg" srcset="b.jpg 640w, c.jpg 320w">', "https://museum.example/works/b.jpg"),
        ('<img data-src="/lazy.jpg" src="data:image/gif;base64,R0l">', "https://museum.example/lazy.jpg"),
        ('<a href="//cdn.example/full.jpeg"><img src="a.jpg"></a>', "https://cdn.example/full.jpeg"),
        ('<a href="/page.html"><img src="a.jpg"></a>', "https://museum.example/works/a.jpg"),
        ('<img src="data:image/gif;base64,R0l">', None),
        ('<img alt="no address">', None),
        ('<img src="javascript:alert(1)">', None),
        ('<img src="a.jpg#t=1">', "https://museum.example/works/a.jpg"),
    ],
)
def test_the_largest_copy(markup, expected):
    (card,) = cards(Selector(text=f"<main>{markup}</main>"), None)
    assert image_url(card, BASE, None) == expected


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<time datetime="1901">1901</time>', "1901"),
        ('<time datetime="2020-02-10T08:16:51Z">then</time>', "2020-02-10T08:16:51Z"),
        ('<time datetime="next week">then</time>', None),
        ('<meta itemprop="datePublished" content="1999-12-31">', "1999-12-31"),
        ("<p>1901</p>", None),
    ],
)
def test_dates(markup, expected):
    assert date(Selector(text=markup), None) == expected


def test_a_licence_of_ones_own_that_nobody_knows_stays_unknown():
    page = Selector(text='<figure><img src="a.jpg"><a rel="license" href="/house-rules">House rules</a></figure>')
    found = rights(page.css("figure")[0], BASE, None)
    assert found == (None, "https://museum.example/house-rules", "House rules")
