"""Whether two pictures are copies, by eye: what confirms the pairs that fingerprints propose."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["LIKENESS", "THUMB_SIDE", "likeness", "thumbnail"]

THUMB_SIDE = 64
LIKENESS = 0.975  # least correlation of a copy: re-encoded ones have .99, drawings of one kind at most .973
_PLANE = 32
_UNLIKE = 0.3  # below this no small crop explains the difference
_CROPS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.06)  # share cut from each side


def thumbnail(picture: Image.Image) -> NDArray[np.uint8]:
    """What `likeness` compares: an RGB `picture` squashed to (64, 64, 3)."""
    return np.asarray(picture.convert("RGB").resize((THUMB_SIDE, THUMB_SIDE), Image.Resampling.HAMMING))


def likeness(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Correlation of two thumbnails over all channels at 32 x 32, the best when either may be a crop of the other.

    It tells copies from other pictures of the same kind, which 64 bits of coarse grey structure do not: drawings of
    leaves on paper share a hash at 8 bits and correlate by less than .973. Crops of up to 6 % from each side are tried.
    """
    first, second = Image.fromarray(one), Image.fromarray(other)
    plain, reference = _standardised(first), _standardised(second)
    best = float((plain * reference).mean())
    if best >= LIKENESS or best < _UNLIKE:
        return best
    for box in _boxes():
        best = max(best, float((_standardised(first, box) * reference).mean()))
        best = max(best, float((_standardised(second, box) * plain).mean()))
    return best


def _standardised(thumb: Image.Image, box: tuple[float, float, float, float] | None = None) -> NDArray[np.float32]:
    small = np.asarray(thumb.resize((_PLANE, _PLANE), Image.Resampling.HAMMING, box=box), dtype=np.float32)
    centred = small - small.mean()
    return np.asarray(centred / (centred.std() + 1e-3), dtype=np.float32)


def _boxes() -> Iterator[tuple[float, float, float, float]]:
    for share in _CROPS:
        margin = THUMB_SIDE * share
        side = THUMB_SIDE - 2 * margin
        for across in (0.0, margin, 2 * margin):
            for down in (0.0, margin, 2 * margin):
                yield (across, down, across + side, down + side)
