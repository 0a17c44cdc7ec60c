"""HEIC and JPEG XL: known by how they begin, upright, and no larger than they say before anything is decoded."""

from __future__ import annotations

import io

import pillow_heif
import pillow_jxl  # noqa: F401 - registers its format
import pytest
from PIL import Image

from harvest.errors import Broken
from harvest.images import plugins
from harvest.images.decode import decode_rgb, opened
from harvest.images.fingerprint import fingerprint
from harvest.images.plugins import plugin_for

pillow_heif.register_heif_opener()


def encoded(kind: str, size: tuple[int, int] = (64, 32), turn: int = 1, **saving: object) -> bytes:
    """Red on the left, blue on the right, with an EXIF orientation."""
    image = Image.new("RGB", size, (200, 0, 0))
    image.paste((0, 0, 200), (size[0] // 2, 0, *size))
    exif = Image.Exif()
    exif[0x0112] = turn
    buffer = io.BytesIO()
    image.save(buffer, kind, exif=exif.tobytes(), **saving)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "size", [(8, 8), (256, 256), (64, 32), (257, 3), (1920, 1080), (5000, 1), (1, 9000), (300, 200)]
)
@pytest.mark.parametrize("saving", [{}, {"exif": b""}, {"num_threads": 1, "effort": 1}])
def test_the_size_of_a_jpeg_xl_is_read_from_its_head(size, saving):
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "JXL", **saving)

    plugin = plugin_for(buffer.getvalue()[:64])

    assert plugin is not None
    assert plugin.size(buffer.getvalue()) == size


def test_a_jpeg_within_a_jpeg_xl_is_seen_as_the_jpeg_is(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (64, 32), (200, 0, 0))
    image.save(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as jpeg:
        jpeg.save(tmp_path / "a.jxl", lossless_jpeg=True)

    assert decode_rgb(tmp_path / "a.jxl").size == decode_rgb(tmp_path / "a.jpg").size == (32, 64)


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_a_turned_heic_is_upright(tmp_path, turn):
    (tmp_path / "a").write_bytes(encoded("HEIF", turn=turn, quality=95))

    seen = decode_rgb(tmp_path / "a")

    assert seen.size == ((64, 32) if turn in {1, 3} else (32, 64))
    first = {1: (5, 5), 3: (60, 25), 6: (16, 5), 8: (16, 60)}[turn]  # where red is then
    assert seen.getpixel(first)[0] > 150


def test_the_exif_of_a_jpeg_xl_turns_nothing(tmp_path):
    (tmp_path / "a").write_bytes(encoded("JXL", turn=6, lossless=True))

    assert decode_rgb(tmp_path / "a").size == (64, 32)


@pytest.mark.parametrize("kind", ["HEIF", "JXL", "AVIF"])
def test_formats_are_told_by_their_bytes(kind):
    assert fingerprint(encoded(kind), max_pixels=10**6).format == kind


@pytest.mark.parametrize("kind", ["HEIF", "JXL"])
def test_too_many_pixels_are_a_bomb(kind):
    with pytest.raises(Broken, match="64x32 is more than 2000 pixels") as error, opened(encoded(kind), max_pixels=2000):
        pass
    assert error.value.kind == "bomb"


def test_without_its_package_a_format_is_no_fault_of_the_bytes(monkeypatch):
    monkeypatch.setattr(plugins, "_registered", lambda module: False)

    with pytest.raises(
        Broken, match=r"HEIC is read by pillow-heif: pip install 'herbarium-harvester\[formats\]'"
    ) as error:
        fingerprint(encoded("HEIF"), max_pixels=10**6)
    assert error.value.kind == "no_decoder"
