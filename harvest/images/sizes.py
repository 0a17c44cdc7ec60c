"""Sized copies as files: what they are called, and how they come to the disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
import unicodedata
from functools import lru_cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from harvest.images.resize import SIZE_EXTENSIONS, Size, Sized
from harvest.items import Derivative

__all__ = ["FOLDER", "VARIANTS", "derivative_of", "name_digits", "sized_name", "sized_path", "slug", "write_size"]

FOLDER = "derived"
VARIANTS = f"{FOLDER}/augmented-"  # what the folders of variants begin with
_LEAST_DIGITS = 10
_PLAIN = frozenset({"", "centre", "colour"})
_LONGEST_TEXT = 1000  # characters that are looked at
_TITLE, _STEM, _BYTES = 60, 40, 120  # characters of each, and bytes of both: with digits and suffix far below 255
_UNTELLING = frozenset({"default", "native", "color", "gray", "bitmap"})  # what IIIF calls every file


def slug(title: str | None, image_url: str) -> str:
    """What names tell of an image: its title and the stem of its file at the source, once where both say the same.

    Small letters and digits of any script, hyphens between them; Latin letters without their marks. What is neither
    letter nor digit (emoji, slashes, marks of direction, nulls) is no part of it, so that it is safe as a file name on
    every system, and no two names differ by case alone. May be empty.

    >>> slug("Fin of a Pike (1897)", "https://museum.example/DSC_1.jpg"), slug(None, "https://museum.example/Ünder.jpg")
    ('fin-of-a-pike-1897-dsc-1', 'under')
    >>> slug("貝殻", "https://museum.example/")
    '貝殻'
    """
    words, stem = _words(title or "", _TITLE), _words(_stem(image_url), _STEM)
    if stem in _UNTELLING or f"-{stem}-" in f"-{words}-":
        stem = ""
    elif f"-{words}-" in f"-{stem}-":
        words = ""
    return _within(f"{words}-{stem}".strip("-"), _BYTES)


def _stem(image_url: str) -> str:
    """The name of the file, or of the member of an archive, without its suffix."""
    try:
        parts = urlsplit(image_url)
    except ValueError:
        return ""
    member = parts.fragment.removeprefix("member=") if parts.fragment.startswith("member=") else ""
    return PurePosixPath(unquote(member or parts.path)).stem


def _words(text: str, length: int) -> str:
    found: list[str] = []
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text[:_LONGEST_TEXT]).casefold())
    for mark in plain:
        kind = unicodedata.category(mark)[0]
        if kind in "LN":
            found.append(mark)
        elif kind == "M":
            # In Latin an ornament, in other scripts a vowel.
            if found and found[-1] > "\u024f":
                found.append(mark)
        elif mark not in "'\u2019" and found and found[-1] != "-":
            found.append("-")
    return unicodedata.normalize("NFC", "".join(found))[:length].strip("-")


def _within(text: str, most: int) -> str:
    return text.encode()[:most].decode("utf-8", "ignore").strip("-")


def name_digits(sha256s: NDArray[np.bytes_]) -> NDArray[np.int64]:
    """How many digits of its sha256 an image's copies are named by: ten, and all where two images would share them."""
    _, place, count = np.unique(sha256s.astype(f"S{_LEAST_DIGITS}"), return_inverse=True, return_counts=True)
    return np.where(count[place] == 1, _LEAST_DIGITS, 64)


def sized_name(digits: str, title: str | None, image_url: str | None) -> str:
    """What the copies of an image are called: `<slug>-<digits of its sha256>`, or the digits alone."""
    words = slug(title, image_url or "")
    return f"{words}-{digits}" if words else digits


def sized_path(size: Size, name: str, frame: int = 0) -> str:
    """Where a copy lies, relative to the workspace.

    What is not cropped at the centre, and not of the first frame, has a folder of its own. Further frames have their
    number before the digits with which names end.
    """
    kind = {"crop": size.at, "fit": size.padding}.get(size.mode, "")
    parts = [str(size.px), *([size.mode] if size.mode != "crop" else []), *([kind] if kind not in _PLAIN else [])]
    folder = "-".join([*parts, *(["middle"] if size.frames == "middle" else [])])
    if frame and size.frames == "all":
        words, _, digits = name.rpartition("-")
        name = f"{words}-f{frame:04}-{digits}".strip("-")
    return f"{FOLDER}/{folder}/{name}.{SIZE_EXTENSIONS[size.format]}"


def derivative_of(made: Sized, size: Size, path: str, recipe_digest: str, frame: int | None = None) -> Derivative:
    """What is noted of a copy, which `write_size` brings to `path` in the workspace.

    `frame` is the number of its frame, where the image has several.
    """
    return Derivative(
        size=size.px,
        mode=size.mode,
        path=path,
        bytes=len(made.body),
        derived_sha256=hashlib.sha256(made.body).hexdigest(),
        recipe_digest=recipe_digest,
        frame=frame,
        width=made.width,
        height=made.height,
        place=made.place,
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
