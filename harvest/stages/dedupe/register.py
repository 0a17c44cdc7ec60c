"""Whether two pictures are copies: one is laid over the other, and what then covers the same place has to agree.

Keypoints that both have propose how they lie upon one another; without any, they are taken to cover each other. The
proposal is refined until the pixels fit best and judged by pixels alone, so that crops, borders and small rotations
are told from other pictures of the same kind, which share keypoints too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harvest.stages.dedupe.alignment import DIHEDRAL, TURNS, Alignment, align
from harvest.stages.dedupe.keypoints import blurred, keypoints
from harvest.stages.dedupe.overlay import agreement, box_mean, corner_fill, refined, warped

__all__ = ["SIDE", "Likeness", "Portrait", "likeness", "portrait"]

SIDE: Final = 192  # pixels of a portrait's longer side
_LARGEST = 2.6  # most that one picture may be larger than the other
_COVERED, _SHARED = 0.7, 0.2  # least shares of the pictures that the other covers: of the one, and of the other
_EDGE = 3  # pixels at the edge of the overlap that blurring mixes with what lies outside
_FILL = 0.25  # most of the overlap that may be fill in the corners of a turned picture
_LEAST_PIXELS = 400  # of an overlap that can be judged
_FLOOR = 4.0  # squared grey values that count as no structure
_TRIM = 0.10  # share of the structure that may differ: a watermark, a stamp
_FLAT, _SAME_COLOUR = 1.0, 10.0  # grey values: mean structure of a picture without any, colours that are the same
_COLOURLESS = 12.0  # mean distance from grey, in grey values, below which a picture has no colours to compare
_CAST = 24.0  # grey values that the light of a scan or a white balance may add to a colour
_GAINS = (0.4, 2.5)  # by how much saturation may differ
_RECOLOURED = 0.4  # least difference, as a share of the colours, that is another colouring: copies have up to .3
_SOFTER = (0.6, 0.8, 1.0, 1.25, 1.5, 1.8, 2.2)  # blurs in pixels that are tried to make one as soft as the other
_SOFT = 1.25  # ratio of sharpness from which on one is softened
_HOPELESS = 0.4  # correlation of whole pictures without common keypoints below which nothing is tried
_GLANCE = 32
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """What is compared of a picture: `pixels` (h, w, 3), at most SIDE long, with its keypoints in their coordinates."""

    pixels: NDArray[np.uint8] = field(repr=False)
    points: NDArray[np.float32] = field(repr=False)
    descriptors: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How far two pictures agree where they cover the same place.

    `score` is 1 for the same picture and about 0 for unrelated ones; copies have LIKENESS or more. `turn` says how the
    second has to be turned or mirrored first, `affine` (a, b, c, d, e, f) where it then lies: what is at (x, y) in the
    first is at (a x + b y + c, d x + e y + f) in the second, in pixels of their portraits. `covered` is the share of
    the first, and that of the second, which the other covers too.
    """

    score: float
    turn: str = "upright"
    affine: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    covered: tuple[float, float] = (0.0, 0.0)


def portrait(picture: Image.Image) -> Portrait:
    """What `likeness` looks at of a picture of any size and mode: some milliseconds beside decoding it."""
    share = SIDE / max(picture.size)
    size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
    small = picture.convert("RGB").resize(size, Image.Resampling.HAMMING, reducing_gap=3.0)
    points, descriptors = keypoints(np.asarray(small.convert("L"), dtype=np.float32))
    return Portrait(pixels=np.asarray(small), points=points, descriptors=descriptors)


