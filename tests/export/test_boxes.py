"""Boxes of a source, as they lie in sized copies: checked against the pixels that `derive` makes."""

from __future__ import annotations

import io
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harvest.config.sizes import SizeConfig
from harvest.export.boxes import Box, boxes_of, placement
from harvest.images.resize import sized
from harvest.images.sizes import derivative_of
from harvest.ledger import DerivedRow

ANNOTATIONS = [
    {"category": "fish", "bbox": [40, 20, 60, 30], "area": 900, "iscrowd": 0},
    {"category": "shoal", "bbox": [0, 0, 200, 100], "area": 12000.5, "iscrowd": 1},
]


def box(x: float, y: float, width: float, height: float, area: float | None = None) -> Box:
    area = width * height if area is None else area
    return Box(category="fish", x=x, y=y, width=width, height=height, area=area, is_crowd=False)


def test_boxes_are_read_from_what_the_source_said() -> None:
    fish, shoal = boxes_of({"annotations": ANNOTATIONS, "split": "val"})

    assert fish == box(40, 20, 60, 30, 900)
    assert (shoal.category, shoal.is_crowd, shoal.area) == ("shoal", True, 12000.5)
    assert fish.record() == {"category": "fish", "bbox": [40.0, 20.0, 60.0, 30.0], "area": 900.0, "iscrowd": 0}


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"annotations": "none"},
        {"annotations": [{"bbox": [1, 2, 3, 4]}, {"category": "fish"}, "fish"]},
        {"annotations": [{"category": "fish", "bbox": [1, 2, 3]}, {"category": "fish", "bbox": [1, 2, 0, 4]}]},
        {"annotations": [{"category": "fish", "bbox": ["a", 2, 3, 4]}, {"category": "fish", "bbox": [1, None, 3, 4]}]},
    ],
)
def test_what_is_no_box_is_none(said) -> None:
    assert boxes_of(said) == ()


def copy_of(picture: Image.Image, config: SizeConfig, place: float | None = None) -> tuple[Image.Image, DerivedRow]:
    """A sized copy, and its row."""
    made = sized(picture, config, place)
    row = DerivedRow(sha256="s", **asdict(derivative_of(made, config, "derived/a.png", "d")))
    return Image.open(io.BytesIO(made.body)), row


@pytest.mark.parametrize(
    "config",
    [
        {"mode": "crop"},
        {"mode": "crop", "place": 0.0},
        {"mode": "crop", "place": 0.8},
        {"mode": "crop", "upscale": True},
        {"mode": "fit"},
        {"mode": "fit", "padding": "edge"},
        {"mode": "longest"},
        {"mode": "squash"},
    ],
)
@pytest.mark.parametrize("size", [(320, 200), (200, 320), (150, 90)])
def test_a_box_lies_around_the_same_pixels_in_a_copy(config: dict, size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, "#ffffff")
    x, y, width, height = size[0] // 3, size[1] // 4, size[0] // 4, size[1] // 2
    picture.paste("#000000", (x, y, x + width, y + height))
    place = config.get("place")
    said = {key: value for key, value in config.items() if key != "place"}

    copy, row = copy_of(picture, SizeConfig(px=128, format="png", **said), place)
    found = placement(*size, row)

    assert found is not None
    assert copy.size == (found.width, found.height)
    rows, columns = np.nonzero(np.asarray(copy.convert("L")) < 128)
    placed = found.placed([box(x, y, width, height)])
    if not placed:
        assert len(rows) == 0
        return
    seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    told = (placed[0].x, placed[0].y, placed[0].x + placed[0].width, placed[0].y + placed[0].height)
    assert np.abs(np.subtract(seen, told)).max() <= 1.5


def row(mode: str, px: int, **more: object) -> DerivedRow:
    return DerivedRow(sha256="s", size=px, mode=mode, path="p", bytes=1, derived_sha256="d", recipe_digest="r", **more)


def test_a_box_beside_the_crop_is_left_out_and_one_across_its_edge_is_cut() -> None:
    found = placement(200, 100, row("crop", 50, width=50, height=50, place=0.5))

    assert found is not None
    assert found.placed([box(0, 0, 40, 100)]) == ()
    assert found.placed([box(30, 0, 40, 100, 2000)]) == (box(0, 0, 10, 50, 250),)


def test_nobody_guesses_how_a_picture_lies_where_its_row_does_not_tell() -> None:
    assert placement(200, 100, row("swirl", 50, width=50, height=50)) is None
    assert placement(200, 100, row("crop", 50, width=50, height=50)) is None
    assert placement(40, 20, row("fit", 50, width=50, height=50)) is None


def test_copies_of_earlier_versions_are_cut_at_the_centre() -> None:
    assert placement(200, 100, row("crop", 50)) == placement(200, 100, row("crop", 50, width=50, height=50, place=0.5))


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 4000),
    st.integers(1, 4000),
    st.sampled_from(["crop", "fit", "longest"]),
    st.integers(8, 1024),
    st.tuples(*[st.floats(0, 1)] * 4),
)
def test_boxes_never_leave_the_copy(width: int, height: int, mode: str, px: int, shares: tuple[float, ...]) -> None:
    found = placement(width, height, row(mode, px))

    assert found is not None
    drawn = box(shares[0] * width, shares[1] * height, shares[2] * width + 0.01, shares[3] * height + 0.01)
    for placed in found.placed([drawn]):
        assert placed.x >= 0
        assert placed.y >= 0
        assert placed.x + placed.width <= found.width + 0.011
        assert placed.y + placed.height <= found.height + 0.011
        assert 0 <= placed.area <= found.width * found.height * 1.01
