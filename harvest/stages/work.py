"""One digest over many parts, by which a stage knows what it has done already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

__all__ = ["digest_over"]


def digest_over(parts: Iterable[object]) -> str:
    """Hex sha256 over the text of each of `parts`, in order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()