def likeness(one: Portrait, other: Portrait, *, dihedral: str = "none") -> Likeness:
    """How far two pictures agree, whichever is a crop of the other, bordered, or turned by a few degrees.

    `dihedral` is one of DIHEDRAL's words: whether the second may be mirrored or turned by right angles as well. The
    score is the correlation of brightness in windows of 15 pixels of the coarser picture, weighted with their
    structure, the worst tenth left out, after the sharper picture was made as soft as the other. Brightness, contrast,
    saturation and a slight cast may differ, and one of the two may be grey; the score is 0 where the same drawing has
    another colouring. A picture without any structure is a copy of one of the same colour.

    The order of the two may change a score by some thousandths.
    """
    found = align(
        (one.points, one.descriptors), (other.points, other.descriptors), other.pixels.shape, dihedral=dihedral
    )
    if found is None:
        found, glance = _whole(one, other, dihedral)
        if glance < _HOPELESS:
            return Likeness(score=max(0.0, glance), turn=found.turn)
    return _judged(one.pixels, np.ascontiguousarray(TURNS[found.turn](other.pixels)), found)


def _whole(one: Portrait, other: Portrait, dihedral: str) -> tuple[Alignment, float]:
    """Each covering all of the other, turned as they correlate best, and how well; 1 where one is flat."""
    first, best = _glance(one.pixels), (-1.0, "upright")
    for turn in DIHEDRAL[dihedral]:
        second = _glance(TURNS[turn](other.pixels))
        is_flat = min(first.std(), second.std()) < _FLAT
        value = 1.0 if is_flat else float(np.corrcoef(first.ravel(), second.ravel())[0, 1])
        best = max(best, (value, turn), key=lambda found: found[0])
    height, width = one.pixels.shape[:2]
    down, across = TURNS[best[1]](other.pixels).shape[0] / height, TURNS[best[1]](other.pixels).shape[1] / width
    affine = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2]])
    return Alignment(turn=best[1], affine=affine, support=0), best[0]


