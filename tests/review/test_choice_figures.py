from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harvest.review.choices_figures import Cut, Fate, beside, histogram, spread

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False, width=32)
VALUES = st.integers(1, 300).flatmap(lambda n: arrays(np.float64, n, elements=NUMBERS)).map(np.sort)


def figure(values, *cuts):
    return histogram(np.asarray(values, np.float64), np.zeros(len(values), np.int8), cuts)


@given(values=VALUES, cuts=st.lists(NUMBERS, max_size=2, unique=True), seed=st.integers(0, 99))
def test_every_image_is_in_one_bin_and_bins_lie_side_by_side(values, cuts, seed) -> None:
    fates = np.random.default_rng(seed).integers(0, len(Fate), len(values)).astype(np.int8)

    found = histogram(values, fates, [Cut(name="", at=at, drops="below") for at in cuts])

    assert sum(one.kept for one in found.bins) == np.count_nonzero(fates == Fate.KEPT)
    assert sum(one.dropped for one in found.bins) == np.count_nonzero(fates == Fate.DROPPED)
    assert sum(one.elsewhere for one in found.bins) == np.count_nonzero(fates == Fate.ELSEWHERE)
    assert all(one.low < one.high for one in found.bins)
    assert all(one.high == other.low for one, other in itertools.pairwise(found.bins))
    assert len(found.bins) <= 400
    assert all(0 <= found.place(value) <= 100 for value in values)


@given(values=VALUES, share=st.floats(0, 1), drops=st.sampled_from(["below", "above"]))
def test_no_bin_holds_images_from_both_sides_of_the_cut(values, share, drops) -> None:
    at = float(values[0] + share * (values[-1] - values[0]))
    fates = (values < at if drops == "below" else values > at).astype(np.int8)

    found = histogram(values, fates, [Cut(name="", at=at, drops=drops)])

    assert not any(one.kept and one.dropped for one in found.bins)


def test_two_cuts_both_fall_between_bins() -> None:
    values = np.linspace(0, 1, 1_000)
    cuts = [Cut(name="min", at=0.21, drops="below"), Cut(name="max", at=0.73, drops="above")]

    found = figure(values, *cuts)

    edges = [one.low for one in found.bins]
    assert all(min(abs(edge - cut.at) for edge in edges) < 1e-9 for cut in cuts)


def test_whole_numbers_have_a_bin_each_and_cuts_lie_between_them() -> None:
    found = figure([0, 0, 1, 1, 1, 2, 5], Cut(name="max", at=1, drops="above"))

    assert [one.kept for one in found.bins] == [2, 3, 1, 0, 0, 1]
    assert found.place_of_cut(Cut(name="max", at=1, drops="above")) == pytest.approx(100 * 2 / 6, abs=0.01)
    assert found.ticks == (0, 1, 2, 3, 4, 5)


def test_a_long_tail_of_positive_numbers_gets_a_logarithmic_axis() -> None:
    values = np.sort(np.random.default_rng(0).lognormal(0, 3, 500))

    found = figure(values, Cut(name="max", at=10, drops="above"))

    assert found.is_logarithmic
    assert found.beyond == 0
    assert 1 in found.ticks
    assert any(one.low == pytest.approx(10) for one in found.bins)


def test_far_numbers_of_both_signs_are_counted_in_the_outermost_bins() -> None:
    values = np.sort(np.concatenate([np.linspace(-1, 1, 998), [-1e5, 1e5]]))

    found = figure(values)

    assert found.beyond == 2
    assert -10 < found.bins[0].low < -1 < 1 < found.bins[-1].high < 10
    assert found.place(1e5) == 100


def test_a_cut_that_no_number_comes_near_is_not_shown() -> None:
    found = figure(np.linspace(1, 1.5, 50), Cut(name="max", at=30, drops="above"))

    assert not found.shows(Cut(name="max", at=30, drops="above"))
    assert found.bins[-1].high < 2


def test_counts_that_differ_much_are_told_apart_on_a_logarithmic_height() -> None:
    found = figure(np.sort(np.concatenate([np.zeros(5_000), np.linspace(0.5, 60, 40)])))

    assert found.is_uneven
    assert found.height(1, of_log=False) < 0.1
    assert found.height(1, of_log=True) > 5


@given(values=VALUES, at=NUMBERS, most=st.integers(1, 9), drops=st.sampled_from(["below", "above"]))
def test_what_lies_beside_a_cut_is_nearest_to_it(values, at, most, drops) -> None:
    cut = Cut(name="", at=at, drops=drops)

    below, above = beside(values, cut, most)

    assert all((values[i] < at) if drops == "below" else (values[i] <= at) for i in below)
    assert all((values[i] >= at) if drops == "below" else (values[i] > at) for i in above)
    both = np.concatenate([below, above])
    assert np.array_equal(both, np.arange(both[0], both[0] + len(both)))
    assert len(below) == most or below.size == 0 or below[0] == 0
    assert len(above) == most or above.size == 0 or above[-1] == len(values) - 1


@given(count=st.integers(1, 10**6), most=st.integers(2, 12))
def test_quantiles_reach_from_the_least_to_the_largest(count, most) -> None:
    found = spread(count, most)

    assert (found[0], found[-1]) == (0, count - 1)
    assert len(found) == min(count, most)
    assert np.ptp(np.diff(found)) <= 1 if len(found) > 2 else True
