"""What one decode of an image tells: whether it is whole, what it looks like in 64 bits, and how good it is.

Reading a JPEG at an eighth of its size (libjpeg's scaled IDCT) walks the same compressed stream to its end, so a cut
file is found as surely as by a full decode, in less than half the time.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harvest.images.decode import Layers, decode_frames, eight_bit, layers_of, opened, orientation, upright
from harvest.images.origin import read_origin
from harvest.items import Fingerprint

__all__ = [
    "PHASH_VERSION",
    "QUALITY_SIDE",
    "SIDE",
    "brightness",
    "dihedral_hashes",
    "draft_scale",
    "entropy",
    "examined",
    "fingerprint",
    "judged",
    "perceptual_hash",
    "sharpness",
    "turned_hashes",
]

PHASH_VERSION = "dct8x4/pillow-draft-L128/upright/lanczos32/1"
QUALITY_SIDE = 128  # pixels of the longer side at which quality is measured; smaller pictures are measured as they are
SIDE = 128  # pixels of the shorter side that judging a picture needs
_DRAFTED = frozenset({"JPEG", "MPO"})  # formats that Pillow decodes at a fraction of their size
_HASH_SIDE = 8
_PLANE = 4  # pixels of the plane for each frequency that counts
_BLUR_WIDTH = 9
_SIDEWAYS = 5  # EXIF orientations from here on swap width and height


def fingerprint(body: bytes, *, max_pixels: int) -> Fingerprint:
    """Decode `body` once and describe it. Width and height are those of the upright picture.

    Raises Broken with kind `empty`, `not_an_image`, `no_decoder`, `bomb`, `truncated` or `corrupt`, and nothing else.
    """
    return examined(body, max_pixels=max_pixels)[0]


def examined(body: bytes, *, max_pixels: int, longest: int | None = None) -> tuple[Fingerprint, Layers | None]:
    """The fingerprint and, where `longest` is given, the picture that `decode_rgb` would make, from the same decode.

    JPEGs are then decoded as large as `longest` needs and reduced to the scale at which they are judged; means of
    pixels stand where libjpeg's smaller transform would have given nearly the same (a bit in 64 of the hash now and
    then). Only where `longest` needs less than that are there two decodes. Raises Broken as `fingerprint` does.
    """
    with opened(body, max_pixels=max_pixels) as image:
        kind, mode, size = image.format or "", image.mode, image.size
        frames = int(getattr(image, "n_frames", 1))
        is_shared = longest is not None and draft_scale(kind, size, longest) <= draft_scale(kind, size, SIDE)
        image.draft(*((None, (longest, longest)) if is_shared else ("L", (SIDE, SIDE))))
        image.load()
        turn = orientation(image)
        picture = layers_of(image) if is_shared else None
        grey = judged(image, size)
        origin = read_origin(image)
    if longest is not None and picture is None:
        picture = next(decode_frames(body, (0,), longest=longest))
    width, height = size if turn < _SIDEWAYS else (size[1], size[0])
    pixels = _quality_pixels(grey)
    found = Fingerprint(
        sha256=hashlib.sha256(body).hexdigest(),
        bytes=len(body),
        format=kind,
        width=width,
        height=height,
        mode=mode,
        frames=frames,
        phash=perceptual_hash(grey),
        phash_version=PHASH_VERSION,
        sharpness=sharpness(pixels),
        entropy=entropy(pixels),
        brightness=brightness(pixels),
        digital_source_type=origin.digital_source_type,
        data_mining=origin.data_mining,
        sha1=hashlib.sha1(body, usedforsecurity=False).hexdigest(),
    )
    return found, picture


def perceptual_hash(grey: Image.Image, side: int = _HASH_SIDE) -> int:
    """The DCT hash of an upright grey picture, side * side bits, unsigned (Zauner 2010; imagehash.phash has the same).

    Lanczos to four times `side`, DCT-II in both directions, the side x side lowest frequencies, one bit each for above
    their median; row by row, the first bit is the highest.
    """
    return _hash_of(_low_frequencies(grey, side))


def dihedral_hashes(body: bytes) -> tuple[int, ...]:
    """The hashes of an encoded picture and of its seven other turns, the upright one first.

    Next come mirrored, upside down and turned by 180 degrees, then the same four transposed. All come out of one DCT:
    mirroring changes the sign of the odd frequencies, transposing swaps both directions. Raises Broken.
    """
    with opened(body) as image:
        size = image.size
        image.draft("L", (SIDE, SIDE))
        image.load()
        return turned_hashes(judged(image, size))


def turned_hashes(grey: Image.Image) -> tuple[int, ...]:
    """`dihedral_hashes` of a picture as `judged` gives it."""
    low = _low_frequencies(grey, _HASH_SIDE)
    odd = np.where(np.arange(_HASH_SIDE) % 2, -1.0, 1.0)
    four = (low, low * odd, low * odd[:, None], low * odd * odd[:, None])
    return tuple(_hash_of(turned) for turned in (*four, *(turned.T for turned in four)))


def judged(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The upright grey picture that fingerprints are taken of, from an opened and loaded image of `size` pixels.

    What was decoded larger than judging needs is brought to the scale at which it would have been decoded for it.
    """
    return upright(_reduced(_grey(image), size, image.format or ""), orientation(image))


