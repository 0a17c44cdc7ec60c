"""Pictures that a recipe names as examples: files, folders and patterns beside it, and images of the ledger."""

from __future__ import annotations

from pathlib import Path

from harvest.config.reader import Section
from harvest.ledger.naming import DIGITS

__all__ = ["pictures_at"]

_SUFFIXES = frozenset({".avif", ".bmp", ".gif", ".heic", ".jpeg", ".jpg", ".jxl", ".png", ".tif", ".tiff", ".webp"})


def pictures_at(section: Section, key: str, name: str) -> tuple[Path | str, ...]:
    """The pictures that `name` stands for, in order: a file, all of a folder, all that a pattern with `*` finds, each
    relative to the recipe's folder; or the digits of an image of the ledger, as they are.

    Raises ConfigError, at `key`, where there is none.
    """
    base = section.file.resolve().parent
    path = base / Path(name).expanduser()
    if path.is_file():
        return (path,)
    if DIGITS.fullmatch(name):
        return (name.lower(),)
    if path.is_dir():
        found = [file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES]
    else:
        # A pattern may be absolute, which `Path.glob` refuses.
        anchor = Path(path.anchor)
        is_pattern = any(sign in name for sign in "*?[")
        found = list(anchor.glob(str(path.relative_to(anchor)))) if is_pattern else []
        found = [file for file in found if file.is_file() and file.suffix.lower() in _SUFFIXES]
    if not found:
        raise section.error(key, f"no picture there, and not ten digits of an image's sha256: {path}")
    return tuple(sorted(found))
