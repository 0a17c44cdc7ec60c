from __future__ import annotations

import hashlib
import io
import pickle
import struct
import zlib

import imagehash
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from harvest.errors import Broken
from harvest.images.decode import EXTENSIONS, decode_rgb, extension
from harvest.images.fingerprint import PHASH_VERSION, examined, fingerprint, perceptual_hash

LIMIT = 50_000_000


def picture(width: int = 320, height: int = 240, seed: int = 1) -> Image.Image:
    """Soft blobs with a few hard strokes: enough structure for hashes and blur to have something to say."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    image = coarse.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        points = [(int(rng.integers(width)), int(rng.integers(height))) for _ in range(2)]
        draw.line(points, fill=tuple(int(c) for c in rng.integers(0, 256, 3)), width=3)
    return image


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def bits_apart(a: int, b: int) -> int:
    return (a ^ b).bit_count()


def test_a_fingerprint_says_what_the_bytes_are():
    body = encoded(picture(400, 300))

    found = fingerprint(body, max_pixels=LIMIT)

    assert found.sha256 == hashlib.sha256(body).hexdigest()
    assert (found.bytes, found.format, found.mode, found.frames) == (len(body), "JPEG", "RGB", 1)
    assert (found.width, found.height) == (400, 300)
    assert found.phash_version == PHASH_VERSION
    assert 0 <= found.phash < 2**64
    assert found.digital_source_type is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000"])
def test_every_format_has_an_extension_and_hashes_alike(kind):
    image = picture()

    found = fingerprint(encoded(image, kind), max_pixels=LIMIT)

    assert found.format == kind
    assert extension(found.format) == EXTENSIONS[kind]
    assert bits_apart(found.phash, fingerprint(encoded(image, "PNG"), max_pixels=LIMIT).phash) <= 4


@pytest.mark.parametrize("seed", range(5))
def test_the_hash_is_imagehash_s_phash_on_the_same_pixels(seed):
    grey = picture(seed=seed).convert("L")

    assert f"{perceptual_hash(grey):016x}" == str(imagehash.phash(grey))


def test_draft_decoding_drifts_by_a_bit_at_most_on_average():
    images = [encoded(picture(1200, 900, seed).filter(ImageFilter.GaussianBlur(1))) for seed in range(12)]

    drift = [
        bits_apart(
            fingerprint(body, max_pixels=LIMIT).phash, int(str(imagehash.phash(Image.open(io.BytesIO(body)))), 16)
        )
        for body in images
    ]

    assert np.mean(drift) <= 1


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
def test_a_jpeg_cut_at_any_tenth_is_truncated(options):
    body = encoded(picture(900, 700), quality=90, **options)

    for tenth in range(1, 10):
        with pytest.raises(Broken) as error:
            fingerprint(body[: len(body) * tenth // 10], max_pixels=LIMIT)
        assert error.value.kind == "truncated", f"cut at {tenth}/10"
    assert fingerprint(body, max_pixels=LIMIT).width == 900


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000"])
def test_other_formats_cut_at_any_tenth_are_broken(kind):
    body = encoded(picture(), kind)

    for tenth in range(1, 10):
        with pytest.raises(Broken) as error:
            fingerprint(body[: len(body) * tenth // 10], max_pixels=LIMIT)
        assert error.value.kind in {"truncated", "corrupt", "not_an_image"}, f"cut at {tenth}/10"


def test_a_jpeg_overwritten_in_the_middle_is_corrupt():
    body = bytearray(encoded(picture(900, 700), quality=95))
    middle = len(body) // 2
    body[middle : middle + 2048] = np.random.default_rng(5).bytes(2048)

    with pytest.raises(Broken) as error:
        fingerprint(bytes(body), max_pixels=LIMIT)
    assert error.value.kind == "corrupt"


def test_a_png_with_flipped_bytes_is_corrupt():
    body = bytearray(encoded(picture(), "PNG"))
    middle = len(body) // 2
    body[middle : middle + 64] = bytes(value ^ 0xFF for value in body[middle : middle + 64])

    with pytest.raises(Broken) as error:
        fingerprint(bytes(body), max_pixels=LIMIT)
    assert error.value.kind == "corrupt"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "empty"),
        (b"<!doctype html><title>Not found</title>", "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_an_image"),
        (b"\xff\xd8\xff", "truncated"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
    ],
)
def test_what_is_no_image_is_named(body, kind):
    with pytest.raises(Broken) as error:
        fingerprint(body, max_pixels=LIMIT)
    assert error.value.kind == kind


def test_broken_comes_back_from_a_worker_process_as_it_was():
    with pytest.raises(Broken) as error:
        fingerprint(b"", max_pixels=LIMIT)

    back = pickle.loads(pickle.dumps(error.value))

    assert (type(back), back.kind, str(back)) == (Broken, "empty", "no bytes")


def test_a_decompression_bomb_is_refused_by_its_header():
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")

    with pytest.raises(Broken, match="60000x60000 is more than 50000000 pixels") as error:
        fingerprint(bomb, max_pixels=LIMIT)
    assert error.value.kind == "bomb"


def test_large_pictures_within_the_limit_raise_no_warning_of_pillow_s():
    body = encoded(Image.new("1", (12_000, 9_000)), "PNG")

    assert fingerprint(body, max_pixels=120_000_000).width == 12_000
    assert Image.MAX_IMAGE_PIXELS is not None


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_picture_hashes_as_it_is_shown(turn):
    image = picture(640, 420)
    undo = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[turn]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = turn
    stored = image if undo is None else image.transpose(undo)

    found = fingerprint(encoded(stored, exif=exif), max_pixels=LIMIT)

    assert (found.width, found.height) == (640, 420)
    assert bits_apart(found.phash, fingerprint(encoded(image), max_pixels=LIMIT).phash) <= 2


def test_broken_exif_does_not_break_the_picture():
    body = encoded(picture(), exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")

    assert fingerprint(body, max_pixels=LIMIT).width == 320


def modes() -> list[tuple[str, bytes]]:
    image = picture()
    alpha = image.convert("RGBA")
    alpha.putalpha(image.convert("L"))
    deep = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    return [
        ("CMYK", encoded(image.convert("CMYK"))),
        ("L", encoded(image.convert("L"))),
        ("I;16", encoded(deep, "PNG")),
        ("P", encoded(alpha.quantize(64), "PNG")),
        ("LA", encoded(image.convert("LA"), "PNG")),
        ("1", encoded(image.convert("1"), "PNG")),
        ("F", encoded(image.convert("F"), "TIFF")),
    ]


@pytest.mark.parametrize(("mode", "body"), modes(), ids=[mode for mode, _ in modes()])
def test_every_mode_keeps_its_name_and_its_likeness(mode, body):
    found = fingerprint(body, max_pixels=LIMIT)

    assert found.mode == mode
    if mode not in {"P", "1"}:  # transparency over white and one bit a pixel are other pictures
        assert bits_apart(found.phash, fingerprint(encoded(picture()), max_pixels=LIMIT).phash) <= 4


def test_frames_are_counted():
    frames = [picture(seed=seed) for seed in range(3)]
    body = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    assert fingerprint(body, max_pixels=LIMIT).frames == 3


def test_quality_falls_with_blur_and_is_zero_for_nothing():
    sharp = picture(600, 600)
    measures = [
        fingerprint(encoded(sharp.filter(ImageFilter.GaussianBlur(radius))), max_pixels=LIMIT).sharpness
        for radius in (0, 3, 6, 12)
    ]
    assert measures == sorted(measures, reverse=True)
    assert measures[0] > 2 * measures[-1]

    black = fingerprint(encoded(Image.new("RGB", (300, 300))), max_pixels=LIMIT)
    assert (black.sharpness, black.entropy, black.brightness) == (0.0, 0.0, 0.0)
    white = fingerprint(encoded(Image.new("RGB", (300, 300), "white")), max_pixels=LIMIT)
    assert white.brightness == 1.0
    noise = np.random.default_rng(0).integers(0, 256, (128, 128), dtype=np.uint8)
    assert fingerprint(encoded(Image.fromarray(noise), "PNG"), max_pixels=LIMIT).entropy > 7.9


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (3000, 2)])
def test_the_thinnest_pictures_have_fingerprints(size):
    found = fingerprint(encoded(Image.new("RGB", size, "red"), "PNG"), max_pixels=LIMIT)

    assert (found.width, found.height) == size


HEADS = [encoded(picture(64, 48), kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP")]


@given(head=st.sampled_from(HEADS), at=st.floats(0, 1), noise=st.binary(min_size=1, max_size=200))
def test_hostile_bytes_are_a_fingerprint_or_broken_and_nothing_else(head, at, noise):
    start = int(at * len(head))
    body = head[:start] + noise + head[start + len(noise) :]

    kinds = {"empty", "not_an_image", "bomb", "truncated", "corrupt"}
    try:
        outcome = str(fingerprint(body, max_pixels=1_000_000).bytes)
    except Broken as error:
        outcome = error.kind

    assert outcome in {*kinds, str(len(body))}


@pytest.mark.parametrize("longest", [64, 256, 512, 2048])
@pytest.mark.parametrize(
    ("kind", "mode", "turn"), [("JPEG", "RGB", 6), ("JPEG", "L", 1), ("JPEG", "CMYK", 1), ("PNG", "RGBA", 1)]
)
def test_one_decode_gives_the_picture_and_the_fingerprint(tmp_path, kind, mode, turn, longest):
    exif = Image.Exif()
    exif[0x0112] = turn
    body = encoded(picture(1100, 700).convert(mode), kind, exif=exif)
    (tmp_path / "image").write_bytes(body)
    alone = fingerprint(body, max_pixels=LIMIT)

    found, seen = examined(body, max_pixels=LIMIT, longest=longest)

    assert seen is not None
    wanted, seen = decode_rgb(tmp_path / "image", longest=longest), seen.over()
    assert (seen.size, seen.tobytes()) == (wanted.size, wanted.tobytes())
    assert bits_apart(found.phash, alone.phash) <= 2
    assert found.sharpness == pytest.approx(alone.sharpness, abs=0.02)
    assert found.brightness == pytest.approx(alone.brightness, abs=0.01)
    assert (found.sha1, found.width, found.mode) == (hashlib.sha1(body).hexdigest(), alone.width, alone.mode)
