"""The typology: the same picture for the same seed, another for another, and cards that are true to them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harvest.demo.specimens import (
    DEMO_SEEDS,
    KINDS,
    OFF_TOPIC,
    TEST_SEEDS,
    TRAINING_SEEDS,
    describe,
    draw,
    draw_off_topic,
)
from harvest.demo.specimens.curves import profile, ribbon, smooth
from harvest.demo.specimens.looks import look

SEED = TEST_SEEDS[0]
kinds = pytest.mark.parametrize("kind", KINDS)


def mean_colour(image: Image.Image, box: tuple[float, float, float, float]) -> np.ndarray:
    edges = [round(share * image.width) for share in box]
    return np.asarray(image.crop(edges), dtype=np.float64).reshape(-1, 3).mean(axis=0)


def test_seeds_are_shared_out_without_overlap() -> None:
    ranges = sorted([DEMO_SEEDS, TEST_SEEDS, TRAINING_SEEDS], key=lambda seeds: seeds.start)
    assert all(first.stop <= second.start for first, second in pairwise(ranges))


@kinds
def test_same_seed_same_bytes(kind: str) -> None:
    assert draw(kind, SEED, 256).tobytes() == draw(kind, SEED, 256).tobytes()


@kinds
@pytest.mark.parametrize("size", [64, 512])
def test_every_kind_draws_at_thumbnail_and_full_size(kind: str, size: int) -> None:
    image = draw(kind, SEED + 1, size)
    assert (image.mode, image.size) == ("RGB", (size, size))
    assert np.asarray(image, dtype=np.float64).std() > 8


@kinds
def test_small_and_large_are_the_same_picture(kind: str) -> None:
    small = np.asarray(draw(kind, SEED + 2, 64), dtype=np.float64)
    large = np.asarray(draw(kind, SEED + 2, 512).resize((64, 64), Image.Resampling.BOX), dtype=np.float64)
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.9


@kinds
def test_other_seeds_are_other_pictures(kind: str) -> None:
    pictures = [np.asarray(draw(kind, SEED + index, 96), dtype=np.float64) for index in range(6)]
    differences = [np.abs(a - b).mean() for i, a in enumerate(pictures) for b in pictures[:i]]
    assert min(differences) > 4


def test_kinds_come_in_all_their_varieties_and_many_colours() -> None:
    for kind in KINDS:
        looks = [look(kind, seed) for seed in range(TEST_SEEDS.start, TEST_SEEDS.start + 120)]
        assert len({settled.variety for settled in looks}) >= 4
        assert len({settled.tincture.name for settled in looks}) >= 6
        assert len({settled.ground.name for settled in looks}) >= 8


@kinds
def test_the_specimen_lies_whole_within_the_picture(kind: str) -> None:
    for seed in range(SEED, SEED + 40):
        pose = look(kind, seed).pose
        assert max(abs(share - 0.5) for share in pose.centre) + pose.reach < 0.5


@kinds
def test_a_card_names_what_is_drawn(kind: str) -> None:
    card, settled = describe(kind, SEED), look(kind, SEED)
    assert card == describe(kind, SEED)
    assert (card.kind, card.seed, card.tags[0]) == (kind, SEED, kind)
    for word in (settled.variety, settled.tincture.name, settled.ground.name):
        assert word in card.title
        assert word in card.caption
        assert word in card.tags
    assert 1780 <= card.year <= 1940
    assert " " in card.creator


def test_a_card_reads_like_a_museums() -> None:
    titles = {describe("scallop", seed).title for seed in range(SEED, SEED + 60)}
    assert len(titles) > 50
    assert all(title.startswith("Scallop, ") and " on " in title for title in titles)


@pytest.mark.parametrize(("kind", "name"), [("egg", "pale blue"), ("beetle", "crimson"), ("vessel", "terracotta")])
def test_the_colour_named_is_the_colour_seen(kind: str, name: str) -> None:
    seeds = [seed for seed in TEST_SEEDS[:400] if look(kind, seed).tincture.name == name][:4]
    seen = np.mean([mean_colour(draw(kind, seed, 64), (0.42, 0.42, 0.58, 0.58)) for seed in seeds], axis=0)
    named = np.array(look(kind, seeds[0]).tincture.base, dtype=np.float64)
    hue_seen, hue_named = (colour - colour.mean() for colour in (seen, named))
    cosine = hue_seen @ hue_named / (np.linalg.norm(hue_seen) * np.linalg.norm(hue_named))
    assert cosine > 0.7


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError, match="unicorn"):
        draw("unicorn", SEED)
    with pytest.raises(KeyError, match="unicorn"):
        draw_off_topic("unicorn", SEED)


@pytest.mark.parametrize("kind", OFF_TOPIC)
def test_off_topic_pictures_are_sheets_with_something_on_them(kind: str) -> None:
    image = draw_off_topic(kind, SEED)
    assert (image.mode, image.size) == ("RGB", (512, 512))
    assert image.tobytes() == draw_off_topic(kind, SEED).tobytes()
    assert image.tobytes() != draw_off_topic(kind, SEED + 1).tobytes()
    assert draw_off_topic(kind, SEED, 64).size == (64, 64)
    assert np.asarray(image.convert("L"), dtype=np.float64).std() > 8


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.01, 5), min_size=2, max_size=7),
    st.lists(st.floats(0, 2), min_size=7, max_size=7),
)
def test_a_profile_never_swings_past_its_knots(steps: list[float], values: list[float]) -> None:
    places = np.cumsum(steps)
    knots = list(zip(places.tolist(), values, strict=False))
    read = profile(np.linspace(places[0], places[-1], 200), knots)
    heights = [value for _, value in knots]
    assert read.min() >= min(heights) - 1e-9
    assert read.max() <= max(heights) + 1e-9
    assert profile(places, knots) == pytest.approx(heights, abs=1e-9)


def test_a_spline_passes_through_its_knots_and_a_ribbon_has_its_width() -> None:
    knots = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    path = smooth(knots, steps=5)
    assert path[::5] == pytest.approx(knots)
    band = ribbon(path, 0.5)
    assert np.ptp(band[:, 1]) == pytest.approx(0.5)
