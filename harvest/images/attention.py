"""Where along its longer side a picture's square is cut: a number from 0 (left or top) over .5 (centre) to 1.

The largest square of a picture is as long as its shorter side, so its place is one number, whatever the scale at which
the picture was decoded. It is kept in the ledger beside each crop.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["CENTRE", "DIGITS", "around_faces", "around_point", "cut", "saliency", "salient_place"]

CENTRE = 0.5
DIGITS = 6  # of a place that count
_SIDE = 64  # pixels of the shorter side at which saliency is looked for, as its authors did
_LONGEST = 512
_BLUR = 2.5  # pixels: deviation of the blur that makes objects of edges
_HOMELY = 0.05  # by how much of all saliency the centre is preferred to the ends
_OPPONENTS = np.array([[0.299, 0.587, 0.114], [0.5, -0.5, 0.0], [0.25, 0.25, -0.5]], np.float32)


def cut(picture: Image.Image, place: float) -> Image.Image:
    """The largest square of a picture, at a place."""
    side = min(picture.size)
    left, top = int((picture.width - side) * place), int((picture.height - side) * place)
    return picture.crop((left, top, left + side, top + side))


def around_point(point: tuple[float, float], width: int, height: int) -> float:
    """The place of the square around a point, given as shares of the upright picture, as near as its ends allow."""
    return _around(point[0] * width if width >= height else point[1] * height, width, height)


def around_faces(boxes: Sequence[Sequence[float]], width: int, height: int) -> float | None:
    """The place of the square that shows all faces, or where they do not fit, as many as it can, the larger the better.

    `boxes` begin with left, top, width and height as shares of the upright picture. None where there is no face.
    """
    if not boxes:
        return None
    along, length, side = (0, width, height) if width >= height else (1, height, width)
    spans = np.array([(box[along], box[along] + box[along + 2]) for box in boxes], np.float64) * length
    if spans[:, 1].max() - spans[:, 0].min() <= side:
        return _around((spans[:, 0].min() + spans[:, 1].max()) / 2, width, height)
    sizes = np.array([box[2] * box[3] for box in boxes])
    middle = spans.mean()
    # The best window begins or ends where a face does.
    starts = np.unique(np.clip(np.concatenate([spans[:, 0], spans[:, 1] - side]), 0, length - side))
    shows = (spans[:, 0] >= starts[:, None] - 1e-6) & (spans[:, 1] <= starts[:, None] + side + 1e-6)
    off = np.abs(starts + side / 2 - middle)
    best = max(range(len(starts)), key=lambda at: (shows[at].sum(), sizes[shows[at]].sum(), -off[at]))
    shown = spans[shows[best]] if shows[best].any() else spans[[int(sizes.argmax())]]
    return _around((shown[:, 0].min() + shown[:, 1].max()) / 2, width, height)


def salient_place(picture: Image.Image) -> float:
    """The place of the square that holds most of an RGB picture's saliency, the nearer to the centre the better."""
    if picture.width == picture.height:
        return CENTRE
    found = saliency(picture)
    along = found.sum(axis=0 if picture.width > picture.height else 1)
    free = len(along) - min(found.shape)
    if free <= 0 or not along.any():
        return CENTRE
    table = np.concatenate([[0.0], np.cumsum(along)])  # a summed-area table of one row
    places = np.arange(free + 1) / free
    held = (table[min(found.shape) :] - table[: free + 1]) / table[-1]
    return round(float(places[np.argmax(np.round(held - _HOMELY * np.abs(2 * places - 1), 6))]), DIGITS)


def saliency(picture: Image.Image) -> NDArray[np.float64]:
    """How much each part of an RGB picture stands out, (h, w) with a shorter side of 64 or, of ribbons, less.

    The spectral residual (Hou and Zhang 2007, "Saliency detection: a spectral residual approach"): what is left of the
    log spectrum's amplitudes when their local mean is taken away, with the phases as they are. Of brightness and of two
    colour opponents, added.
    """
    scale = min(_SIDE / min(picture.size), _LONGEST / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR, reducing_gap=2.0)
    planes = np.tensordot(np.asarray(small, np.float64) / 255, _OPPONENTS.astype(np.float64), axes=([2], [1]))
    total = np.zeros(planes.shape[:2])
    smooth = _gaussian(planes.shape[0], planes.shape[1])
    for plane in np.moveaxis(planes, 2, 0):
        if np.ptp(plane) < 1 / 255:
            continue  # nothing stands out from one colour
        spectrum = np.fft.fft2(plane)
        amplitude = np.log(np.abs(spectrum) + 1e-9)
        residual = np.exp(amplitude - _local_mean(amplitude))
        found = np.abs(np.fft.ifft2(residual * np.exp(1j * np.angle(spectrum)))) ** 2
        total += np.maximum(np.fft.ifft2(np.fft.fft2(found) * smooth).real, 0)
    return total


def _around(middle: float, width: int, height: int) -> float:
    side, length = min(width, height), max(width, height)
    if side == length:
        return CENTRE
    return round(min(1.0, max(0.0, (middle - side / 2) / (length - side))), DIGITS)


def _local_mean(spectrum: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of three by three; a spectrum goes on at the other end."""
    rows = spectrum + np.roll(spectrum, 1, 0) + np.roll(spectrum, -1, 0)
    return np.asarray((rows + np.roll(rows, 1, 1) + np.roll(rows, -1, 1)) / 9)


def _gaussian(height: int, width: int) -> NDArray[np.float64]:
    """The transform of a blur of `_BLUR` pixels."""
    across, down = np.fft.fftfreq(width)[None, :], np.fft.fftfreq(height)[:, None]
    return np.asarray(np.exp(-2 * (np.pi * _BLUR) ** 2 * (across**2 + down**2)))
