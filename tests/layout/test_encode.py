"""Pictures written row by row are the pictures that they would be in one piece."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PdfParser

from layout.bands import Bands
from layout.encode import FORMATS, as_jpeg, check_size, write_picture
from layout.pdf import write_pdf


def picture(width, height, seed=0):
    """Soft colours with grain, (height, width, 3)."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    return np.clip(np.asarray(coarse).astype(int) + rng.integers(-9, 10, (height, width, 3)), 0, 255).astype(np.uint8)


def in_bands(pixels, step):
    rows = (pixels[first : first + step] for first in range(0, len(pixels), step))
    return Bands(width=pixels.shape[1], height=len(pixels), rows=rows)


sizes = st.tuples(st.integers(1, 90), st.integers(1, 300))


@settings(max_examples=25, deadline=None)
@given(size=sizes, step=st.integers(1, 70))
def test_a_jpeg_of_bands_has_the_pixels_of_one_in_a_piece(size, step):
    pixels = picture(*size)
    joined, single = io.BytesIO(), io.BytesIO()
    as_jpeg(joined, in_bands(pixels, step), quality=87)
    Image.fromarray(pixels).save(single, "JPEG", quality=87, subsampling="4:2:0")
    assert (np.asarray(Image.open(joined)) == np.asarray(Image.open(single))).all()


@settings(max_examples=15, deadline=None)
@given(size=sizes, step=st.integers(1, 70), kind=st.sampled_from(["png", "tiff"]))
def test_what_is_lossless_is_so(tmp_path_factory, size, step, kind):
    pixels = picture(*size)
    path = tmp_path_factory.mktemp("picture") / f"picture.{FORMATS[kind].extension}"
    write_picture(path, in_bands(pixels, step), kind)
    with Image.open(path) as read:
        assert (np.asarray(read) == pixels).all()


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff"])
def test_the_print_size_is_in_the_file(tmp_path, kind):
    path = tmp_path / f"picture.{kind}"
    write_picture(path, in_bands(picture(40, 30), 16), kind, dpi=240)
    with Image.open(path) as read:
        assert read.info["dpi"] == pytest.approx((240, 240), abs=0.01)


def test_webp_is_close_to_what_it_shows(tmp_path):
    pixels = picture(200, 120)
    write_picture(tmp_path / "picture.webp", in_bands(pixels, 16), "webp", quality=95)
    with Image.open(tmp_path / "picture.webp") as read:
        assert np.abs(np.asarray(read.convert("RGB")).astype(int) - pixels).mean() < 12


def test_a_format_that_cannot_hold_a_size_says_which_can(tmp_path):
    with pytest.raises(ValueError, match=r"16,384 x 9 pixels: WebP holds at most 16,383 a side; JPEG and PNG and TIFF"):
        write_picture(tmp_path / "picture.webp", Bands(width=16_384, height=9, rows=[]), "webp")
    with pytest.raises(
        ValueError, match=r"9 x 70,000 pixels: JPEG holds at most 65,500 a side; PNG and TIFF hold them"
    ):
        check_size(9, 70_000, "jpeg")
    assert list(tmp_path.iterdir()) == []


def test_a_pdf_has_a_page_for_each_picture_as_large_as_it_prints(tmp_path):
    pages = [picture(300, 200), picture(150, 100, 1)]
    write_pdf(tmp_path / "pages.pdf", (in_bands(page, 40) for page in pages), dpi=150, quality=90, title="Two pages")
    with PdfParser.PdfParser(str(tmp_path / "pages.pdf")) as pdf:
        assert len(pdf.pages) == 2
        assert pdf.info.Title == "Two pages"
        first = pdf.read_indirect(pdf.pages[0])
        assert first[b"MediaBox"] == [0, 0, 144, 96]
        image = pdf.read_indirect(first[b"Resources"][b"XObject"][b"image"])
        shown = np.asarray(Image.open(io.BytesIO(image.buf)))
    assert np.abs(shown.astype(int) - pages[0]).mean() < 5


LARGE = """
import sys
from pathlib import Path
import numpy as np
from layout.bands import Bands
from layout.encode import write_picture
from layout.pdf import write_pdf
width, height = 6_000, 9_600
strip = np.random.default_rng(0).integers(0, 256, (64, width, 3), np.uint8) // 16 * 16
def peak():  # in KiB; what getrusage says begins with the size of the process that started this one
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak()
kind = sys.argv[1]
bands = Bands(width=width, height=height, rows=(strip for _ in range(height // 64)))
if kind == "pdf":
    write_pdf(Path(sys.argv[2]), [bands], dpi=300)
else:
    write_picture(Path(sys.argv[2]), bands, kind)
print((peak() - before) / 2**10)
"""


@pytest.mark.long
@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "pdf"])
def test_memory_does_not_grow_with_the_height(tmp_path, kind):
    command = [sys.executable, "-c", LARGE, kind, str(tmp_path / "large")]
    taken = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert taken < 6_000 * 9_600 * 3 / 2**20 / 2
