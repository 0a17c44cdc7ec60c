"""What an image is compared by: arrays of numbers, one row an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["PYRAMID_SIDE", "mixed", "pixel_pyramid", "standardised", "unit_rows"]

PYRAMID_SIDE = 32
_SIGMAS = (4.0, 2.0, 1.0)
_BATCH = 512
_RGB = 3


def pixel_pyramid(tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Colours and coarse forms: each tile at 32 x 32, blurred with sigma 4, 2 and 1 pixels, and as it is.

    `tiles` is (n, h, w, 3); the result is (n, 12288) with values in [0, 1], coarsest level first, as ImageRearranger
    has it (https://github.com/golanlevin/ImageRearranger). Raises ValueError for any other shape or type.
    """
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415 - heavy, and callers of the grid alone need none of it

    if tiles.ndim != 4 or tiles.shape[3] != _RGB or tiles.dtype != np.uint8:
        raise ValueError(f"expected uint8 tiles of shape (n, height, width, 3), got {tiles.dtype} {tiles.shape}")
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
