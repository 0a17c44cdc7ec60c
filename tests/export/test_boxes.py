"""Boxes of a source, as they lie in sized copies: checked against the pixels that `derive` makes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harvest.config.recipe import SizeConfig
from harvest.export.boxes import Box, boxes_of, placement
from harvest.images.resize import derive

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


@pytest.mark.parametrize("mode", ["crop", "fit", "longest"])
@pytest.mark.parametrize("size", [(320, 200), (200, 320), (50, 40)])
def test_a_box_lies_around_the_same_pixels_in_a_copy(mode: str, size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, "#ffffff")
    x, y, width, height = size[0] // 3, size[1] // 4, size[0] // 4, size[1] // 2
    picture.paste("#000000", (x, y, x + width, y + height))

    copy = Image.open(io.BytesIO(derive(picture, SizeConfig(px=128, mode=mode, format="png"))))
    found = placement(*size, mode=mode, px=128)

    assert found is not None
    assert copy.size == (found.width, found.height)
    (placed,) = found.placed([box(x, y, width, height)])
    rows, columns = np.nonzero(np.asarray(copy.convert("L")) < 128)
    seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    told = (placed.x, placed.y, placed.x + placed.width, placed.y + placed.height)
    assert np.abs(np.subtract(seen, told)).max() <= 1


def test_a_box_beside_the_crop_is_left_out_and_one_across_its_edge_is_cut() -> None:
    found = placement(200, 100, mode="crop", px=50)

    assert found is not None
    assert found.placed([box(0, 0, 40, 100)]) == ()
    assert found.placed([box(30, 0, 40, 100, 2000)]) == (box(0, 0, 10, 50, 250),)


def test_nobody_guesses_how_a_picture_lies_in_a_copy_of_another_mode() -> None:
    assert placement(200, 100, mode="saliency", px=50) is None


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 4000),
    st.integers(1, 4000),
    st.sampled_from(["crop", "fit", "longest"]),
    st.integers(8, 1024),
    st.tuples(*[st.floats(0, 1)] * 4),
)
def test_boxes_never_leave_the_copy(width: int, height: int, mode: str, px: int, shares: tuple[float, ...]) -> None:
    found = placement(width, height, mode=mode, px=px)

    assert found is not None
    drawn = box(shares[0] * width, shares[1] * height, shares[2] * width + 0.01, shares[3] * height + 0.01)
    for placed in found.placed([drawn]):
        assert placed.x >= 0
        assert placed.y >= 0
        assert placed.x + placed.width <= found.width + 0.011
        assert placed.y + placed.height <= found.height + 0.011
        assert 0 <= placed.area <= found.width * found.height * 1.01
