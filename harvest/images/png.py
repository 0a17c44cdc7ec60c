"""Pixels that came from no file of their own, as PNG: lossless, and the same bytes for the same pixels."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

__all__ = ["as_png"]

_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
_KEPT = ("icc_profile", "transparency", "gamma")


def as_png(image: Image.Image) -> bytes:
    """`image` as PNG with what its colours mean and nothing else: no date, no name, no text.

    Modes that PNG has not (CMYK, YCbCr, floats) become RGB, without their colour profile, which would not fit.
    """
    picture = image.copy()
    meaning: dict[str | tuple[int, int], Any] = {name: image.info[name] for name in _KEPT if name in image.info}
    if picture.mode not in _MODES:
        picture, meaning = picture.convert("RGB"), {}
    picture.info = meaning
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