def _glance(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = Image.fromarray(np.ascontiguousarray(pixels)).convert("L").resize((_GLANCE, _GLANCE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)


def _judged(one: NDArray[np.uint8], other: NDArray[np.uint8], found: Alignment) -> Likeness:
    size = abs(float(np.linalg.det(found.affine[:, :2]))) ** 0.5
    if not 1 / _LARGEST <= size <= _LARGEST:
        return Likeness(score=0.0, turn=found.turn)
    affine, is_swapped = found.affine, size < 1
    coarse, fine = (other, one) if is_swapped else (one, other)
    if is_swapped:
        affine = _inverse(affine)
    fine, share = _reduced(fine, max(size, 1 / size))
    affine = affine * share[:, None] + np.array([[0, 0, 0.5], [0, 0, 0.5]]) * (share - 1)[:, None]
    first, second = _planes(coarse), _planes(fine)
    affine = refined(_levelled(first[..., 3]), _levelled(second[..., 3]), affine)
    over = warped(second, affine, first.shape[0], first.shape[1])
    covers = over[..., 4] > 0
    shares = (float(covers.mean()), float(covers.sum() * abs(np.linalg.det(affine[:, :2])) / second[..., 0].size))
    affine = (affine - np.array([[0, 0, 0.5], [0, 0, 0.5]]) * (share - 1)[:, None]) / share[:, None]
    if is_swapped:
        affine, shares = _inverse(affine), shares[::-1]
    is_enough = max(shares) >= _COVERED and min(shares) >= _SHARED
    score = _score(first, over[..., :4], covers) if is_enough else 0.0
    return Likeness(score=score, turn=found.turn, affine=tuple(affine.ravel().tolist()), covered=shares)


def _score(first: NDArray[np.float32], over: NDArray[np.float32], covers: NDArray[np.bool_]) -> float:
    inside = box_mean(np.pad(covers, 1).astype(np.float32), 2 * _EDGE + 1)[1:-1, 1:-1] > 0.999
    inside[:_EDGE] = inside[-_EDGE:] = inside[:, :_EDGE] = inside[:, -_EDGE:] = False
    fill = (corner_fill(first) ^ corner_fill(over)) & inside
    if fill.sum() < _FILL * inside.sum():
        inside &= ~fill
    if inside.sum() < _LEAST_PIXELS:
        return 0.0
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inside = inside[box]
    one, other = _as_soft(first[..., 3][box], over[..., 3][box], inside)
    correlation, structure = agreement(one, other, inside, _FLOOR)
    if not len(correlation):
        return 0.0
    if structure.mean() < _FLAT:
        colours = first[..., :3][box][inside].mean(axis=0) - over[..., :3][box][inside].mean(axis=0)
        return 1.0 if float(np.abs(colours).max()) <= _SAME_COLOUR else 0.0
    if _is_recoloured(first[box], over[box], inside):
        return 0.0
    order = np.argsort(correlation)
    weight = structure[order]
    kept = np.cumsum(weight) > _TRIM * weight.sum()
    return float(np.clip((weight * correlation[order])[kept].sum() / weight[kept].sum(), 0.0, 1.0))


def _is_recoloured(one: NDArray[np.float32], other: NDArray[np.float32], inside: NDArray[np.bool_]) -> bool:
    """Whether both have colours and, but for saturation and a cast, show other ones at the same places."""
    first, second = _chroma(one)[inside], _chroma(other)[inside]
    strengths = [float(np.linalg.norm(chroma, axis=1).mean()) for chroma in (first, second)]
    if min(strengths) < _COLOURLESS:
        return False
    gain = float(np.clip((first * second).sum() / (first * first).sum(), *_GAINS))
    cast = np.clip((second - gain * first).mean(axis=0), -_CAST, _CAST)
    difference = float(np.linalg.norm(gain * first + cast - second, axis=1).mean())
    return difference > _RECOLOURED * ((gain * strengths[0] + strengths[1]) / 2 + _SAME_COLOUR)


def _chroma(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far blue and red lie from brightness, averaged over windows: (h, w, 2)."""
    luma = planes[..., :3] @ _LUMA
    return np.dstack([box_mean(np.ascontiguousarray(planes[..., channel] - luma)) for channel in (2, 0)])


def _as_soft(
    one: NDArray[np.float32], other: NDArray[np.float32], inside: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both, the sharper blurred until it has as much of its variance in its gradients as the softer."""
    sharp, soft = _sharpness(one, inside), _sharpness(other, inside)
    if max(sharp, soft) < _SOFT * min(sharp, soft):
        return one, other
    plane, goal = (one, soft) if sharp > soft else (other, sharp)
    for sigma in _SOFTER:
        tried = blurred(plane, sigma)
        if _sharpness(tried, inside) <= goal:
            break
    return (tried, other) if sharp > soft else (one, tried)


def _sharpness(plane: NDArray[np.float32], inside: NDArray[np.bool_]) -> float:
    down, across = (np.asarray(slope) for slope in np.gradient(plane))
    energy = np.asarray(down * down + across * across)
    return float(energy[inside].mean()) / (float(plane[inside].var()) + 1.0)


def _planes(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Colours and, as a fourth plane, brightness slightly blurred: (h, w, 4)."""
    colours = pixels.astype(np.float32)
    return np.dstack([colours, blurred(colours @ _LUMA, 1.0)])


def _levelled(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Brightness in units of its own variation nearby, so that gamma and shading do not matter."""
    mean = box_mean(plane)
    variance = np.maximum(box_mean(plane * plane) - mean * mean, 0)
    return np.asarray((plane - mean) / np.sqrt(variance + 3 * _FLOOR), dtype=np.float32)


def _reduced(pixels: NDArray[np.uint8], size: float) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A picture made smaller by `size`, and how many of its pixels (x, y) lie on one of the original's."""
    height, width = pixels.shape[:2]
    to = (max(2, round(width / size)), max(2, round(height / size)))
    share = np.array([to[0] / width, to[1] / height])
    if to == (width, height):
        return pixels, share
    return np.asarray(Image.fromarray(pixels).resize(to, Image.Resampling.HAMMING)), share


def _inverse(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.linalg.inv(affine[:, :2])
    return np.column_stack([linear, -linear @ affine[:, 2]])
