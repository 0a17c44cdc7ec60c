"""What is learned from examples: as others learn it, calibrated, and from few judgements when they are well chosen."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from harvest.stages.spaces import logistic
from harvest.stages.spaces.doubt import next_to_judge
from harvest.stages.spaces.logistic import learn
from harvest.stages.spaces.solitude import far_out, kth_distances


def blobs(seed: int, sizes: tuple[int, ...], spread: float = 0.35, d: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around as many centres as there are sizes, and which centre each belongs to."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(1).normal(size=(len(sizes), d))
    kind = np.repeat(np.arange(len(sizes)), sizes)
    vectors = centres[kind] / np.linalg.norm(centres[kind], axis=1, keepdims=True)
    vectors += spread * rng.normal(size=vectors.shape) / np.sqrt(d) * 2
    order = rng.permutation(len(kind))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)[order], kind[order]


@pytest.mark.parametrize("strength", [10.0, 1.0, 0.1])
def test_the_line_is_the_one_that_scikit_learn_finds(strength: float) -> None:
    vectors, kind = blobs(2, (30, 90), spread=1.2, d=6)
    wanted = kind == 0

    line = logistic._line(vectors.astype(np.float64), wanted, strength)

    theirs = LogisticRegression(C=1 / strength, class_weight="balanced", tol=1e-8, max_iter=10_000)
    theirs.fit(vectors.astype(np.float64), wanted)
    np.testing.assert_allclose(line[:-1], theirs.coef_[0], atol=1e-3)
    assert line[-1] == pytest.approx(theirs.intercept_[0], abs=1e-3)


def test_probabilities_are_those_that_come_true() -> None:
    vectors, kind = blobs(3, (1200, 1200), spread=1.6)
    known, new = slice(0, 400), slice(400, None)

    foretold = learn(vectors[known], kind[known] == 1).probabilities(vectors[new])

    truth = kind[new] == 1
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0)):
        within = (foretold >= low) & (foretold <= high)
        assert within.sum() > 100
        assert truth[within].mean() == pytest.approx(foretold[within].mean(), abs=0.1)


def test_held_out_examples_are_judged_by_who_has_not_seen_them() -> None:
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(60, 40)).astype(np.float32)

    taught = learn(noise, rng.random(60) < 0.5)

    assert np.ptp(taught.held_out) < 0.6  # there is nothing to learn, and it knows
    assert np.ptp(taught.probabilities(noise)) < 0.6


def test_two_of_either_kind_are_enough_and_equal_examples_teach_the_same() -> None:
    vectors, kind = blobs(5, (40, 40))
    some = np.concatenate([np.flatnonzero(kind == 0)[:2], np.flatnonzero(kind == 1)[:2]])

    taught = learn(vectors[some], kind[some] == 1)

    ranked = taught.probabilities(vectors)
    assert np.median(ranked[kind == 1]) > np.median(ranked[kind == 0])
    np.testing.assert_array_equal(learn(vectors[some].copy(), kind[some] == 1).weights, taught.weights)


def test_many_examples_that_part_without_fault_do_not_run_away() -> None:
    vectors, kind = blobs(6, (300, 300), spread=0.05)

    taught = learn(vectors, kind == 1)

    assert np.isfinite(taught.weights).all()
    assert ((taught.probabilities(vectors) > 0.5) == (kind == 1)).all()


def judged_by_machine(vectors: np.ndarray, wanted: np.ndarray, count: int) -> tuple[np.ndarray, int]:
    """Let it ask for `count` judgements, ten at a time; probabilities of all; how many were wanted."""
    asked: list[int] = []
    while len(asked) < count:
        left = np.setdiff1d(np.arange(len(vectors)), asked)
        picks = next_to_judge(vectors[left], vectors[asked], wanted[asked], 10)
        assert len(set(picks.rows.tolist())) == len(picks.rows) == len(picks.reasons) == 10
        asked += left[picks.rows].tolist()
    return learn(vectors[asked], wanted[asked]).probabilities(vectors), int(wanted[asked].sum())


def test_what_it_asks_for_teaches_more_than_what_comes_by_chance() -> None:
    vectors, kind = blobs(7, (40, *(120,) * 12), spread=0.9)
    wanted = kind == 0

    asked, _ = judged_by_machine(vectors, wanted, 60)

    by_chance = []
    for seed in range(8):
        some = np.random.default_rng(seed).permutation(len(vectors))[:60]
        if wanted[some].sum() >= 2:
            foretold = learn(vectors[some], wanted[some]).probabilities(vectors)
            by_chance.append(((foretold >= 0.5) == wanted).mean())
    assert ((asked >= 0.5) == wanted).mean() > np.mean(by_chance)


def test_first_it_asks_for_what_stands_for_many_then_for_what_is_unlike() -> None:
    vectors, kind = blobs(8, (50,) * 8, spread=0.3)
    nothing = np.empty((0, vectors.shape[1]), np.float32)

    first = next_to_judge(vectors, nothing, np.empty(0, np.bool_), 8)

    assert set(kind[first.rows]) == set(range(8))
    assert set(first.reasons) == {"typical"}
    assert first.probabilities is None
    one_kind = vectors[kind == 3][:4]
    more = next_to_judge(vectors[kind != 3], one_kind, np.zeros(4, np.bool_), 7)
    assert set(kind[kind != 3][more.rows]) == set(range(8)) - {3}
    assert set(more.reasons) == {"unlike"}


def test_while_one_is_wanted_it_asks_for_more_like_it() -> None:
    vectors, kind = blobs(9, (50,) * 8, spread=0.3)
    examples = np.concatenate([vectors[kind == 0][:6], vectors[kind == 1][:1]])
    wanted = np.array([False] * 6 + [True])

    picks = next_to_judge(vectors, examples, wanted, 10)

    assert picks.reasons == ("alike",) * 5 + ("unlike",) * 5
    assert set(kind[picks.rows[:5]]) == {1}
    assert len(set(kind[picks.rows[5:]]) - {0, 1}) == 5


def test_nobody_judges_twenty_of_the_same() -> None:
    vectors, kind = blobs(10, (200, 200, 3), spread=0.5)
    same = np.repeat(vectors[kind == 2][:1], 15, axis=0)
    pool = np.concatenate([same, vectors])
    examples = np.concatenate([vectors[kind == 0][:5], vectors[kind == 1][:5]])

    picks = next_to_judge(pool, examples, np.arange(10) < 5, 10)

    assert (picks.rows < 15).sum() <= 1


def test_nothing_is_suggested_where_nothing_is_left() -> None:
    nothing = np.empty((0, 8), np.float32)

    assert next_to_judge(nothing, nothing, np.empty(0, np.bool_), 5).rows.tolist() == []


def test_the_distance_to_the_kth_other_one_is_exact_and_leaves_the_point_itself_out() -> None:
    vectors, _ = blobs(11, (400, 700))

    found = kth_distances(vectors, 7)

    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(cosines, -9)
    np.testing.assert_allclose(found, 1 - np.sort(cosines, axis=1)[:, -7], atol=1e-5)
    twins = np.repeat(vectors[:3], 2, axis=0)
    assert kth_distances(twins, 1).max() < 1e-6
    assert kth_distances(twins, 99).min() > 0.01  # there are five others: the farthest counts
    assert kth_distances(vectors[:1], 3).tolist() == [0.0]


def test_a_sample_finds_the_same_odd_ones() -> None:
    vectors, kind = blobs(12, (900, 900, 6), spread=0.3)

    sampled = kth_distances(vectors, 40, pairs=len(vectors) * 450)

    assert set(np.argsort(-sampled)[:6]) == set(np.flatnonzero(kind == 2))


def test_what_stands_apart_is_beyond_the_bound() -> None:
    values = np.concatenate([np.random.default_rng(13).normal(0.2, 0.02, 1_000), [0.5, 0.6]])

    bound = far_out(values)

    assert 0.25 < bound < 0.3
    assert (values[-2:] > bound).all()
    assert (values[:-2] > bound).sum() <= 3
