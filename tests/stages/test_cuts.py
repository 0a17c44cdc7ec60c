"""Where scores are cut: properties of each way, and scores whose right bound is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.stages.spaces.cuts import best, found, judged, otsu, valley

SCORES = st.lists(st.integers(-50, 50).map(lambda tenth: tenth / 10), min_size=1, max_size=60).map(np.array)


def hills(low: float, high: float, *, share: float, n: int = 20_000, spread: float = 0.02, seed: int = 0):
    """Scores of two kinds of images, `share` of them of the better kind, and which those are."""
    rng = np.random.default_rng(seed)
    good = rng.random(n) < share
    return np.where(good, high, low) + rng.normal(0, spread, n), good


@given(SCORES, st.integers(0, 70))
def test_the_best_are_as_many_as_asked_for_and_none_better_is_left(scores, count):
    passed, ranks = best(scores, count)

    assert passed.sum() == min(count, len(scores))
    assert sorted(ranks) == list(range(1, len(scores) + 1))
    if 0 < passed.sum() < len(scores):
        assert scores[passed].min() >= scores[~passed].max()


@given(SCORES)
def test_no_other_bound_has_more_variance_between_its_sides_than_otsus(scores):
    def between(bound):
        upper = scores >= bound
        if upper.all() or not upper.any():
            return 0.0
        return upper.mean() * (1 - upper.mean()) * (scores[upper].mean() - scores[~upper].mean()) ** 2

    assert between(otsu(scores).threshold) == pytest.approx(max(map(between, scores)), abs=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.2, 0.03])
def test_a_valley_divides_two_kinds_however_few_there_are_of_one(share):
    scores, good = hills(0.1, 0.3, share=share)

    cut = valley(scores)

    assert cut is not None
    assert ((scores >= cut.threshold) == good).mean() > 0.999
    assert cut.detail["share_above"] == pytest.approx(good.mean(), abs=0.005)
    assert (cut.detail["below"], cut.detail["above"]) == pytest.approx((0.1, 0.3), abs=0.005)
    assert cut.words.startswith("the valley between two hills of scores, 0.1")


@pytest.mark.parametrize("seed", range(5))
def test_one_hill_has_no_valley(seed):
    assert valley(np.random.default_rng(seed).normal(0.2, 0.02, 5_000)) is None


@pytest.mark.parametrize("scores", [[], [0.2], [0.2] * 50, [0.1, 0.2]])
def test_too_little_has_no_valley_and_otsu_takes_it_as_it_is(scores):
    assert valley(np.array(scores)) is None
    assert np.isfinite(otsu(np.array(scores)).threshold)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40), st.sampled_from([0.5, 0.8, 1.0])
)
def test_a_judged_bound_is_the_lowest_that_is_as_precise_as_asked(rows, precision):
    scores = np.array([score for score, _ in rows], np.float64)
    good = np.array([is_good for _, is_good in rows])

    cut = judged(scores, dict(enumerate(good.tolist())), precision=precision)

    above = {bound: good[scores >= bound].mean() for bound in scores}
    enough = [bound for bound, share in above.items() if share >= precision]
    passed = scores >= cut.threshold
    assert passed.any()
    if enough:
        assert (passed == (scores >= min(enough))).all()
    else:
        assert good[passed].mean() == max(above.values())
        assert "no bound reaches" in cut.words


def test_judgements_count_when_there_are_enough_of_both_kinds():
    scores, good = hills(0.1, 0.3, share=0.5, n=400)
    few = {place: bool(good[place]) for place in range(12)}
    # This person wants only the upper half of the upper hill.
    strict = {place: bool(scores[place] > 0.3) for place in range(100)}

    assert found(scores, few, precision=0.9).method == "valley"
    cut = found(scores, strict, precision=1.0)
    assert cut.method == "judged"
    assert cut.threshold == pytest.approx(0.3, abs=0.01)
    assert cut.words == "100 images judged by hand: above it 100% are ones to keep, and 100% of those"


def test_without_hills_otsu_cuts():
    scores = np.random.default_rng(1).normal(0.2, 0.02, 2_000)

    cut = found(scores, {}, precision=0.9)

    assert cut.method == "otsu"
    assert cut.words.startswith("Otsu's criterion over 2,000 scores, 6")
    assert cut.detail["explained"] == pytest.approx(2 / np.pi, abs=0.02)
    assert cut.threshold == pytest.approx(0.2, abs=0.005)
