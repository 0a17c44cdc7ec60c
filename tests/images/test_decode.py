from __future__ import annotations

import io
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from harvest.errors import Broken
from harvest.images.decode import decode_rgb, opened


def saved(folder: Path, image: Image.Image, name: str, **options: object) -> Path:
    path = folder / name
    image.save(path, **options)
    return path


def halves(width: int = 64, height: int = 32) -> Image.Image:
    """Left red, right blue: what was turned or mirrored shows at once."""
    image = Image.new("RGB", (width, height), (220, 20, 20))
    image.paste((20, 20, 220), (width // 2, 0, width, height))
    return image


def near(pixel: tuple[int, ...], colour: tuple[int, int, int], by: int = 12) -> bool:
    return all(abs(a - b) <= by for a, b in zip(pixel, colour, strict=True))


@pytest.mark.parametrize(("turn", "size", "corner"), [(1, (64, 32), "red"), (3, (64, 32), "blue"), (6, (32, 64), "red"),
                                                       (8, (32, 64), "blue"), (2, (64, 32), "blue")])  # fmt: skip
def test_orientation_is_applied(tmp_path, turn, size, corner):
    exif = Image.Exif()
    exif[0x0112] = turn

    image = decode_rgb(saved(tmp_path, halves(), "a.jpg", exif=exif, quality=95, subsampling=0))

    assert image.size == size
    assert near(image.getpixel((2, 2)), (220, 20, 20) if corner == "red" else (20, 20, 220))


def test_transparency_lies_over_the_background(tmp_path):
    image = halves().convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    path = saved(tmp_path, image, "a.png")

    assert decode_rgb(path).getpixel((3, 3)) == (255, 255, 255)
    assert decode_rgb(path, background=(1, 2, 3)).getpixel((3, 3)) == (1, 2, 3)


def test_a_transparent_palette_lies_over_the_background(tmp_path):
    image = halves().quantize(4)
    red = image.getpixel((0, 0))

    decoded = decode_rgb(saved(tmp_path, image, "a.png", transparency=red))

    assert decoded.getpixel((2, 2)) == (255, 255, 255)
    assert near(decoded.getpixel((60, 2)), (20, 20, 220))


def test_sixteen_bits_keep_their_greys(tmp_path):
    ramp = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)

    decoded = np.asarray(decode_rgb(saved(tmp_path, Image.fromarray(ramp), "a.png")))

    assert np.abs(decoded[..., 0].ravel().astype(int) - np.arange(256)).max() <= 1


def test_cmyk_comes_out_in_its_colours(tmp_path):
    decoded = decode_rgb(saved(tmp_path, halves().convert("CMYK"), "a.jpg", quality=95))

    assert decoded.mode == "RGB"
    assert near(decoded.getpixel((4, 4)), (220, 20, 20), 30)


def test_a_wide_gamut_profile_is_converted_and_a_broken_one_ignored(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    plain = decode_rgb(saved(tmp_path, halves(), "plain.png"))

    turned = decode_rgb(saved(tmp_path, halves(), "swapped.png", icc_profile=swapped))
    ignored = decode_rgb(saved(tmp_path, halves(), "broken.png", icc_profile=b"not a profile at all"))

    assert turned.getpixel((2, 2)) != plain.getpixel((2, 2))
    assert ignored.tobytes() == plain.tobytes()


def test_a_jpeg_is_decoded_no_larger_than_it_will_be_used(tmp_path):
    path = saved(tmp_path, halves(1600, 1200), "a.jpg")

    assert decode_rgb(path).size == (1600, 1200)
    assert decode_rgb(path, longest=256).size == (400, 300)
    assert decode_rgb(path, longest=32).size == (200, 150)


def test_a_cut_file_is_broken_and_a_missing_one_is_an_os_error(tmp_path):
    path = saved(tmp_path, halves(400, 300), "a.png")
    path.write_bytes(path.read_bytes()[:300])

    with pytest.raises(Broken):
        decode_rgb(path)
    with pytest.raises(FileNotFoundError):
        decode_rgb(tmp_path / "none.png")


def test_threads_leave_warnings_and_pillow_s_limit_as_they_were():
    buffer = io.BytesIO()
    Image.new("1", (10_000, 9_500)).save(buffer, "PNG")
    limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    failures: list[BaseException] = []

    def work() -> None:
        for _ in range(10):
            try:
                with opened(buffer.getvalue()) as image:
                    assert image.width == 10_000
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert limit == Image.MAX_IMAGE_PIXELS
    assert list(warnings.filters) == filters
