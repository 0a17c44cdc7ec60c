from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from harvest.config.recipe import SizeConfig
from harvest.images.resize import derive


def read(body: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(body))
    image.load()
    return image


def stripes(width: int, height: int) -> Image.Image:
    """Green left and right thirds around a red middle."""
    image = Image.new("RGB", (width, height), (0, 200, 0))
    image.paste((200, 0, 0), (width // 3, 0, 2 * width // 3, height))
    return image


@pytest.mark.parametrize(
    ("mode", "source", "size"),
    [
        ("crop", (300, 100), (64, 64)),
        ("crop", (20, 30), (64, 64)),
        ("fit", (300, 100), (64, 64)),
        ("fit", (20, 30), (64, 64)),
        ("longest", (300, 100), (64, 21)),
        ("longest", (20, 30), (20, 30)),
        ("longest", (3000, 1), (64, 1)),
    ],
)
def test_each_mode_gives_the_size_it_promises(mode, source, size):
    assert read(derive(stripes(*source), SizeConfig(px=64, mode=mode))).size == size


def test_crop_keeps_the_middle():
    pixels = np.asarray(read(derive(stripes(300, 100), SizeConfig(px=50, mode="crop", format="png"))))

    assert (pixels == (200, 0, 0)).all()


def test_fit_pads_with_the_background_and_enlarges_nothing():
    image = read(derive(stripes(30, 12), SizeConfig(px=64, mode="fit", format="png", background="#0000ff")))

    assert image.getpixel((0, 0)) == (0, 0, 255)
    assert image.getpixel((17, 26)) == (0, 200, 0)
    assert image.getpixel((16, 32)) == (0, 0, 255)


@pytest.mark.parametrize(("name", "kind"), [("jpeg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
@pytest.mark.parametrize(("mode", "px"), [("crop", 32), ("fit", 120), ("longest", 120), ("longest", 32)])
def test_the_same_picture_gives_the_same_bytes_without_metadata(name, kind, mode, px):
    image = stripes(120, 90)
    image.info |= {"exif": b"Exif\0\0secret", "comment": b"secret", "icc_profile": b"secret", "dpi": (72, 72)}
    size = SizeConfig(px=px, mode=mode, format=name)

    first, second = derive(image, size), derive(image.copy(), size)

    assert first == second
    assert read(first).format == kind
    assert b"secret" not in first


def test_noise_that_hardly_compresses_is_encoded_too():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8))

    for px in (32, 256, 512):
        assert read(derive(noise, SizeConfig(px=px, quality=100))).size == (px, px)


@pytest.mark.parametrize(("source", "px"), [((640, 480), 256), ((401, 300), 299), ((90, 70), 128), ((2000, 1500), 64)])
def test_resampling_is_the_lanczos_of_pillow(source, px):
    noise = np.random.default_rng(3).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize(source, Image.Resampling.BICUBIC)
    side, (width, height) = min(source), source
    box = ((width - side) // 2, (height - side) // 2, (width + side) // 2, (height + side) // 2)

    ours = np.asarray(read(derive(image, SizeConfig(px=px, format="png")))).astype(int)

    theirs = image.crop(box).resize((px, px), Image.Resampling.LANCZOS, reducing_gap=3.0)
    assert np.abs(ours - np.asarray(theirs).astype(int)).max() <= 3
