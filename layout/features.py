"""What an image is compared by: arrays of numbers, one row an image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = [
    "PYRAMID_SIDE",
    "colour_histogram",
    "mixed",
    "pixel_pyramid",
    "pyramid_code",
    "pyramid_waves",
    "require_finite",
    "standardised",
    "unit_rows",
]

PYRAMID_SIDE = 32
_SIGMAS = (4.0, 2.0, 1.0)
_BATCH = 512
_SHOWN_ROWS = 5
_RGB = 3
_KEPT = 16  # of 32 frequencies along each axis
_CONTRAST = 0.05
_BITS = 5  # of each channel
_BINS = (6, 12, 12)  # of L, a and b
_LAB_LOW, _LAB_HIGH = (0.0, -90.0, -110.0), (100.0, 100.0, 100.0)  # sRGB lies within
_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_WHITE = (0.95047, 1.0, 1.08883)  # D65


def pixel_pyramid(tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Colours and coarse forms: each tile at 32 x 32, blurred with sigma 4, 2 and 1 pixels, and as it is.

    `tiles` is (n, h, w, 3); the result is (n, 12288) with values in [0, 1], coarsest level first, as ImageRearranger
    has it (https://github.com/golanlevin/ImageRearranger). Raises ValueError for any other shape or type.
    """
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415 - heavy, and callers of the grid alone need none of it

    _checked(tiles)
    levels = len(_SIGMAS) + 1
    width = PYRAMID_SIDE * PYRAMID_SIDE * _RGB
    pyramid = np.empty((len(tiles), levels, width), np.float32)
    for start in range(0, len(tiles), _BATCH):
        raw = _squashed(tiles[start : start + _BATCH]).astype(np.float32) / 255.0
        for level, sigma in enumerate(_SIGMAS):
            blurred = gaussian_filter(raw, sigma=(sigma, sigma), axes=(1, 2))
            pyramid[start : start + _BATCH, level] = blurred.reshape(len(raw), width)
        pyramid[start : start + _BATCH, -1] = raw.reshape(len(raw), width)
    return pyramid.reshape(len(tiles), levels * width)


