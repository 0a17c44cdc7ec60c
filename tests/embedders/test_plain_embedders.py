"""Embedders without weights: their vectors, and what is near by them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn

from harvest import embedders
from layout.features import colour_histogram, pixel_pyramid, pyramid_code


def flat(*colours: tuple[int, int, int]) -> np.ndarray:
    return np.stack([np.full((32, 32, 3), colour, np.uint8) for colour in colours])


def low_pass(seed: int, n: int) -> np.ndarray:
    """Tiles without the finest half of the frequencies, around mid grey."""
    rng = np.random.default_rng(seed)
    waves = rng.normal(0, 40, (n, 32, 32, 3))
    waves[:, 16:], waves[:, :, 16:] = 0, 0
    tiles = dctn(waves, type=3, norm="ortho", axes=(1, 2))  # the inverse of type 2
    return np.clip(np.rint(tiles / np.abs(tiles).max() * 120 + 127.5), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("name", "width"), [("pixels", 769), ("colours", 864)])
def test_vectors_are_of_unit_length_and_of_one_identity(name, width, scene):
    embedder = embedders.load(name)

    framed = np.stack([embedder.framing(scene(seed, 300, 200)) for seed in range(3)])
    vectors = embedder.images(framed)

    assert vectors.shape == (3, width)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert embedder.model_id == embedders.model_id_of(name)
    assert not isinstance(embedder, embedders.Speaking)
    assert np.array_equal(embedder.images(framed[:1]), vectors[:1])


def test_the_code_orders_pictures_as_the_pyramid_does():
    tiles = low_pass(5, 12)
    pyramids = pixel_pyramid(tiles).astype(np.float64) - 0.5
    pyramids /= np.linalg.norm(pyramids, axis=1, keepdims=True)

    code = pyramid_code(tiles).astype(np.float64)[:, :-1]  # but for the number that stands for no contrast
    code /= np.linalg.norm(code, axis=1, keepdims=True)

    assert np.abs(code @ code.T - pyramids @ pyramids.T).max() < 0.02


def test_what_is_left_out_of_the_code_hardly_matters_for_pictures(scene):
    tiles = np.stack([np.asarray(scene(seed, 320, 320).resize((32, 32))) for seed in range(20)])
    pyramids = pixel_pyramid(tiles).astype(np.float64) - 0.5
    pyramids /= np.linalg.norm(pyramids, axis=1, keepdims=True)

    code = pyramid_code(tiles)

    pairs = np.triu_indices(20, 1)
    assert np.corrcoef((code @ code.T)[pairs], (pyramids @ pyramids.T)[pairs])[0, 1] > 0.99


def test_greys_that_differ_by_a_level_are_alike_on_both_sides_of_the_middle():
    code = pyramid_code(flat((127, 127, 127), (128, 128, 128), (250, 250, 250)))

    assert code[0] @ code[1] > 0.98
    assert code[0] @ code[2] < code[0] @ code[1]


@given(st.tuples(*[st.integers(0, 255)] * 3), st.integers(-6, 6))
def test_near_colours_are_near(colour, step):
    beside = tuple(min(255, max(0, channel + step)) for channel in colour)

    one, other = colour_histogram(flat(colour, beside))

    assert one @ other > 0.8


def test_the_further_apart_colours_are_the_less_alike():
    red, orange, green, blue = colour_histogram(flat((200, 30, 30), (210, 60, 30), (30, 160, 60), (30, 40, 180)))

    assert red @ orange > 0.5
    assert max(red @ green, red @ blue, green @ blue) < 0.05


def test_where_colours_lie_does_not_matter_and_how_much_there_is_does():
    left, right = flat((220, 40, 40), (220, 40, 40))
    left[:, 16:], right[:, :16] = (30, 40, 180), (30, 40, 180)
    more = left.copy()
    more[:, 8:] = (30, 40, 180)

    one, same, other = colour_histogram(np.stack([left, right, more]))

    assert one @ same == pytest.approx(1, abs=1e-5)
    assert one @ other == pytest.approx(np.sqrt(0.5 * 0.25) + np.sqrt(0.5 * 0.75), abs=1e-3)  # Bhattacharyya


def test_colours_look_at_all_of_a_picture_pixels_at_its_middle():
    wide = Image.new("RGB", (96, 32), (255, 255, 255))
    wide.paste((200, 0, 0), (0, 0, 32, 32))

    seen = {name: embedders.load(name).framing(wide) for name in ("pixels", "colours")}

    assert (seen["pixels"] == 255).all()
    assert (seen["colours"][:, 0] == (200, 0, 0)).all()


def test_tiles_of_another_shape_are_refused():
    for function in (pyramid_code, colour_histogram):
        with pytest.raises(ValueError, match=r"expected uint8 tiles of shape \(n, height, width, 3\), got"):
            function(np.zeros((2, 8, 8), np.uint8))
