"""A typeface for captions in any language, from what a machine has."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import ImageFont

__all__ = ["Typeface", "typeface_for"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_SYSTEM = (
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "DejaVuSans.ttf",
    "Arial.ttf",
    "NotoSansCJK-Regular.ttc",
)
_ELLIPSIS = "..."
_STAND_IN = "?"
_NO_CHARACTER = "\uffff"
_PROBE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Typeface:
    """A font file by name, None for the one within Pillow, and the characters asked for that it does not have."""

    file: str | None
    missing: frozenset[str]

    def font(self, size: int) -> Font:
        """The font at `size` pixels."""
        return ImageFont.load_default(size) if self.file is None else ImageFont.truetype(self.file, size)

    def line(self, text: str, font: Font, width: float) -> str:
        """`text` in one line of at most `width` pixels; letters that are missing lose their accent, or become '?'."""
        text = "".join(self._legible(character) for character in " ".join(text.split()))
        if font.getlength(text) <= width:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if font.getlength(text[:middle].rstrip() + _ELLIPSIS) <= width:
                low = middle
            else:
                high = middle - 1
        return text[:low].rstrip() + _ELLIPSIS

    def _legible(self, character: str) -> str:
        if character not in self.missing:
            return character
        plain = unicodedata.normalize("NFKD", character)[0]
        return plain if plain.isascii() and plain.isprintable() else _STAND_IN


def typeface_for(texts: Iterable[str]) -> Typeface:
    """The typeface that has most characters of `texts`: Pillow's own where it has all, else one of the system's.

    Pillow's has hardly more than ASCII; of the others, the first in a fixed order wins among equals, so that the same
    machine sets the same page.
    """
    needed = {character for text in texts for character in text if not character.isspace()}
    best = Typeface(file=None, missing=_missing(ImageFont.load_default(_PROBE), needed))
    for file in _SYSTEM if best.missing else ():
        try:
            font = ImageFont.truetype(file, _PROBE)
        except OSError:
            continue
        missing = _missing(font, needed)
        if len(missing) < len(best.missing):
            best = Typeface(file=file, missing=missing)
    return best


def _missing(font: Font, characters: set[str]) -> frozenset[str]:
    def drawn(character: str) -> tuple[tuple[int, int], bytes]:
        mask = font.getmask(character)
        return mask.size, bytes(mask)

    box = drawn(_NO_CHARACTER)
    return frozenset(character for character in characters if drawn(character) == box)
