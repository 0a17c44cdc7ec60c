"""The pixels themselves, whatever container brought them, and what the encoder of that container took away."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image, ImageSequence

from harvest.images.decode import as_seen, opened, orientation, upright

__all__ = ["LOSSLESS", "PIXELS_VERSION", "encoder_quality", "pixel_digest"]

PIXELS_VERSION: Final = "sha256/upright-srgb-rgba8/pillow/1"
LOSSLESS: Final = 101.0

# What encoders without JPEG's tables are taken for, on JPEG's scale: a palette loses more than their usual settings.
_PALETTE, _UNKNOWN = 50.0, 75.0
_EXACT = frozenset({"PNG", "TIFF", "BMP", "PPM"})
# The luminance table of ITU-T T.81, annex K.1, in its order there; encoders scale it.
# fmt: off
_ANNEX_K = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29,
    51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120,
    101, 72, 92, 95, 98, 112, 100, 103, 99,
)
# fmt: on
_BY_SIZE = sorted(_ANNEX_K)
_MOST = 255  # where baseline tables end: what is larger was cut, and says nothing of the scale


def pixel_digest(body: bytes) -> str:
    """Hex sha256 over what the encoded image `body` shows, in which two files agree when they show the same pixels.

    Of each frame: width and height after EXIF orientation, then 8-bit sRGB samples with alpha, row by row; colour under
    full transparency counts as black. Samples of more than 8 bits are digested as they are instead, so that pictures
    which differ in their low bits differ. Raises Broken.
    """
    digest = hashlib.sha256()
    with opened(body) as image:
        for samples in _frames(image):
            digest.update(repr((samples.shape, samples.dtype.str)).encode())
            digest.update(np.ascontiguousarray(samples).data)
    return digest.hexdigest()


def encoder_quality(body: bytes) -> float:
    """How little the last encoder of `body` took away: 1 to 100 on the scale of libjpeg's quality, LOSSLESS above that.

    Of JPEG, from how far its luminance quantisation table scales annex K's, by the formula of the Independent JPEG
    Group's jcparam.c. WebP's lossless form and formats without loss are LOSSLESS; palettes of GIF count as 50, and
    other encoders with loss, which say nothing, as 75. Raises Broken.
    """
    with opened(body) as image:
        if image.format in _EXACT and "compression" in image.info and "jpeg" in str(image.info["compression"]):
            return _UNKNOWN
        if image.format in _EXACT or (image.format == "WEBP" and b"VP8L" in body[:64]):
            return LOSSLESS
        if image.format == "GIF":
            return _PALETTE
        tables = getattr(image, "quantization", None)
        if not tables:
            return _UNKNOWN
        steps = [(step, of) for step, of in zip(sorted(tables[min(tables)]), _BY_SIZE, strict=True) if step < _MOST]
        share = 100.0 * sum(step for step, _ in steps) / sum(of for _, of in steps) if steps else 5000.0
    quality = (200.0 - share) / 2 if share <= 100 else 5000.0 / share
    return float(min(100.0, max(1.0, quality)))


def _frames(image: Image.Image) -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    for frame in ImageSequence.Iterator(image):
        frame.load()
        if frame.mode.startswith("I") or frame.mode == "F":
            yield np.asarray(upright(frame, orientation(frame)))
            continue
        shown = np.asarray(as_seen(frame))
        alpha = np.full(shown.shape[:2], 255, np.uint8)
        if frame.has_transparency_data:
            alpha = np.asarray(upright(frame.convert("RGBA"), orientation(frame)).getchannel("A"))
            shown = np.where(alpha[..., None] > 0, np.asarray(as_seen(frame, (0, 0, 0))), 0)
        yield np.dstack([shown, alpha])
