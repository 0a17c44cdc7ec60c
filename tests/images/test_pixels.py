"""The same pixels in other containers, and what encoders leave."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from harvest.errors import Broken
from harvest.images.pixels import LOSSLESS, encoder_quality, pixel_digest


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def picture() -> Image.Image:
    coarse = np.random.default_rng(5).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((120, 90), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("PPM", {}), ("PNG", {"compress_level": 1})],
)
def test_a_container_does_not_change_the_pixels(picture, kind, options):
    assert pixel_digest(encoded(picture, kind, **options)) == pixel_digest(encoded(picture))


def test_a_jpeg_and_what_it_decodes_to_are_the_same_pixels(picture):
    body = encoded(picture, "JPEG", quality=70)

    assert pixel_digest(body) == pixel_digest(encoded(Image.open(io.BytesIO(body))))
    assert pixel_digest(body) != pixel_digest(encoded(picture))


def test_orientation_is_applied_and_modes_are_seen_through(picture):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    turned = encoded(picture.transpose(Image.Transpose.ROTATE_90), exif=exif)
    grey = picture.convert("L")

    assert pixel_digest(turned) == pixel_digest(encoded(picture))
    assert pixel_digest(encoded(grey)) == pixel_digest(encoded(grey.convert("RGB")))
    assert pixel_digest(encoded(picture.convert("RGBA"))) == pixel_digest(encoded(picture))


def test_hidden_colour_does_not_count_and_visible_alpha_does():
    red, blue = (Image.new("RGBA", (8, 8), (*colour, 0)) for colour in ((255, 0, 0), (0, 0, 255)))
    faint = Image.new("RGBA", (8, 8), (255, 0, 0, 40))

    assert pixel_digest(encoded(red)) == pixel_digest(encoded(blue))
    assert pixel_digest(encoded(faint)) != pixel_digest(encoded(red))


def test_low_bits_and_later_frames_count():
    deep, deeper = (Image.fromarray(np.full((4, 4), value, np.uint16)) for value in (4096, 4097))
    black, white = Image.new("L", (8, 8), 0), Image.new("L", (8, 8), 255)
    still = encoded(black, "GIF")
    moving = encoded(black, "GIF", save_all=True, append_images=[white])

    assert pixel_digest(encoded(deep)) != pixel_digest(encoded(deeper))
    assert pixel_digest(still) != pixel_digest(moving)


def test_what_does_not_decode_is_broken(picture):
    with pytest.raises(Broken):
        pixel_digest(encoded(picture)[:-300])


@pytest.mark.parametrize("quality", [15, 30, 50, 75, 92, 100])
def test_the_quality_of_a_jpeg_is_the_one_it_was_saved_with(picture, quality):
    assert encoder_quality(encoded(picture, "JPEG", quality=quality)) == pytest.approx(quality, abs=1.5)


def test_lossless_beats_jpeg_and_jpeg_beats_a_palette(picture):
    lossless = [encoded(picture, "PNG"), encoded(picture, "WEBP", lossless=True), encoded(picture, "BMP")]
    lossy = [
        encoded(picture, "WEBP", quality=80),
        encoded(picture, "TIFF", compression="jpeg"),
        encoded(picture, "GIF"),
    ]

    assert {encoder_quality(body) for body in lossless} == {LOSSLESS}
    assert [encoder_quality(body) for body in lossy] == [75, 75, 50]