def draft_scale(kind: str, size: tuple[int, int], side: int) -> int:
    """The fraction, 1 to 8, at which an image of Pillow's format `kind` is decoded where squares of `side` will do."""
    if kind not in _DRAFTED:
        return 1
    return next((scale for scale in (8, 4, 2) if min(size) // side >= scale), 1)


def sharpness(pixels: NDArray[np.uint8]) -> float:
    """How much of a grey picture's (h, w) variation a 9-pixel blur takes away, 0 (nothing to lose) to 1.

    One minus the blur metric of Crete et al. 2007, "The blur effect: perception and estimation with a new no-reference
    perceptual blur metric": the worse of both directions. A flat picture has 0.
    """
    plane = pixels.astype(np.int16)
    return min(_loss(plane), _loss(np.ascontiguousarray(plane.T)))


def entropy(pixels: NDArray[np.uint8]) -> float:
    """Shannon entropy of the 256 grey values, in bits: 0 for one value, 8 for all alike."""
    counts = np.bincount(pixels.ravel(), minlength=256)
    share = counts[counts > 0] / pixels.size
    return float(max(0.0, -(share * np.log2(share)).sum()))


def brightness(pixels: NDArray[np.uint8]) -> float:
    """Mean grey value, 0 (black) to 1 (white), gamma-encoded as stored."""
    return float(pixels.mean() / 255)


def _low_frequencies(grey: Image.Image, side: int) -> NDArray[np.float64]:
    cosines = _cosines(side)
    plane = np.asarray(grey.resize((cosines.shape[1],) * 2, Image.Resampling.LANCZOS), dtype=np.float64)
    return np.asarray(cosines @ plane @ cosines.T, dtype=np.float64)


def _hash_of(low: NDArray[np.float64]) -> int:
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def _grey(image: Image.Image) -> Image.Image:
    picture = eight_bit(image)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, picture)
    return picture if picture.mode == "L" else picture.convert("L")


def _reduced(grey: Image.Image, size: tuple[int, int], kind: str) -> Image.Image:
    """A JPEG of `size` that was decoded larger than judging it needs, at the scale that `draft` chooses for that."""
    factor = draft_scale(kind, size, SIDE) // max(1, round(max(size) / max(grey.size)))
    return grey.reduce(factor) if factor > 1 else grey


def _quality_pixels(grey: Image.Image) -> NDArray[np.uint8]:
    share = QUALITY_SIDE / max(grey.size)
    if share < 1:
        size = (max(1, round(grey.width * share)), max(1, round(grey.height * share)))
        grey = grey.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(grey)


def _loss(plane: NDArray[np.int16]) -> float:
    """The share of vertical neighbour differences that a vertical box blur removes.

    Two neighbours in the blurred plane differ by what comes into the box and what leaves it.
    """
    if plane.shape[0] < 2:
        return 0.0
    half = _BLUR_WIDTH // 2
    padded = np.concatenate([plane[:1]] * half + [plane] + [plane[-1:]] * half)
    before = np.abs(np.diff(plane, axis=0)) * np.int16(_BLUR_WIDTH)
    after = np.abs(padded[_BLUR_WIDTH:] - padded[:-_BLUR_WIDTH])
    total = int(before.sum(dtype=np.int64))
    return int(np.maximum(before - after, 0).sum(dtype=np.int64)) / total if total > 0 else 0.0


@cache
def _cosines(side: int) -> NDArray[np.float64]:
    plane = _PLANE * side
    frequency, position = np.mgrid[0:side, 0:plane]
    return np.asarray(2 * np.cos(np.pi * frequency * (2 * position + 1) / (2 * plane)), dtype=np.float64)
