"""All pairs of hashes: nothing is missed, nothing is said twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.stages.dedupe.pairs import near_pairs, near_values, words_of

hashes = st.lists(
    st.integers(0, 2**64 - 1).flatmap(
        lambda base: st.lists(st.integers(0, 63), max_size=9).map(
            lambda bits: np.bitwise_xor.reduce(np.array([base, *(1 << bit for bit in bits)], dtype=np.uint64))
        )
    ),
    max_size=40,
)


def crowded(count, words, seed, spread=6):
    """Distinct hashes of which most have others within some bits, and some share whole bands."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 2**64, (count // 8, words), dtype=np.uint64)
    values = centres[rng.integers(0, len(centres), count)]
    for _ in range(spread):
        bit = rng.integers(0, 64 * words, count)
        values[np.arange(count), bit // 64] ^= np.uint64(1) << (bit % 64).astype(np.uint64)
    return np.unique(values, axis=0)


def every_pair(values, others, radius):
    bits = np.bitwise_count(values[:, None, :] ^ others[None, :, :]).sum(axis=2)
    return {(int(i), int(j)): int(bits[i, j]) for i, j in zip(*np.nonzero(bits <= radius), strict=True)}


def as_pairs(found):
    pairs = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert pairs == sorted(pairs)
    return dict(zip(pairs, found.distance.tolist(), strict=True))


@given(hashes, st.integers(0, 16))
def test_no_pair_within_the_radius_is_missed(values, radius):
    array = np.array(values + values[:3], dtype=np.uint64)

    found = {(i, j): distance for i, j, distance in near_pairs(array, radius).tolist()}

    plain = [int(value) for value in array]
    expected = {
        (i, j): (plain[i] ^ plain[j]).bit_count()
        for i in range(len(plain))
        for j in range(i + 1, len(plain))
        if (plain[i] ^ plain[j]).bit_count() <= radius
    }
    assert found == expected


@pytest.mark.parametrize(("words", "radius"), [(1, 0), (1, 2), (1, 4), (1, 8), (4, 15), (4, 31)])
def test_bands_find_what_comparing_all_with_all_finds(words, radius):
    values = crowded(4_500, words, seed=radius, spread=min(radius, 6))  # so many that bands are worth their while

    found = as_pairs(near_values(values, radius))

    assert found == {pair: bits for pair, bits in every_pair(values, values, radius).items() if pair[0] < pair[1]}
    assert radius == 0 or len(found) > 500


def test_new_values_are_compared_with_known_ones_alone():
    values = crowded(6_000, 1, seed=3)
    known, fresh = values[::3], values[1::3]

    assert as_pairs(near_values(fresh, 6, against=known)) == every_pair(fresh, known, 6)


def test_one_thread_and_two_find_the_same():
    values = crowded(6_000, 1, seed=5)

    assert as_pairs(near_values(values, 8, threads=1)) == as_pairs(near_values(values, 8, threads=2))


def test_nothing_has_no_pairs():
    nothing, one = np.empty(0, np.uint64), np.array([7], np.uint64)

    assert len(near_values(nothing, 8)) == len(near_values(one, 8)) == len(near_values(one, 8, against=nothing)) == 0
    assert near_pairs(nothing, 8).shape == (0, 3)


def test_hashes_are_read_from_hex_highest_word_first():
    assert words_of(["00000000000000ff" + "0" * 15 + "1"]).tolist() == [[255, 1]]
    assert words_of([]).shape == (0, 1)
