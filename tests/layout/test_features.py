from __future__ import annotations

import numpy as np
import pytest

from layout.features import mixed, pixel_pyramid, standardised, unit_rows


@pytest.fixture(scope="module")
def colours():
    """1,024 random RGB colours, the plainest set in the literature on sorted grids."""
    return np.random.default_rng(0).random((1024, 3), dtype=np.float32)


@pytest.fixture(scope="module")
def flat_tiles():
    """Twelve tiles of 32 px, each of a colour of its own."""
    palette = np.random.default_rng(1).integers(0, 256, (12, 3), dtype=np.uint8)
    return np.broadcast_to(palette[:, None, None], (12, 32, 32, 3)).copy()


def test_a_tile_of_one_colour_is_that_colour_on_every_level(flat_tiles):
    pyramid = pixel_pyramid(flat_tiles).reshape(12, 4, 32, 32, 3)
    expected = np.broadcast_to(flat_tiles[:, None] / np.float32(255), pyramid.shape)
    assert pyramid.dtype == np.float32
    np.testing.assert_allclose(pyramid, expected, atol=1e-6)


def test_levels_go_from_coarse_to_the_pixels_themselves():
    tile = np.zeros((1, 32, 32, 3), np.uint8)
    tile[0, 16, 16] = 255
    levels = pixel_pyramid(tile).reshape(4, 32, 32, 3)[..., 0]
    peaks = levels.max(axis=(1, 2))
    assert peaks[0] < peaks[1] < peaks[2] < peaks[3] == 1
    np.testing.assert_allclose(levels.sum(axis=(1, 2)), 1, atol=1e-3)  # blurring moves light, and makes none
    assert peaks[2] == pytest.approx(1 / (2 * np.pi), rel=0.02)  # a Gaussian of sigma 1


def test_colours_do_not_bleed_into_each_other():
    red = np.zeros((1, 32, 32, 3), np.uint8)
    red[0, :, :16, 0] = 255
    assert pixel_pyramid(red).reshape(4, 32, 32, 3)[..., 1:].max() == 0


def test_larger_tiles_are_squashed_to_the_same_numbers(flat_tiles):
    larger = flat_tiles.repeat(3, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(pixel_pyramid(larger), pixel_pyramid(flat_tiles))


def test_no_tiles_give_no_rows():
    assert pixel_pyramid(np.empty((0, 32, 32, 3), np.uint8)).shape == (0, 12288)


def test_anything_but_bytes_in_three_channels_is_refused():
    with pytest.raises(ValueError, match=r"expected uint8 tiles .*, got float64 \(2, 32, 32, 3\)"):
        pixel_pyramid(np.zeros((2, 32, 32, 3)))


def test_unit_rows_leave_zeros_alone():
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0]], atol=1e-7)


def test_standardised_blocks_weigh_the_same_whatever_their_width_and_unit(colours):
    wide = np.hstack([colours * 1000] * 50)
    for block in (standardised(colours), standardised(wide)):
        assert np.square(block).sum(axis=1).mean() == pytest.approx(1, rel=1e-4)


def test_a_mix_adds_weighted_squared_distances(colours):
    one, two = colours[:, :1], colours[:, 1:]
    mix = mixed([(one, 0.25), (two, 4.0)])
    parts = [standardised(one), standardised(two)]
    expected = sum(weight * np.square(part[0] - part[1]).sum() for weight, part in zip((0.25, 4.0), parts, strict=True))
    assert np.square(mix[0] - mix[1]).sum() == pytest.approx(expected, rel=1e-4)


def test_blocks_of_unlike_length_do_not_mix(colours):
    with pytest.raises(ValueError, match=r"equally many rows, got \[1024, 3\]"):
        mixed([(colours, 1.0), (colours[:3], 1.0)])
