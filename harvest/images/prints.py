"""Fingerprints beside the crawl's own: by which rules they are made, and of what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL import Image

from harvest.images.fingerprint import (
    PHASH_VERSION,
    dihedral_hashes,
    fingerprint,
    perceptual_hash,
    turned_hashes,
)
from harvest.images.pixels import PIXELS_VERSION, encoder_quality, pixel_digest

__all__ = ["PRINTS", "Print", "PrintMethod"]

Print = tuple[str, float | None]  # a value in hex, and a quality

_NO_LIMIT = 1 << 62  # the crawl has refused what is too large


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintMethod:
    """`version` of a fingerprint, and how it is `made` of an image's bytes, or of its grey picture where that will do.

    `seen` takes the picture as `harvest.images.fingerprint.judged` gives it; None for what pixels at a smaller scale do
    not tell. `made` raises Broken.
    """

    version: str
    made: Callable[[bytes], Print]
    seen: Callable[[Image.Image], Print] | None = None


def _phash(body: bytes) -> Print:
    return f"{fingerprint(body, max_pixels=_NO_LIMIT).phash:016x}", None


def _phash_seen(grey: Image.Image) -> Print:
    return f"{perceptual_hash(grey):016x}", None


def _dihedral(body: bytes) -> Print:
    return _hex(dihedral_hashes(body)), None


def _dihedral_seen(grey: Image.Image) -> Print:
    return _hex(turned_hashes(grey)), None


def _hex(hashes: tuple[int, ...]) -> str:
    return "".join(f"{value:016x}" for value in hashes)


def _pixels(body: bytes) -> Print:
    return pixel_digest(body), None


def _encoder(body: bytes) -> Print:
    return "", encoder_quality(body)


PRINTS: Mapping[str, PrintMethod] = {
    "phash": PrintMethod(version=PHASH_VERSION, made=_phash, seen=_phash_seen),
    "dihedral": PrintMethod(version=f"{PHASH_VERSION}/dihedral", made=_dihedral, seen=_dihedral_seen),
    "pixels": PrintMethod(version=PIXELS_VERSION, made=_pixels),
    "encoder": PrintMethod(version="libjpeg-scale/1", made=_encoder),
}
