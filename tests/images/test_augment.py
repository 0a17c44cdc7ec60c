"""Variants of a picture: drawn the same every time, no two alike, and nothing bare at the corners."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harvest.config.augment import AugmentConfig
from harvest.images.augment import draw, drawn, varied

STILL = {
    "flip": "none", "rotate": 0.0, "crop": 1.0, "aspect": 1.0, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0,
}  # fmt: skip
ALL = {"flip": "both", "quarters": True, "hue": 0.2, "grey": 0.3, "erase": 0.5, "blur": 2.0, "noise": 0.05}


def only(**terms) -> AugmentConfig:
    return AugmentConfig(**STILL | terms)


def scene(width: int = 60, height: int = 40) -> Image.Image:
    """A picture without black: what is black in a variant came from nowhere."""
    values = np.random.default_rng(3).integers(90, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((width, height))


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture)


@settings(deadline=None, max_examples=60)
@given(
    st.floats(1, 180),
    st.floats(0.2, 1),
    st.floats(1, 2.5),
    st.tuples(st.integers(3, 120), st.integers(3, 120)),
    st.text(max_size=3),
)
def test_no_corner_is_bare_however_a_picture_is_turned(rotate, crop, aspect, sides, text):
    white = Image.new("RGB", sides, "white")

    variant = varied(white, draw(only(rotate=rotate, crop=crop, aspect=aspect), text), background="#000000")

    assert variant.size == sides
    assert pixels(variant).min() == 255


@settings(deadline=None, max_examples=30)
@given(st.text(max_size=5), st.integers(1, 6))
def test_the_same_text_draws_the_same_and_more_variants_begin_alike(text, count):
    config = AugmentConfig(**ALL)

    some, more = drawn(config, text, count), drawn(config, text, count + 3)

    assert more[:count] == some
    assert len({repr(each) for each in more}) == count + 3
    assert [pixels(varied(scene(), each)).tobytes() for each in some] == [
        pixels(varied(scene(), each)).tobytes() for each in some
    ]


def test_a_further_number_changes_none_of_the_others():
    plain, more = draw(only(rotate=10.0), "a"), draw(only(rotate=10.0, hue=0.2, noise=0.1), "a")

    assert more["rotate"] == plain["rotate"]
    assert set(more) == {"rotate", "hue", "noise"}


def test_there_are_no_more_variants_than_there_are_ways():
    assert drawn(only(flip="horizontal"), "a", 5) == [{"flip": "horizontal"}]
    assert len(drawn(only(flip="both"), "a", 9)) == 3
    assert drawn(only(), "a", 5) == []


def test_flips_and_quarter_turns_move_pixels_and_change_none():
    picture = scene()

    assert (pixels(varied(picture, {"flip": "horizontal"})) == pixels(picture)[:, ::-1]).all()
    assert (pixels(varied(picture, {"flip": "vertical"})) == pixels(picture)[::-1]).all()
    assert (pixels(varied(picture, {"turn": 1})) == np.rot90(pixels(picture))).all()
    assert (pixels(varied(picture, {"flip": "both"})) == pixels(varied(picture, {"turn": 2}))).all()


def test_a_rotation_turns_counterclockwise_and_pads_with_the_ground():
    picture = Image.new("RGB", (40, 40), "white")
    picture.paste((255, 0, 0), (0, 0, 40, 20))

    variant = varied(picture, {"rotate": 90.0, "brightness": 0.9}, corners="pad", background="#00ff00")
    tilted = varied(picture, {"rotate": 30.0, "brightness": 0.5}, corners="pad", background="#00ff00")

    assert variant.getpixel((10, 20)) == (229, 0, 0)
    assert variant.getpixel((30, 20)) == (229, 229, 229)
    assert tilted.getpixel((0, 0)) == (0, 255, 0), "the ground is as it was asked for"


def test_a_crop_shows_the_part_that_was_drawn():
    picture = Image.new("RGB", (80, 80), "white")
    picture.paste((255, 0, 0), (0, 0, 40, 40))

    corner = varied(picture, {"crop": {"share": 0.25, "aspect": 1.0, "x": 0.0, "y": 0.0}})
    other = varied(picture, {"crop": {"share": 0.25, "aspect": 1.0, "x": 1.0, "y": 1.0}})

    assert corner.size == other.size == (80, 80)
    assert corner.getpixel((60, 60)) == (255, 0, 0)
    assert other.getpixel((5, 5)) == (255, 255, 255)


def test_a_variant_is_as_long_as_asked_and_never_enlarged():
    large = scene(300, 200)
    for done in ({"flip": "horizontal"}, {"rotate": 5.0}, {"crop": {"share": 0.5, "aspect": 1.0, "x": 0.5, "y": 0.5}}):
        assert varied(large, done, px=96).size == (96, 64)
        assert varied(large, done, px=1000).size == (300, 200)


@pytest.mark.parametrize(
    ("done", "check"),
    [
        ({"grey": True}, lambda v: (v[..., 0] == v[..., 1]).all() and (v[..., 1] == v[..., 2]).all()),
        ({"brightness": 0.5}, lambda v: v.max() <= 128),
        ({"saturation": 0.0}, lambda v: (v[..., 0] == v[..., 2]).all()),
        ({"contrast": 0.0}, lambda v: v.std() == 0),
        ({"hue": 0.5}, lambda v: (v != pixels(scene())).any()),
        ({"blur": 3.0}, lambda v: v.std() < 0.5 * pixels(scene()).std()),
        ({"noise": {"deviation": 0.1, "seed": 7}}, lambda v: 15 < (v.astype(int) - pixels(scene())).std() < 27),
        (
            {"erase": {"share": 0.25, "aspect": 1.0, "x": 0.0, "y": 0.0}},
            lambda v: v[:24, :24].std(axis=(0, 1)).max() == 0,
        ),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_colours_and_damage_do_what_they_are_called(done, check):
    assert check(pixels(varied(scene(), done)))


def test_half_of_many_are_mirrored_and_every_number_is_within_its_bounds():
    config = AugmentConfig(**ALL, rotate=20.0)

    many = [draw(config, str(number)) for number in range(600)]

    assert 0.4 < sum("flip" in each and each["flip"] != "vertical" for each in many) / 600 < 0.6
    assert 0.2 < sum("grey" in each for each in many) / 600 < 0.4
    assert all(-20 <= each.get("rotate", 0) <= 20 and 0.9 <= each.get("brightness", 1) <= 1.1 for each in many)
    assert all(0.85 <= each["crop"]["share"] <= 1 and 1 / 1.1 < each["crop"]["aspect"] < 1.11 for each in many)
    assert max(each.get("rotate", 0) for each in many) > 18
