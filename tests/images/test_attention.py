"""Where the square of a picture is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from harvest.images.attention import CENTRE, around_faces, around_point, cut, saliency, salient_place

SHARE = st.floats(0, 1)
SIDE = st.integers(1, 4000)


def meadow(width: int, height: int, at: float) -> Image.Image:
    """Grass with one red flower, `at` so far along the longer side."""
    grass = np.random.default_rng(1).normal(0, 3, (height, width, 1)) + np.array([70, 140, 60])
    image = Image.fromarray(np.clip(grass, 0, 255).astype(np.uint8))
    x, y = (width * at, height / 2) if width > height else (width / 2, height * at)
    radius = min(width, height) / 8
    ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius), fill=(220, 40, 60))
    return image


@pytest.mark.parametrize("size", [(600, 200), (200, 600), (1500, 400)])
@pytest.mark.parametrize("at", [0.15, 0.5, 0.85])
def test_a_salient_crop_holds_what_stands_out(size, at):
    image = meadow(*size, at)

    shown = np.asarray(cut(image, salient_place(image))).astype(int)

    red = (shown[..., 0] - shown[..., 1]) > 100
    whole = (np.asarray(image)[..., 0].astype(int) - np.asarray(image)[..., 1]) > 100
    assert red.sum() > 0.95 * whole.sum()


def test_saliency_is_highest_on_the_flower():
    found = saliency(meadow(600, 200, 0.8))

    _, x = np.unravel_index(found.argmax(), found.shape)
    assert found.shape == (64, 192)
    assert 0.7 < x / found.shape[1] < 0.9


@pytest.mark.parametrize("size", [(1, 1), (50, 50), (30_000, 10), (3, 2), (1, 900), (640, 480)])
def test_a_picture_of_one_colour_is_cut_in_the_middle(size):
    assert salient_place(Image.new("RGB", size, (9, 9, 9))) == CENTRE


@given(SIDE, SIDE, SHARE)
def test_a_cut_is_the_largest_square_and_lies_within(width, height, place):
    image = Image.new("L", (min(width, 90), min(height, 90)))

    assert cut(image, place).size == (min(image.size),) * 2


@given(SIDE, SIDE, SHARE, SHARE)
def test_the_square_around_a_point_holds_it_as_near_to_its_middle_as_can_be(width, height, x, y):
    place = around_point((x, y), width, height)

    side, length = min(width, height), max(width, height)
    start, point = (length - side) * place, (x * width if width >= height else y * height)
    assert 0 <= place <= 1
    assert start - 1e-2 <= point <= start + side + 1e-2
    if side / 2 <= point <= length - side / 2 and length > side:
        assert start + side / 2 == pytest.approx(point, abs=1e-2)


@given(st.lists(st.tuples(SHARE, st.floats(0.01, 0.2)), min_size=1, max_size=6), st.integers(100, 200))
def test_all_faces_are_kept_where_they_fit_and_at_least_one_otherwise(faces, height):
    boxes = [(min(x, 1 - width), 0.2, width, 0.3, 0.9) for x, width in faces]

    place = around_faces(boxes, 400, height)

    assert place is not None
    start = (400 - height) * place
    shown = [start - 1e-2 <= x * 400 and (x + width) * 400 <= start + height + 1e-2 for x, _, width, *_ in boxes]
    spread = max((x + width) * 400 for x, _, width, *_ in boxes) - min(x * 400 for x, *_ in boxes)
    assert all(shown) if spread <= height else any(shown)


def test_of_faces_that_do_not_fit_most_are_kept():
    left, pair = (0.0, 0.1, 0.05, 0.2), [(0.6, 0.1, 0.05, 0.2), (0.7, 0.1, 0.05, 0.2)]

    assert around_faces([left, *pair], 1000, 300) == pytest.approx((675 - 150) / 700, abs=1e-3)
    assert around_faces([], 1000, 300) is None
