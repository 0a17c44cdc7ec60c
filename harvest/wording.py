"""Text from the wild, brought onto one line that reads as it is stored."""

from __future__ import annotations

import unicodedata

__all__ = ["one_line"]

# Overrides that make a line read otherwise than it is stored: https://trojansource.codes
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_JOINER = "\u200d"  # holds emoji and the letters of some scripts together


def one_line(text: str) -> str:
    r"""`text` without unseen characters, with single blanks between its words.

    >>> one_line(" a\tsea \u202e shell\n")
    'a sea shell'
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    seen = "".join(" " if unicodedata.category(c) in _UNSEEN and c != _JOINER else c for c in text)
    return " ".join(seen.split())
