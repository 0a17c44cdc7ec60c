"""Windows of upload dates: every second is asked for once, and what is dense is asked for in small parts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.crawl.sites.windows import FLOOR, Window, moment, split

LICENCES = ("0", "4", "9")
MOST = 20


@given(since=st.integers(0, 2**31), seconds=st.integers(1, 2**30), total=st.integers(0, 10**7))
def test_the_parts_of_a_window_are_the_window(since: int, seconds: int, total: int) -> None:
    window = Window(since=since, until=since + seconds - 1)

    parts = split(window, total, LICENCES, most=MOST)

    if total <= MOST:
        assert parts == ()
    elif seconds < 2 * FLOOR:
        assert parts == tuple(Window(since=window.since, until=window.until, license=number) for number in LICENCES)
    else:
        assert (parts[0].since, parts[-1].until) == (window.since, window.until)
        assert all(one.until + 1 == following.since for one, following in pairwise(parts))
        assert all(part.seconds >= FLOOR for part in parts)


@given(
    bursts=st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 5), st.integers(1, 200), st.sampled_from(LICENCES)), max_size=12
    )
)
def test_whatever_fits_is_reached_and_the_rest_is_as_small_as_it_gets(bursts: list[tuple[int, int, int, str]]) -> None:
    photos = [(at + spread * each, number) for at, spread, count, number in bursts for each in range(count)]
    open_windows, asked, leaves = [Window(since=0, until=2 * 10**6)], 0, []

    while open_windows:
        window, asked = open_windows.pop(), asked + 1
        inside = [photo for photo in photos if _is_in(window, photo)]
        parts = split(window, len(inside), LICENCES, most=MOST)
        open_windows.extend(parts)
        if not parts:
            leaves.append((window, inside))

    assert sorted(photo for _, inside in leaves for photo in inside) == sorted(photos)
    too_large = [window for window, inside in leaves if len(inside) > MOST]
    assert all(window.seconds < 2 * FLOOR and window.license for window in too_large)
    assert asked <= 1 + 120 * len(bursts)


def _is_in(window: Window, photo: tuple[int, str]) -> bool:
    at, number = photo
    return window.since <= at <= window.until and window.license in {None, number}


@pytest.mark.parametrize(
    ("value", "is_end", "expected"),
    [
        ("1262304000", True, 1262304000),
        ("2010-01-01", False, 1262304000),
        ("2010-01-01", True, 1262304000 + 86_399),
        ("2010-01-01 00:00:05", True, 1262304005),
        ("2010-01-01T01:00:00+01:00", False, 1262304000),
        ("2010-13-01", False, None),
        ("", False, None),
    ],
)
def test_dates_are_read_as_flickr_takes_them(value: str, is_end: bool, expected: int | None) -> None:
    assert moment(value, is_end=is_end) == expected
