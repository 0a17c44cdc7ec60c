"""Allotting parts: nothing torn, shares met to less than a part, the same every time, nothing moved by growth."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.config.split import SPLITS
from harvest.stages.split.allot import Part, allot, stays_in
from harvest.stages.split.parts import Bonds

USUAL = {"train": 0.8, "validation": 0.1, "test": 0.1}
SHARES = st.sampled_from(
    [USUAL, {"train": 0.5, "validation": 0.2, "test": 0.3}, {"train": 0.9, "validation": 0.0, "test": 0.1}]
)


@st.composite
def many_parts(draw, *, most: int = 60) -> list[Part]:
    sizes = draw(st.lists(st.integers(1, 40), min_size=1, max_size=most))
    labels = draw(st.lists(st.sampled_from("abc"), min_size=len(sizes), max_size=len(sizes)))
    return [
        Part(name=f"{number:03d}", size=size, labels={label: size})
        for number, (size, label) in enumerate(zip(sizes, labels, strict=True))
    ]


def images_in(parts, placed) -> Counter[str]:
    counts: Counter[str] = Counter()
    for part in parts:
        counts[placed[part.name]] += part.size
    return counts


def imbalance(parts, placed) -> float:
    """The mean over splits of how far their labels are from those of all: half the sum of absolute differences."""
    everywhere = Counter[str]()
    by_split = {split: Counter[str]() for split in SPLITS}
    for part in parts:
        everywhere.update(part.labels)
        by_split[placed[part.name]].update(part.labels)
    total = sum(everywhere.values())
    far = []
    for counts in by_split.values():
        held = sum(counts.values())
        shares = (abs(counts[label] / held - everywhere[label] / total) for label in everywhere) if held else [2.0]
        far.append(sum(shares) / 2)
    return sum(far) / len(far)


@settings(deadline=None, max_examples=150)
@given(many_parts(), SHARES, st.integers(0, 5))
def test_every_split_is_within_one_part_of_what_was_asked(parts, shares, seed):
    placed = allot(parts, shares, seed=seed)

    assert set(placed) == {part.name for part in parts}
    counts, total, largest = images_in(parts, placed), sum(p.size for p in parts), max(p.size for p in parts)
    for split, share in shares.items():
        assert abs(counts[split] - share * total) < largest + 1e-6
        assert share > 0 or not counts[split]


@settings(deadline=None, max_examples=50)
@given(many_parts(), st.integers(0, 5), st.randoms())
def test_the_same_seed_gives_the_same_split_in_whatever_order_parts_come(parts, seed, chance):
    shuffled = parts.copy()
    chance.shuffle(shuffled)

    assert allot(shuffled, USUAL, seed=seed) == allot(parts, USUAL, seed=seed)


def test_another_seed_gives_another_split():
    parts = [Part(name=str(number), size=1) for number in range(200)]

    one, other = (allot(parts, USUAL, seed=seed) for seed in (0, 1))

    assert one != other
    assert images_in(parts, one) == images_in(parts, other) == {"train": 160, "validation": 20, "test": 20}


@settings(deadline=None, max_examples=80)
@given(many_parts(), st.integers(0, 60), SHARES)
def test_growth_moves_nothing_and_fills_what_is_short(parts, first, shares):
    before = allot(parts[:first], shares, seed=3) if parts[:first] else {}
    grown = [replace(part, earlier={before[part.name]: part.size}) if part.name in before else part for part in parts]

    after = allot(grown, shares, seed=3)

    assert {name: after[name] for name in before} == before
    counts, held = images_in(parts, after), images_in(parts[:first], before)
    total, largest = sum(part.size for part in parts), max(part.size for part in parts)
    for split, share in shares.items():
        assert counts[split] < max(share * total, held[split]) + largest, "nothing is put where there is too much"


def test_labels_are_at_most_a_fifth_as_unbalanced_as_by_chance():
    chance = random.Random(7)
    names = random.Random(8).choices(["moth", "beetle", "fern", "key", "shell"], [40, 30, 15, 10, 5], k=400)
    parts = [
        Part(name=f"{number:03d}", size=size, labels={label: size})
        for number, label in enumerate(names)
        if (size := chance.choice([1, 1, 1, 2, 3, 5]))
    ]

    by_chance = []
    for _ in range(40):
        bare = [replace(part, name=f"{chance.random()}", labels={}) for part in parts]
        placed = allot(bare, USUAL, seed=0)
        by_chance.append(imbalance(parts, {part.name: placed[b.name] for part, b in zip(parts, bare, strict=True)}))
    ours = [imbalance(parts, allot(parts, USUAL, seed=seed)) for seed in range(10)]

    assert sum(ours) / len(ours) <= 0.2 * sum(by_chance) / len(by_chance)


def test_images_of_several_labels_balance_all_of_them():
    chance = random.Random(1)
    parts = [
        Part(name=f"{number:03d}", size=1, labels=dict.fromkeys(chance.sample("abcdefgh", chance.choice([1, 2, 3])), 1))
        for number in range(1000)
    ]

    placed = allot(parts, USUAL, seed=0)

    for label in "abcdefgh":
        held = [placed[part.name] for part in parts if label in part.labels]
        assert 0.08 < held.count("test") / len(held) < 0.12


def test_one_that_would_be_most_of_a_test_is_for_training():
    parts = [Part(name="much", size=60), *(Part(name=str(number), size=1) for number in range(540))]

    for seed in range(20):
        placed = allot(parts, USUAL, seed=seed)
        assert placed["much"] == "train"
        assert images_in(parts, placed) == {"train": 480, "validation": 60, "test": 60}


def test_where_only_one_label_of_a_kind_is_it_is_for_training():
    parts = [Part(name=f"{number:02d}", size=1, labels={"moth": 1}) for number in range(99)]

    assert allot([*parts, Part(name="rare", size=1, labels={"key": 1})], USUAL, seed=0)["rare"] == "train"


@pytest.mark.parametrize(
    ("earlier", "goes"),
    [
        ({"train": 3, "test": 1}, "train"),
        ({"train": 1, "test": 3}, "test"),
        ({"train": 2, "test": 2}, "train"),
        ({"validation": 1, "test": 1}, "validation"),
    ],
)
def test_parts_that_are_bound_by_now_go_where_most_of_them_were(earlier, goes):
    assert stays_in(earlier) == goes


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.sampled_from("abcdefghij"), st.sampled_from("abcdefghij")), max_size=12))
def test_bonds_are_the_connected_components(pairs):
    bonds = Bonds("abcdefghij")
    for one, other in pairs:
        bonds.tie(one, other)

    reached = {name: {name} for name in "abcdefghij"}
    for _ in range(10):
        for one, other in pairs:
            reached[one] |= reached[other]
            reached[other] |= reached[one]
    assert {name: bonds.find(name) for name in reached} == {name: min(others) for name, others in reached.items()}
    assert sorted(name for members in bonds.members().values() for name in members) == sorted(reached)


NAMES = [f"{number:02}" for number in range(24)]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=16),
    st.lists(st.sampled_from([None, "ada", "ben", "cleo", "dora"]), min_size=len(NAMES), max_size=len(NAMES)),
    SHARES,
)
def test_no_copies_and_no_creator_are_torn_apart(pairs, creators, shares):
    bonds = Bonds(NAMES)
    for one, other in pairs:
        bonds.tie(one, other)
    bonds.tie_alike(NAMES, creators)
    parts = [Part(name=name, size=len(members)) for name, members in bonds.members().items()]

    placed = allot(parts, shares, seed=0)

    where = {name: placed[bonds.find(name)] for name in NAMES}
    assert all(where[one] == where[other] for one, other in pairs)
    for creator in ("ada", "ben", "cleo", "dora"):
        assert len({where[name] for name, by in zip(NAMES, creators, strict=True) if by == creator}) <= 1


def test_what_has_no_creator_is_bound_to_nothing():
    bonds = Bonds("abcd")
    bonds.tie_alike("abcd", ["ada", None, None, "ada"])

    assert bonds.members() == {"a": ["a", "d"], "b": ["b"], "c": ["c"]}
