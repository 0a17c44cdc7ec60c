from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harvest.demo.specimens import KINDS, TEST_SEEDS, draw
from harvest.stages.dedupe.alignment import DIHEDRAL, TURNS
from harvest.stages.dedupe.embedding import LEAST_SIMILARITY, Proposed, candidates, structure, turned
from harvest.stages.dedupe.register import portrait


def unit(count, width=6, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def as_pairs(found: Proposed):
    return list(zip(found.first.tolist(), found.second.tolist(), strict=True))


def nearest(vectors, least, k):
    """Every pair of which one is among the other's k nearest, by sorting all."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    pairs = set()
    for i, row in enumerate(similarity):
        pairs |= {(min(i, j), max(i, j)) for j in np.argsort(-row)[:k].tolist() if row[j] >= least}
    return sorted(pairs)


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(1, 6), st.sampled_from([-1.0, 0.0, 0.4, 0.9]), st.integers(0, 1000))
def test_candidates_are_the_nearest_of_each(count, k, least, seed):
    vectors = unit(count, seed=seed)

    found = candidates(vectors, least, k=k)

    assert as_pairs(found) == nearest(vectors, least, k)
    expected = (vectors[found.first] * vectors[found.second]).sum(axis=1)
    np.testing.assert_allclose(found.similarity, expected, atol=1e-5)


def test_blocks_do_not_show():
    vectors = unit(2500)

    assert as_pairs(candidates(vectors, 0.5, k=3)) == nearest(vectors, 0.5, 3)


def test_half_precision_will_do():
    vectors = unit(300, width=64)

    half = candidates(vectors.astype(np.float16), 0.2, k=300)

    assert set(as_pairs(candidates(vectors, 0.21, k=300))) <= set(as_pairs(half))


def test_known_ones_are_not_compared_with_each_other_again():
    vectors = unit(1400)
    everything = as_pairs(candidates(vectors, 0.9, k=1400))

    fresh = as_pairs(candidates(vectors, 0.9, k=1400, known=1100))

    assert fresh == [pair for pair in everything if pair[1] >= 1100]


def test_progress_is_told_of_every_row():
    told = []

    candidates(unit(2100), 0.99, advance=told.append)

    assert sum(told) == 2100


@pytest.fixture(scope="module")
def drawings():
    return [draw(kind, seed, 256) for kind in KINDS[:8] for seed in TEST_SEEDS[40:42]]


@pytest.mark.parametrize("turn", TURNS)
def test_a_vector_turns_with_its_picture(drawings, turn):
    for drawing in drawings[:4]:
        pixels = np.ascontiguousarray(TURNS[turn](np.asarray(drawing)))
        vector, of_turned = structure(portrait(drawing)), structure(portrait(Image.fromarray(pixels)))

        assert float(turned(vector[None], turn)[0] @ of_turned) > 0.6


def test_turning_reorders_vectors_and_never_loses_any():
    vectors = unit(5, width=512)

    for turn in TURNS:
        after = turned(vectors, turn)
        np.testing.assert_allclose(np.sort(np.abs(after), axis=1), np.sort(np.abs(vectors), axis=1))
    for turn in ("mirrored", "upside down", "turned 180", "transposed", "transversed"):
        np.testing.assert_array_equal(turned(turned(vectors, turn), turn), vectors)
    np.testing.assert_array_equal(turned(turned(vectors, "turned 90"), "turned 270"), vectors)


def test_crops_and_mirrored_copies_are_proposed(drawings):
    crops = [drawing.crop((40, 10, 246, 216)) for drawing in drawings]
    mirrored = [crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for crop in crops]

    def pairs(copies, turns):
        vectors = np.stack([structure(portrait(picture)) for picture in [*drawings, *copies]])
        return set(as_pairs(candidates(vectors, LEAST_SIMILARITY, k=8, turns=turns)))

    wanted = {(number, number + len(drawings)) for number in range(len(drawings))}
    assert len(wanted - pairs(crops, ("upright",))) <= 1
    assert len(wanted - pairs(mirrored, DIHEDRAL["flips"])) <= 1


def test_a_picture_without_keypoints_resembles_nothing():
    flat = structure(portrait(Image.new("RGB", (40, 40), "red")))

    assert flat.shape == (512,)
    assert not flat.any()
