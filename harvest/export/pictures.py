"""Exported files that trainers read as a person would see them: copied as they are where they can be, else as PNG.

Training tools open a picture, convert it to RGB and look no further: turned photographs lie on their side, transparent
grounds turn black, foreign colour profiles are dropped. What would come out otherwise than it looks is therefore
written as an upright sRGB PNG; all else keeps its bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageCms

from harvest.errors import Broken, CheckFailed
from harvest.export.base import Entry
from harvest.export.publish import read_bytes, read_checked
from harvest.images.decode import decode_rgb, opened, orientation

__all__ = ["Picture", "picture_of", "pixel_size", "png", "seen"]

_PLAIN_MODES = frozenset({"RGB", "L"})


class Picture(NamedTuple):
    """A file to write: its bytes, its suffix with the dot, and its size in pixels as trainers will see it."""

    body: bytes
    suffix: str
    size: tuple[int, int]


def picture_of(entry: Entry, suffixes: Collection[str]) -> Picture:
    """The entry's file as it is where it has one of `suffixes` and reads as it looks, else as an RGB PNG.

    Raises CheckFailed when the file is not what the ledger says, or does not decode.
    """
    body = read_checked(entry.source, entry.digest)
    suffix = entry.source.suffix.lower()
    if suffix in suffixes:
        with _decoding(entry.source), opened(body) as image:
            if _reads_as_it_looks(image):
                return Picture(body, suffix, image.size)
    upright = seen(entry)
    return Picture(png(upright), ".png", upright.size)


def seen(entry: Entry) -> Image.Image:
    """The entry's file as an upright sRGB picture. Raises CheckFailed as `picture_of` does."""
    read_checked(entry.source, entry.digest)
    with _decoding(entry.source):
        return decode_rgb(entry.source)


def pixel_size(entry: Entry) -> tuple[int, int]:
    """Width and height of the entry's file, either way round. Raises CheckFailed when it does not decode."""
    if entry.digest == entry.image.sha256:
        return entry.image.width, entry.image.height
    if not entry.source.is_file():  # it lies in an archive, or is gone
        return entry.width or entry.image.width, entry.height or entry.image.height
    with _decoding(entry.source), opened(read_bytes(entry.source)) as image:
        return image.size


def png(image: Image.Image, *, compress_level: int = 6) -> bytes:
    """The pixels alone as PNG: no metadata, the same bytes for the same pixels."""
    bare = image.copy()
    bare.info = {}
    buffer = io.BytesIO()
    bare.save(buffer, "PNG", compress_level=compress_level)
    return buffer.getvalue()


def _reads_as_it_looks(image: Image.Image) -> bool:
    plain = image.mode in _PLAIN_MODES and not image.has_transparency_data and orientation(image) == 1
    return plain and _is_srgb(image.info.get("icc_profile"))


def _is_srgb(profile: bytes | None) -> bool:
    if not profile:
        return True
    try:
        described = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return True  # a profile that cannot be used is as good as none
    return re.search(r"\bsRGB\b", described) is not None


@contextmanager
def _decoding(source: Path) -> Iterator[None]:
    try:
        yield
    except Broken as broken:
        raise CheckFailed(
            f"{source} does not decode ({broken}); leave it out with `harvest review RECIPE --of filter --drop SHA`"
        ) from broken
