"""All pairs of binary hashes within a radius, none missed: bands, buckets and their neighbours.

Cut the bits into bands of 16 and give band k a threshold t_k so that the t_k + 1 add up to radius + 1. Two hashes that
differ by more than t_k in every band k differ by at least radius + 1 in all, so near ones are within t_k in some band:
it is enough to compare those whose 16 bits there differ by a mask of at most t_k bits (the general pigeonhole of Qin et
al. 2018, "GPH: Similarity Search in Hamming Space"). Hashes lie sorted by band, so that each mask is a join of short
runs of memory, and a pair is reported in the first band that finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba.extending import intrinsic
from numpy.typing import NDArray

from harvest.processes import cores
from harvest.stages.dedupe.compiled import compiled

__all__ = ["NearPairs", "near_pairs", "near_values", "words_of"]

_BAND = 16  # bits
_BANDS_OF_A_WORD = 64 // _BAND
_BUCKETS = 1 << _BAND
_EVERYTHING = np.array([-1])  # for masks: every bucket is a neighbour
_PARTS = 16  # of the buckets of a band: what a thread takes at a time
_ROOM = 1 << 14  # pairs that a thread has room for at first


@dataclass(frozen=True, slots=True, kw_only=True)
class NearPairs:
    """Pairs of numbers and their distances in bits, 10 bytes each, ordered by `first`, then `second`."""

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    distance: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.first)


def near_pairs(hashes: NDArray[np.uint64], radius: int) -> NDArray[np.int64]:
    """Every pair i < j of `hashes` at most `radius` bits apart, as rows (i, j, distance) in order. Misses none.

    `hashes` are (n,) of 64 bits or (n, w) of w words of 64. Equal hashes are pairs too, k of them k (k - 1) / 2: where
    thousands share one, compare the distinct ones with `near_values` instead.
    """
    if not len(hashes):
        return np.empty((0, 3), np.int64)
    rows = _words(hashes)
    values, member = np.unique(rows, axis=0, return_inverse=True)
    by_value = np.argsort(member, kind="stable")
    ends = np.cumsum(np.bincount(member, minlength=len(values)))
    members = np.split(by_value, ends[:-1])
    found = near_values(values, radius)
    blocks = [np.empty((0, 3), np.int64)]
    for one, other, bits in zip(found.first.tolist(), found.second.tolist(), found.distance.tolist(), strict=True):
        i, j = np.repeat(members[one], len(members[other])), np.tile(members[other], len(members[one]))
        blocks.append(np.stack([np.minimum(i, j), np.maximum(i, j), np.full(len(i), bits)], axis=1))
    for equal in members:
        if len(equal) > 1:
            i, j = np.triu_indices(len(equal), 1)
            blocks.append(np.stack([equal[i], equal[j], np.zeros(len(i), np.int64)], axis=1))
    pairs = np.concatenate(blocks)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def near_values(
    values: NDArray[np.uint64], radius: int, *, against: NDArray[np.uint64] | None = None, threads: int | None = None
) -> NearPairs:
    """Every pair of distinct `values` at most `radius` bits apart: `first` < `second`, or of each with `against`.

    `values` are (n,) or (n, w) words of 64 bits. With `against`, `first` counts in `values` and `second` in `against`.
    Memory beside the pairs is 20 bytes for each value and word. Time at a million values of 64 bits and radius 8 is one
    or two seconds a core; where many differ by little, it grows towards that of comparing all with all.
    """
    ours = _words(values)
    theirs = ours if against is None else _words(against)
    if radius < 0 or len(ours) == 0 or len(theirs) == 0:
        return _ordered([])
    thresholds = _thresholds(radius, ours.shape[1] * _BANDS_OF_A_WORD)
    masks = [_masks(threshold) for threshold in thresholds.tolist()]
    if len(ours) * len(theirs) < _BUCKETS * sum(map(len, masks)):
        thresholds, masks = thresholds[:1], [_EVERYTHING]  # so few that each with each takes no more time
    work = _Work(ours, theirs, radius, thresholds, is_self=against is None)
    with ThreadPoolExecutor(threads or cores()) as pool:
        parts = [part for band, near in enumerate(masks) if len(near) for part in work.band(band, near, pool)]
    return _ordered(parts)


def words_of(texts: list[str]) -> NDArray[np.uint64]:
    """Hashes in hex, all of one length that is a multiple of 16 digits, as an array (n, w) of words, highest first."""
    if not texts:
        return np.empty((0, 1), np.uint64)
    width = len(texts[0]) // 16
    return np.frombuffer(bytes.fromhex("".join(texts)), dtype=">u8").astype(np.uint64).reshape(len(texts), width)


class _Work:
    """One comparison: what is compared, and how far apart in each band."""

    def __init__(
        self,
        ours: NDArray[np.uint64],
        theirs: NDArray[np.uint64],
        radius: int,
        thresholds: NDArray[np.int64],
        *,
        is_self: bool,
    ) -> None:
        self._ours, self._theirs, self._radius, self._thresholds = ours, theirs, radius, thresholds
        self._is_self = is_self

    def band(
        self, band: int, masks: NDArray[np.int64], pool: ThreadPoolExecutor
    ) -> Iterator[tuple[NDArray[np.int32], ...]]:
        """The pairs whose bits in this band differ by one of `masks`, and that no band before it finds."""
        ours = _by_band(self._ours, band)
        theirs = ours if self._is_self else _by_band(self._theirs, band)

        def part(number: int) -> tuple[NDArray[np.int32], ...]:
            start, end = number * _BUCKETS // _PARTS, (number + 1) * _BUCKETS // _PARTS
            room = _ROOM
            while True:
                found = np.empty((room, 3), np.int32)
                count = _join(
                    *ours, *theirs, masks, start, end, self._radius, band, self._thresholds, self._is_self, found
                )
                if count <= room:
                    return found[:count, 0].copy(), found[:count, 1].copy(), found[:count, 2].copy()
                room = count

        yield from pool.map(part, range(_PARTS))


def _words(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return np.ascontiguousarray(values.reshape(len(values), -1 if len(values) else 1), dtype=np.uint64)


def _thresholds(radius: int, bands: int) -> NDArray[np.int64]:
    """For each band its largest distance, -1 where it need not be looked at; the sum of all plus one is radius + 1."""
    share, rest = divmod(radius + 1, bands)
    return np.array([share - 1 + (band < rest) for band in range(bands)], dtype=np.int64)


def _masks(distance: int) -> NDArray[np.int64]:
    """All masks of 16 bits with at most `distance` of them set; none for -1."""
    every = np.arange(_BUCKETS, dtype=np.int64)
    return every[np.bitwise_count(every) <= distance]


def _by_band(words: NDArray[np.uint64], band: int) -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int64]]:
    """The values in the order of a band's 16 bits, their numbers, and where in this order each bucket begins."""
    key = (words[:, band // _BANDS_OF_A_WORD] >> np.uint64(band % _BANDS_OF_A_WORD * _BAND)).astype(np.uint16)
    order = np.argsort(key, kind="stable")
    begin = np.zeros(_BUCKETS + 1, np.int64)
    np.cumsum(np.bincount(key, minlength=_BUCKETS), out=begin[1:])
    return np.ascontiguousarray(words[order]), order.astype(np.int32), begin


def _ordered(parts: list[tuple[NDArray[np.int32], ...]]) -> NearPairs:
    empty = np.empty(0, np.int32)
    first, second, distance = (np.concatenate([empty, *(part[column] for part in parts)]) for column in range(3))
    order = np.lexsort((second, first))
    return NearPairs(first=first[order], second=second[order], distance=distance[order].astype(np.uint16))


def _count_ones(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 - numba's protocol
    """The number of set bits of a word: one instruction, which numba has no name for."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.ctpop(arguments[0])

    return numba.types.int64(numba.types.uint64), code


_ones: Callable[[Any], int] = intrinsic(_count_ones)  # type: ignore[assignment]  # called by compiled code alone


@compiled
def _is_found_before(  # noqa: PLR0917 - compiled code takes its arrays in order
    ours: Any, i: int, theirs: Any, j: int, band: int, thresholds: Any
) -> bool:
    """Whether a band before this one finds the pair too."""
    for earlier in range(band):
        word, shift = earlier // 4, np.uint64(earlier % 4 * 16)
        apart = ((ours[i, word] ^ theirs[j, word]) >> shift) & np.uint64(0xFFFF)
        if _ones(apart) <= thresholds[earlier]:
            return True
    return False


@compiled
def _join(  # noqa: PLR0917 - compiled code takes its arrays in order
    ours: Any,
    our_numbers: Any,
    our_begin: Any,
    theirs: Any,
    their_numbers: Any,
    their_begin: Any,
    masks: Any,
    start: int,
    end: int,
    radius: int,
    band: int,
    thresholds: Any,
    is_self: bool,
    found: Any,
) -> int:
    """Write the pairs of the buckets from `start` to `end` into `found`; how many there are, also beyond its room."""
    count, words = 0, ours.shape[1]
    for bucket in range(start, end):
        for step in range(len(masks) if our_begin[bucket] < our_begin[bucket + 1] else 0):
            partner = bucket ^ masks[step]
            low, high = 0, len(theirs)
            if masks[step] >= 0:
                if is_self and partner < bucket:
                    continue
                low, high = their_begin[partner], their_begin[partner + 1]
            for i in range(our_begin[bucket], our_begin[bucket + 1]):
                for j in range(max(low, i + 1) if is_self else low, high):
                    bits = _ones(ours[i, 0] ^ theirs[j, 0])
                    for word in range(1, words):
                        if bits > radius:
                            break
                        bits += _ones(ours[i, word] ^ theirs[j, word])
                    if bits > radius or _is_found_before(ours, i, theirs, j, band, thresholds):
                        continue
                    if count < len(found):
                        one, other = our_numbers[i], their_numbers[j]
                        swapped = is_self and other < one
                        found[count, 0] = other if swapped else one
                        found[count, 1] = one if swapped else other
                        found[count, 2] = bits
                    count += 1
    return count