def pyramid_waves(tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The pixel pyramid in 768 numbers instead of 12,288, for Euclidean comparison, (n, 768).

    Blurring with reflected borders multiplies each frequency of the discrete cosine transform by a number of its own
    (Martucci, IEEE Trans. Signal Processing 42, 1994). Scalar products of pyramids are therefore those of the pictures'
    frequencies, weighted once by what the four levels let through together; the upper half of the frequencies, of which
    blurring leaves little, is left out. Colours count from mid grey on. `tiles` as for `pixel_pyramid`.
    """
    from scipy.fft import dctn  # noqa: PLC0415

    found = np.empty((len(tiles), _KEPT * _KEPT * _RGB), np.float32)
    weights = _frequency_weights()[:_KEPT, :_KEPT, None]
    for start in range(0, len(tiles), _BATCH):
        raw = _squashed(_checked(tiles[start : start + _BATCH])).astype(np.float32) / 255.0 - 0.5
        waves = dctn(raw, type=2, norm="ortho", axes=(1, 2))[:, :_KEPT, :_KEPT] * weights
        found[start : start + _BATCH] = waves.reshape(len(raw), -1)
    return found


def pyramid_code(tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`pyramid_waves` as unit vectors for comparison by cosine, (n, 769).

    One more number of little weight keeps pictures without any contrast alike.
    """
    waves = pyramid_waves(tiles)
    contrast = np.full((len(waves), 1), _CONTRAST * PYRAMID_SIDE * np.sqrt(_RGB), np.float32)
    return unit_rows(np.hstack([waves, contrast]))


def _frequency_weights() -> NDArray[np.float32]:
    """By frequency (32, 32), the length of a wave of length 1 after it went through all levels of the pyramid."""
    from scipy.fft import dctn  # noqa: PLC0415
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415

    # A point in the corner holds every frequency; what is left of each after the blur is what the blur lets through.
    point = np.zeros((PYRAMID_SIDE, PYRAMID_SIDE))
    point[0, 0] = 1.0
    whole = dctn(point, type=2, norm="ortho")
    passed = [dctn(gaussian_filter(point, sigma), type=2, norm="ortho") / whole for sigma in _SIGMAS]
    return np.asarray(np.sqrt(1.0 + np.sum(np.square(passed), axis=0)), np.float32)


def colour_histogram(tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much of each colour there is, wherever it is: unit vectors (n, 864) for comparison by cosine.

    Pixels are counted in 6 x 12 x 12 bins of CIE L*a*b* (D65). Each spreads over its neighbours as a quadratic B-spline
    does, so that near colours are near; channels are read to 5 of their 8 bits, which is finer than that by far. Counts
    enter by their square roots: the cosine of two histograms is then Bhattacharyya's coefficient, and 1 minus it
    Hellinger's distance squared. `tiles` is (n, h, w, 3).
    """
    from scipy.sparse import csr_array  # noqa: PLC0415

    found = np.empty((len(tiles), int(np.prod(_BINS))), np.float32)
    shares = _colour_shares()
    for start in range(0, len(tiles), _BATCH):
        batch = _checked(tiles[start : start + _BATCH])
        red, green, blue = (np.moveaxis(batch, -1, 0) >> (8 - _BITS)).astype(np.int32).reshape(_RGB, len(batch), -1)
        codes = (((red << _BITS) | green) << _BITS) | blue
        rows = np.arange(len(batch) + 1) * codes.shape[1]
        counts = csr_array((np.ones(codes.size, np.float32), codes.ravel(), rows), (len(batch), shares.shape[0]))
        counts.sum_duplicates()
        found[start : start + _BATCH] = (counts @ shares).toarray()
    return unit_rows(np.sqrt(found))


@cache
def _colour_shares() -> csr_array:
    """Of each colour of 5 bits a channel, its shares of the bins: (32768, 864), each row 3 x 3 x 3 of them."""
    from scipy.sparse import csr_array  # noqa: PLC0415

    levels = np.arange(1 << _BITS) * 8 + 4
    colours = _lab(np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, _RGB))
    bins = np.array(_BINS)
    place = (colours - np.array(_LAB_LOW)) / (np.array(_LAB_HIGH) - np.array(_LAB_LOW)) * (bins - 1)
    middle = np.clip(np.rint(place), 0, bins - 1).astype(np.int64)
    off = np.clip(place - middle, -0.5, 0.5)
    splines = np.stack([0.5 * (0.5 - off) ** 2, 0.75 - off**2, 0.5 * (0.5 + off) ** 2])
    steps = list(np.ndindex(3, 3, 3))
    near = np.stack([np.clip(middle + np.array(step) - 1, 0, bins - 1) for step in steps], axis=1)
    weights = np.stack([np.prod([splines[at, :, axis] for axis, at in enumerate(step)], axis=0) for step in steps], 1)
    columns = (near[..., 0] * bins[1] + near[..., 1]) * bins[2] + near[..., 2]
    rows = np.repeat(np.arange(len(colours)), len(steps))
    entries = (weights.astype(np.float32).ravel(), (rows, columns.ravel()))
    return csr_array(entries, (len(colours), int(bins.prod())))


def _lab(pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """sRGB (..., 3) of 8 bits as L*, a*, b* (CIE 15:2004; IEC 61966-2-1)."""
    levels = np.arange(256) / 255.0
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    ratios = linear[pixels] @ (np.array(_TO_XYZ) / np.array(_WHITE)[:, None]).T
    bent = np.where(ratios > 216 / 24389, np.cbrt(ratios), (24389 / 27 * ratios + 16) / 116)
    x, y, z = bent[..., 0], bent[..., 1], bent[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _checked(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if tiles.ndim != 4 or tiles.shape[3] != _RGB or tiles.dtype != np.uint8:
        raise ValueError(f"expected uint8 tiles of shape (n, height, width, 3), got {tiles.dtype} {tiles.shape}")
    return tiles


def _squashed(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    side = (PYRAMID_SIDE, PYRAMID_SIDE)
    if tiles.shape[1:3] == side or not len(tiles):
        return tiles.reshape(len(tiles), *side, _RGB)
    return np.stack([np.asarray(Image.fromarray(tile).resize(side, Image.Resampling.BOX)) for tile in tiles])


def unit_rows(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows of length 1, so that Euclidean distance orders neighbours as cosine does. Rows of zeros stay zeros."""
    features = np.asarray(features, np.float32)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.where(lengths > 0, lengths, 1), np.float32)


def standardised(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Centred, and divided by one number so that the mean squared distance from the centre is 1.

    One number, not one a column: the geometry within the block stays, and blocks of any width weigh the same in a mix.
    """
    features = np.asarray(features, np.float32)
    if not len(features):
        return features
    centred = features - features.mean(axis=0)
    spread = float(np.sqrt(np.mean(np.sum(np.square(centred, dtype=np.float64), axis=1))))
    return np.asarray(centred / (spread or 1.0), np.float32)


def mixed(blocks: Sequence[tuple[NDArray[np.floating], float]]) -> NDArray[np.float32]:
    """Several blocks of features, each (n, any) with a weight >= 0, as one array of standardised blocks side by side.

    The squared distance between two rows is the weighted sum of the blocks' squared distances.
    """
    if not blocks or len({len(features) for features, _ in blocks}) > 1:
        raise ValueError(f"expected blocks of equally many rows, got {[len(features) for features, _ in blocks]}")
    if any(weight < 0 for _, weight in blocks):
        raise ValueError(f"expected weights >= 0, got {[weight for _, weight in blocks]}")
    return np.hstack([standardised(features) * np.float32(weight**0.5) for features, weight in blocks])


def require_finite(features: NDArray[np.floating]) -> None:
    """Raises ValueError for `features` that are not of shape (n, d), or not finite, naming the rows."""
    if features.ndim != 2:
        raise ValueError(f"expected features of shape (n, d), got {features.shape}")
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(bad):
        shown = ", ".join(str(row) for row in bad[:_SHOWN_ROWS]) + (", ..." if len(bad) > _SHOWN_ROWS else "")
        raise ValueError(f"{len(bad)} of {len(features)} rows of features hold NaN or infinity: rows {shown}")
