"""Few points that stand for all, held against the best possible ones where those can be found by trying all."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.stages.spaces.cover import facility_location, k_centre, middle, represented


def points(seed: int, n: int, d: int = 4) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(n, d))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


SEEDS, COUNTS = st.integers(0, 10_000), st.integers(1, 4)


@given(seed=SEEDS, n=st.integers(5, 9), count=COUNTS)
@settings(max_examples=60)
def test_k_centre_leaves_none_farther_than_twice_what_is_possible(seed, n, count) -> None:
    space = points(seed, n)
    chords = np.sqrt(np.maximum(0, 2 - 2 * (space @ space.T).astype(np.float64)))

    chosen = k_centre(space, count)

    best = min(chords[list(some)].min(axis=0).max() for some in combinations(range(n), count))
    assert len(set(chosen.tolist())) == count
    assert chords[chosen].min(axis=0).max() <= 2 * best + 1e-3


@given(seed=SEEDS, n=st.integers(5, 9), count=COUNTS)
@settings(max_examples=60)
def test_facility_location_comes_near_to_the_best_sum(seed, n, count) -> None:
    space = points(seed, n)
    likeness = 1 + (space @ space.T).astype(np.float64)

    chosen = facility_location(space, count)

    best = max(likeness[list(some)].max(axis=0).sum() for some in combinations(range(n), count))
    assert len(set(chosen.tolist())) == count
    assert likeness[chosen].max(axis=0).sum() >= (1 - 1 / np.e) * best


@given(seed=SEEDS, n=st.integers(60, 90), count=st.integers(2, 12))
@settings(max_examples=25)
def test_the_lazy_choice_is_the_greedy_one(seed, n, count) -> None:
    space = points(seed, n, 8)
    likeness = (space @ space.T).astype(np.float64)

    chosen = facility_location(space, count)

    for size in range(1, count):  # each next one gains as much as the best would, but for the steps of a byte
        served = likeness[chosen[:size]].max(axis=0)
        gains = np.maximum(likeness, served).sum(axis=1) - served.sum()
        assert gains[chosen[size]] >= gains.max() - n * 2 / 255


def test_a_sample_of_witnesses_chooses_nearly_as_well_as_all() -> None:
    groups = points(1, 40, 16)[np.random.default_rng(2).integers(0, 40, 2_000)]
    space = groups + 0.1 * points(3, 2_000, 16)
    space /= np.linalg.norm(space, axis=1, keepdims=True)

    exact, sampled = (facility_location(space, 40, cells=cells) for cells in (10**9, 2_000 * 300))

    _, near = represented(space, exact)
    _, nearly = represented(space, sampled)
    assert not np.array_equal(exact, sampled)
    assert nearly.mean() >= near.mean() - 0.01


def test_both_begin_with_what_they_are_given_and_else_in_the_middle() -> None:
    space = points(4, 50)

    for way in (k_centre, facility_location):
        assert way(space, 5, first=[7, 3])[:2].tolist() == [7, 3]
        assert way(space, 5)[0] == middle(space)
        assert way(space, 1, first=[7, 3]).tolist() == [7]
        assert sorted(way(space, 80).tolist()) == list(range(50))


def test_equal_points_are_all_chosen_in_the_end_and_none_twice() -> None:
    space = np.repeat(points(5, 3), 4, axis=0)

    for way in (k_centre, facility_location):
        chosen = way(space, 12).tolist()
        assert sorted(chosen) == list(range(12))
        assert {row // 4 for row in chosen[:3]} == {0, 1, 2}


def test_every_point_is_stood_for_by_the_chosen_one_that_is_most_like_it() -> None:
    space = points(6, 2_500)
    chosen = k_centre(space, 9)

    place, cosine = represented(space, chosen)

    likeness = space @ space[chosen].T
    assert place[chosen].tolist() == list(range(9))
    np.testing.assert_allclose(cosine, likeness.max(axis=1), atol=1e-6)
    assert place.tolist() == likeness.argmax(axis=1).tolist()
