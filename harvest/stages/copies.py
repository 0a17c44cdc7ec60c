"""Which pictures are copies of one another: pairs by hash, checked by eye, grouped without chains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["LIKENESS", "THUMB_SIDE", "Group", "group", "likeness", "near_pairs", "thumbnail"]

THUMB_SIDE = 64
LIKENESS = 0.975  # least correlation of a copy: re-encoded ones have .99, drawings of one kind at most .973
_PLANE = 32
_UNLIKE = 0.3  # below this no small crop explains the difference
_CROPS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.06)  # share cut from each side
_BLOCK = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Copies of one picture, by their numbers: the one that is kept, and the others with their bits from it."""

    keeper: int
    others: tuple[tuple[int, int], ...]


def near_pairs(hashes: NDArray[np.uint64], radius: int) -> NDArray[np.int64]:
    """Every pair i < j of `hashes` (n,) at most `radius` bits apart, as rows (i, j, distance) in order. Misses none.

    Compares all with all, block by block: 50,000 hashes take seconds, and time grows with their square.
    """
    found = [np.empty((0, 3), np.int64)]
    for start in range(0, len(hashes), _BLOCK):
        rows = hashes[start : start + _BLOCK, None]
        for other in range(start, len(hashes), _BLOCK):
            distance = np.bitwise_count(rows ^ hashes[None, other : other + _BLOCK])
            i, j = np.nonzero(distance <= radius)
            near = distance[i, j]
            i, j = i + start, j + other
            once = i < j
            found.append(np.stack([i[once], j[once], near[once]], axis=1).astype(np.int64))
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def group(pairs: Iterable[tuple[int, int, int]], ranked: Sequence[int]) -> list[Group]:
    """Groups in which every member is a copy of the keeper itself, never only a copy of a copy.

    `pairs` are (i, j, distance); `ranked` lists all numbers, the best copy first. The best picture that is in no group
    yet takes its direct copies, and so on: every pair's pictures end in groups whose threshold holds, where plain
    components would chain unlike pictures together. A picture that only copies of a better one resemble stays alone.
    """
    near: dict[int, list[tuple[int, int]]] = {}
    for i, j, distance in pairs:
        near.setdefault(i, []).append((j, distance))
        near.setdefault(j, []).append((i, distance))
    taken: set[int] = set()
    groups: list[Group] = []
    for keeper in ranked:
        if keeper in taken or keeper not in near:
            continue
        others = sorted((j, distance) for j, distance in near[keeper] if j not in taken)
        taken.add(keeper)
        taken.update(j for j, _ in others)
        if others:
            groups.append(Group(keeper=keeper, others=tuple(others)))
    return groups


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
