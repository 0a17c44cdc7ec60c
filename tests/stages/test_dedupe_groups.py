"""Groups: every copy is bound to the kept one, whatever the order in which answers come."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harvest.stages.dedupe.groups import Layer, Proofs, groups_of

COUNT = 12


class Witness:
    """Knows which pairs are alike, and counts what it is asked."""

    def __init__(self, count, alike):
        self.alike, self.proofs, self.asked = alike, Proofs(count), []

    def ask(self, one, other):
        pairs = list(zip(one.tolist(), other.tolist(), strict=True))
        assert not set(pairs) & set(self.asked), "what is known is not asked again"
        self.asked += pairs
        self.proofs.add(one, other, np.array([tuple(sorted(pair)) in self.alike for pair in pairs]))


def layer(label, pairs=(), *, is_proof=False, count=None):
    first, second = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    words = {"kind": "near", "method": "phash", "threshold": 8.0, "is_proof": is_proof}
    return Layer.of_pairs(np.array(label, np.int32), first, second, np.full(len(first), 3), **words)


def one_by_one(candidates, alike, ranked):
    """What groups mean: the best picture left takes its copies."""
    kept_for = list(range(len(ranked)))
    taken = set()
    for keeper in ranked:
        if keeper in taken:
            continue
        for other in ranked[ranked.index(keeper) + 1 :]:
            pair = tuple(sorted((keeper, other)))
            if other not in taken and pair in candidates and pair in alike:
                kept_for[other] = keeper
                taken.add(other)
    return kept_for


edges = st.sets(st.tuples(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1)).filter(lambda pair: pair[0] < pair[1]))


@given(edges, edges, st.permutations(range(COUNT)))
def test_groups_are_those_of_going_through_the_ranking_once(candidates, alike, ranked):
    witness = Witness(COUNT, alike)

    kept_for = groups_of([layer(range(COUNT), sorted(candidates))], np.array(ranked), witness.proofs, witness.ask)

    assert kept_for.tolist() == one_by_one(candidates, alike, list(ranked))
    assert {tuple(sorted(pair)) for pair in witness.asked} <= candidates


@given(st.lists(st.integers(0, 3), min_size=COUNT, max_size=COUNT), edges, edges, st.permutations(range(COUNT)))
def test_pictures_of_one_class_are_candidates_of_each_other_and_of_near_classes(label, near, alike, ranked):
    near = {pair for pair in near if pair[1] <= max(label)}
    together = {
        (i, j)
        for i in range(COUNT)
        for j in range(i + 1, COUNT)
        if label[i] == label[j] or tuple(sorted((label[i], label[j]))) in near
    }
    witness = Witness(COUNT, alike)

    kept_for = groups_of([layer(label, sorted(near))], np.array(ranked), witness.proofs, witness.ask)

    assert kept_for.tolist() == one_by_one(together, alike, list(ranked))


def test_a_chain_is_cut_where_the_ends_are_not_alike():
    # 1 resembles 0 and 2, which do not resemble each other: 2 must not be dropped for 0.
    witness = Witness(3, {(0, 1), (1, 2)})

    kept_for = groups_of([layer([0, 0, 0])], np.array([0, 1, 2]), witness.proofs, witness.ask)

    assert kept_for.tolist() == [0, 0, 2]


def test_a_thousand_copies_are_laid_over_the_kept_one_and_few_others():
    count = 1_000
    everyone = {(i, j) for i in range(count) for j in range(i + 1, count)}
    witness = Witness(count, everyone)

    kept_for = groups_of([layer([0] * count)], np.arange(count), witness.proofs, witness.ask)

    assert set(kept_for.tolist()) == {0}
    assert len(witness.asked) <= 2 * count


def test_two_crowds_of_one_hash_are_told_apart():
    # The better half of a crowd is another picture than the rest: the rest still finds its own best.
    count = 600
    alike = {(i, j) for i in range(count) for j in range(i + 1, count) if (i < 300) == (j < 300)}
    witness = Witness(count, alike)

    kept_for = groups_of([layer([0] * count)], np.arange(count), witness.proofs, witness.ask)

    assert kept_for.tolist() == [0] * 300 + [300] * 300
    assert len(witness.asked) <= 20 * count


def test_equal_pixels_need_no_look_unless_a_person_says_otherwise():
    witness = Witness(3, set())
    witness.proofs.tell([0], [2], alike=False)

    kept_for = groups_of([layer([0, 0, 0], is_proof=True)], np.array([0, 1, 2]), witness.proofs, witness.ask)

    assert kept_for.tolist() == [0, 0, 2]
    assert witness.asked == []


def test_what_cannot_be_seen_is_a_copy_of_nothing():
    witness = Witness(3, {(0, 1), (0, 2), (1, 2)})
    witness.proofs.unseen[0] = True

    kept_for = groups_of([layer([0, 0, 0])], np.array([0, 1, 2]), witness.proofs, witness.ask)

    assert kept_for.tolist() == [0, 1, 1]
    assert witness.asked == [(1, 2)]


def test_distances_are_those_between_classes():
    near = layer([0, 0, 1, 2, -1], [(0, 1)])

    assert (near.between(0, 1), near.between(0, 2), near.between(2, 1)) == (0.0, 3.0, 3.0)
    assert near.between(0, 3) is near.between(0, 4) is near.between(4, 4) is None
