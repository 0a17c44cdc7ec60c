from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from harvest.demo.specimens import TEST_SEEDS, draw
from harvest.stages.dedupe.alignment import DIHEDRAL, TURNS
from harvest.stages.dedupe.digest import LIKENESS
from harvest.stages.dedupe.register import likeness, portrait


@pytest.fixture(scope="module")
def beetle():
    return draw("beetle", TEST_SEEDS[7], 384)


def alike(one, other, **options):
    return likeness(portrait(one), portrait(other), **options)


def with_words(image):
    marked = image.copy()
    ImageDraw.Draw(marked).text((20, 340), "© archive", fill="white", font_size=24)
    return marked


CHANGES = {
    "smaller": lambda image: image.resize((150, 150)),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(3)),
    "darker": lambda image: image.point([round(255 * (v / 255) ** 1.6) for v in range(256)] * 3),
    "grey": lambda image: image.convert("L"),
    "marked": with_words,
    "cropped": lambda image: image.crop((38, 38, 346, 346)),
    "cropped off centre": lambda image: image.crop((76, 0, 384, 308)),
    "bordered": lambda image: padded(image, 460, 460),
    "barred": lambda image: padded(image, 560, 384),
    "rotated": lambda image: image.rotate(3, Image.Resampling.BICUBIC),
}


def padded(image, width, height):
    canvas = Image.new("RGB", (width, height), "black")
    canvas.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return canvas


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_picture_is_a_copy_whichever_comes_first(beetle, change):
    changed = CHANGES[change](beetle)

    assert alike(beetle, changed).score >= LIKENESS
    assert alike(changed, beetle).score >= LIKENESS


def test_where_a_crop_lies_is_told(beetle):
    found = alike(beetle, beetle.crop((96, 48, 384, 336)))

    across, _, left, _, down, above = found.affine
    assert (across, down) == pytest.approx((384 / 288, 384 / 288), abs=0.01)
    assert -left / across == pytest.approx(96 / 2, abs=1)  # portraits are half as large
    assert -above / down == pytest.approx(48 / 2, abs=1)
    assert found.covered == pytest.approx((0.75**2, 1), abs=0.05)


def test_drawings_of_one_kind_are_no_copies():
    portraits = [portrait(draw(kind, seed, 256)) for kind in ("beetle", "fern", "egg") for seed in TEST_SEEDS[20:26]]

    scores = [likeness(one, other).score for n, one in enumerate(portraits) for other in portraits[:n]]

    assert max(scores) < LIKENESS - 0.05


def test_another_thing_on_the_same_ground_is_no_copy(beetle):
    ground = draw("fern", TEST_SEEDS[3], 512)
    one, other = ground.copy(), ground.copy()
    one.paste(beetle.resize((250, 250)), (130, 130))
    other.paste(draw("beetle", TEST_SEEDS[8], 250), (130, 130))

    assert alike(one, other).score < LIKENESS


@pytest.mark.parametrize("turn", TURNS)
def test_turned_copies_are_copies_where_the_recipe_allows_them(beetle, turn):
    found = Image.fromarray(np.ascontiguousarray(TURNS[turn](np.asarray(beetle))))

    as_it_is, flipped, all_ways = (alike(beetle, found, dihedral=word) for word in DIHEDRAL)

    assert all_ways.score >= LIKENESS
    assert (as_it_is.score >= LIKENESS) == (turn == "upright")
    assert (flipped.score >= LIKENESS) == (turn in DIHEDRAL["flips"])
    back = TURNS[all_ways.turn](np.asarray(found))
    assert np.array_equal(back, np.asarray(beetle))


def test_a_picture_without_structure_is_a_copy_of_its_colour_alone(beetle):
    red, dark, blue = (Image.new("RGB", (50, 40), colour) for colour in ("#ff0000", "#f80000", "#0000ff"))

    assert alike(red, dark).score == 1
    assert alike(red, blue).score == 0
    assert alike(red, beetle).score < LIKENESS
    assert alike(beetle, red).score < LIKENESS


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (900, 2), (13, 13)])
def test_any_size_has_a_portrait_and_is_its_own_copy_or_too_small_to_tell(size):
    rng = np.random.default_rng(1)
    noise = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))

    found = alike(noise, noise)

    assert found.score == 0 or found.score >= LIKENESS


def test_a_drawing_in_other_colours_is_no_copy_and_a_grey_print_is_one(beetle):
    vivid = ImageEnhance.Color(beetle).enhance(3)
    red, green, blue = vivid.split()
    recoloured = Image.merge("RGB", (blue, red, green))

    assert alike(vivid, recoloured).score < LIKENESS
    assert alike(beetle, beetle.convert("L").convert("RGB")).score >= LIKENESS
