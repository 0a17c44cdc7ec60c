"""What identifies the sizes of an image: crawls and recipes that want the same sizes make, and find, the same files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from harvest.config.recipe import SizeConfig, params_digest

__all__ = ["STAGE", "longest_of", "size_digests"]

STAGE = "normalize"
VERSION = 2


def size_digests(sizes: Sequence[SizeConfig]) -> dict[int, str]:
    """The recipe digests of the derived rows of each size, by pixels.

    The largest size belongs in each: all are made from one decode, whose scale it decides.
    """
    longest = longest_of(sizes)
    return {size.px: params_digest(STAGE, VERSION, {**asdict(size), "decoded_for": longest}) for size in sizes}


def longest_of(sizes: Iterable[SizeConfig]) -> int:
    """Pixels of the largest of `sizes`, 0 when there is none."""
    return max((size.px for size in sizes), default=0)
