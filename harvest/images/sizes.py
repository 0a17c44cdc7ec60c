"""Sized copies as files: what they are called, and how they come to the disk."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import unicodedata
from functools import lru_cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harvest.images.resize import SIZE_EXTENSIONS, Size, derive
from harvest.items import Derivative

__all__ = ["FOLDER", "derivative_of", "make_size", "name_digits", "sized_name", "sized_path", "slug", "write_size"]

FOLDER = "derived"
_SLUG_LENGTH, _LEAST_DIGITS = 60, 10


def slug(title: str | None, image_url: str) -> str:
    """Small letters, digits and hyphens of the title, else of the file name in the image's URL; may be empty.

    >>> slug("Fin of a Pike (1897)", "https://museum.example/1.jpg"), slug(None, "https://museum.example/one.jpg")
    ('fin-of-a-pike-1897', 'one')
    """
    stem = PurePosixPath(unquote(urlsplit(image_url).path)).stem
    for text in (title, stem):
        plain = unicodedata.normalize("NFKD", text or "").encode("ascii", "ignore").decode().lower()
        words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_LENGTH].strip("-")
        if words:
            return words
    return ""


def name_digits(sha256s: NDArray[np.bytes_]) -> NDArray[np.int64]:
    """How many digits of its sha256 an image's copies are named by: ten, and all where two images would share them."""
    _, place, count = np.unique(sha256s.astype(f"S{_LEAST_DIGITS}"), return_inverse=True, return_counts=True)
    return np.where(count[place] == 1, _LEAST_DIGITS, 64)


def sized_name(digits: str, title: str | None, image_url: str | None) -> str:
    """What the copies of an image are called: `<slug>-<digits of its sha256>`, or the digits alone."""
    words = slug(title, image_url or "")
    return f"{words}-{digits}" if words else digits


def sized_path(size: Size, name: str) -> str:
    """Where a copy lies, relative to the workspace. Modes other than `crop` have a folder of their own."""
    folder = str(size.px) if size.mode == "crop" else f"{size.px}-{size.mode}"
    return f"{FOLDER}/{folder}/{name}.{SIZE_EXTENSIONS[size.format]}"


def make_size(picture: Image.Image, size: Size, path: str, recipe_digest: str) -> tuple[Derivative, bytes]:
    """One size of the RGB `picture`, and its bytes, which `write_size` brings to `path` in the workspace."""
    body = derive(picture, size)
    return derivative_of(body, size, path, recipe_digest), body


def derivative_of(body: bytes, size: Size, path: str, recipe_digest: str) -> Derivative:
    """What is noted of a copy whose bytes are `body`."""
    return Derivative(
        size=size.px,
        mode=size.mode,
        path=path,
        bytes=len(body),
        derived_sha256=hashlib.sha256(body).hexdigest(),
        recipe_digest=recipe_digest,
    )


def write_size(file: Path, body: bytes) -> None:
    """Write a copy. Raises OSError.

    Whole or not at all, but without waiting for the disk as originals do: what a power cut takes is made again.
    """
    _make_folder(file.parent)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(body)
            os.fchmod(opened.fileno(), 0o644)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@lru_cache(maxsize=1024)
def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
