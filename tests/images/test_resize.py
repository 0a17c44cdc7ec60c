from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageColor

from harvest.config.recipe import SizeConfig
from harvest.images.decode import Layers
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
        ("crop", (20, 30), (20, 20)),
        ("squash", (300, 100), (64, 64)),
        ("squash", (20, 30), (20, 20)),
        ("fit", (300, 100), (64, 64)),
        ("fit", (20, 30), (64, 64)),
        ("longest", (300, 100), (64, 21)),
        ("longest", (20, 30), (20, 30)),
        ("longest", (3000, 1), (64, 1)),
    ],
)
def test_each_mode_gives_the_size_it_promises(mode, source, size):
    assert read(derive(stripes(*source), SizeConfig(px=64, mode=mode))).size == size


@pytest.mark.parametrize(
    ("mode", "size"), [("crop", (64, 64)), ("squash", (64, 64)), ("fit", (64, 64)), ("longest", (43, 64))]
)
def test_only_upscale_enlarges(mode, size):
    image = read(derive(stripes(20, 30), SizeConfig(px=64, mode=mode, format="png", upscale=True)))

    assert image.size == size
    if mode == "fit":  # 43 pixels wide: the ground begins at 53
        assert image.getpixel((60, 32)) == (255, 255, 255)
        assert image.getpixel((12, 2)) == (0, 200, 0)


def test_crop_keeps_the_middle():
    pixels = np.asarray(read(derive(stripes(300, 100), SizeConfig(px=50, mode="crop", format="png"))))

    assert (pixels == (200, 0, 0)).all()


def test_fit_pads_with_the_background_and_enlarges_nothing():
    image = read(derive(stripes(30, 12), SizeConfig(px=64, mode="fit", format="png", background="#0000ff")))

    assert image.getpixel((0, 0)) == (0, 0, 255)
    assert image.getpixel((17, 26)) == (0, 200, 0)
    assert image.getpixel((16, 32)) == (0, 0, 255)


def test_padding_is_a_colour_the_picture_blurred_or_its_edge():
    def pad(padding):
        size = SizeConfig(px=60, mode="fit", format="png", padding=padding, background="#0000ff")
        return np.asarray(read(derive(stripes(60, 20), size))).astype(int)

    picture = np.asarray(stripes(60, 20)).astype(int)
    for padding in ("colour", "edge", "blur"):
        assert (pad(padding)[20:40] == picture).all(), padding
    assert (pad("colour")[:20] == (0, 0, 255)).all()
    assert (pad("edge")[:20] == picture[0]).all()
    assert (pad("edge")[40:] == picture[-1]).all()
    blurred = pad("blur")
    assert np.abs(np.diff(blurred[5], axis=0)).max() < 40, "no hard edge is left"
    assert blurred[..., 2].max() < 20, "of the picture's own colours"


def test_squash_keeps_all_of_the_picture():
    pixels = np.asarray(read(derive(stripes(300, 100), SizeConfig(px=30, mode="squash", format="png"))))

    assert (pixels[15, 15] == (200, 0, 0)).all()
    assert (pixels[15, [0, 29]] == (0, 200, 0)).all()


def test_linear_resampling_weighs_light_and_gamma_weighs_values():
    board = Image.fromarray(np.kron(np.indices((64, 64)).sum(0) % 2, np.ones((1, 1))).astype(np.uint8) * 255)
    image = board.convert("RGB")

    gamma = np.asarray(read(derive(image, SizeConfig(px=8, format="png"))))
    linear = np.asarray(read(derive(image, SizeConfig(px=8, format="png", resampling="linear"))))

    # Half of the light is 188 of 255: IEC 61966-2-1.
    assert abs(float(gamma.mean()) - 127.5) < 2
    assert abs(float(linear.mean()) - 188) < 2


def test_linear_resampling_changes_nothing_where_there_is_one_colour():
    image = Image.new("RGB", (50, 40), (12, 130, 251))

    pixels = np.asarray(read(derive(image, SizeConfig(px=16, format="png", resampling="linear"))))

    assert (pixels == (12, 130, 251)).all()


def test_lossless_webp_is_the_pixels_themselves():
    size = SizeConfig(px=64, mode="longest", format="webp", lossless=True)

    assert read(derive(stripes(60, 40), size)).convert("RGB").tobytes() == stripes(60, 40).tobytes()


def test_transparent_parts_show_each_sizes_own_ground():
    layers = Layers(Image.new("RGB", (40, 40), (200, 0, 0)), Image.new("L", (40, 40), 0))

    for ground in ("#0000ff", "#00ff00"):
        size = SizeConfig(px=16, format="png", background=ground)
        assert read(derive(layers, size)).getpixel((8, 8)) == ImageColor.getrgb(ground)


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

    ours = np.asarray(read(derive(image, SizeConfig(px=px, format="png", upscale=True)))).astype(int)

    theirs = image.crop(box).resize((px, px), Image.Resampling.LANCZOS, reducing_gap=3.0)
    assert np.abs(ours - np.asarray(theirs).astype(int)).max() <= 3
