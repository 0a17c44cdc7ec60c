"""Numbers that filters decided by, as histograms: where bins lie, where cuts fall, which images stand for a place."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bin", "Cut", "Fate", "Histogram", "beside", "histogram", "spread"]

_BINS = 60
_HEAVY = 20.0  # times the median from where on the largest number calls for a logarithmic axis
_FAR = 8.0  # times the span of the middle 98 % from where on an axis leaves the ends out
_WHOLE = 80  # whole numbers over at most so wide a range have a bin each
_TICKS = 7

Floats = NDArray[np.float64]
Fates = NDArray[np.int8]


class Fate(IntEnum):
    """What a filter did with an image, as seen from one of its bounds."""

    KEPT = 0
    DROPPED = 1
    ELSEWHERE = 2  # dropped too, by another bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A bound: what lies on the side `drops` of it was dropped. `name` is the recipe's word for it, '' without one."""

    name: str
    at: float
    drops: Literal["below", "above"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """How many images have a number from `low` up to, and without, `high`; `elsewhere` fell to another bound."""

    low: float
    high: float
    kept: int
    dropped: int
    elsewhere: int

    @property
    def images(self) -> int:
        """All of them."""
        return self.kept + self.dropped + self.elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Bins side by side. The outermost also hold what lies beyond them: `beyond` says how many that are."""

    bins: tuple[Bin, ...]
    is_logarithmic: bool
    has_whole_numbers: bool
    beyond: int

    @property
    def most(self) -> int:
        """The images in the fullest bin, at least 1."""
        return max(1, *(one.images for one in self.bins))

    @property
    def is_uneven(self) -> bool:
        """Whether most bins would be too low to be seen beside the fullest."""
        filled = sorted(one.images for one in self.bins if one.images)
        return bool(filled) and self.most > 40 * filled[len(filled) // 2]

    def place(self, value: float) -> float:
        """Where a number lies along the axis, 0 to 100; the ends for what lies beyond."""
        low, high = self._scaled(self.bins[0].low), self._scaled(self.bins[-1].high)
        return round(100 * min(max((self._scaled(value) - low) / (high - low), 0.0), 1.0), 3)

    def place_of_cut(self, cut: Cut) -> float:
        """Where a cut falls: between the bins of two whole numbers."""
        half = 0.5 if self.has_whole_numbers else 0.0
        return self.place(cut.at - half if cut.drops == "below" else cut.at + half)

    def shows(self, cut: Cut) -> bool:
        """Whether a cut falls on the axis at all."""
        return self.bins[0].low <= cut.at <= self.bins[-1].high

    def height(self, count: int, *, of_log: bool) -> float:
        """How high a bar of `count` images is, 0 to 100."""
        share = math.log1p(count) / math.log1p(self.most) if of_log else count / self.most
        return round(100 * share, 2)

    @property
    def ticks(self) -> tuple[float, ...]:
        """Round numbers along the axis."""
        low, high = self.bins[0].low, self.bins[-1].high
        if self.is_logarithmic:
            decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            steps = (1, 2, 5) if len(decades) <= 3 else (1,)
            return tuple(step * 10.0**power for power in decades for step in steps if low <= step * 10.0**power <= high)
        rough = (high - low) / _TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
        step = max(1.0, math.ceil(step)) if self.has_whole_numbers else step
        first = math.ceil(low / step)
        return tuple(round(number * step, 12) for number in range(first, math.floor(high / step) + 1))

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, self.bins[0].low)) if self.is_logarithmic else value


def histogram(values: Floats, fates: Fates, cuts: Sequence[Cut]) -> Histogram:
    """Count `values` (n,), ascending and finite, n >= 1, in bins, so that the first of the `cuts` falls between two.

    `fates` (n,) are values of Fate.
    Numbers far above most get a logarithmic axis where all are positive; else the axis ends before the farthest.
    """
    low, high = float(values[0]), float(values[-1])
    span = (high - low) or max(abs(low) / 2, 0.5)
    near = [cut.at for cut in cuts if low - span <= cut.at <= high + span]
    low, high = min(low, *near, math.inf), max(high, *near, -math.inf)
    is_whole = bool(np.all(values == np.round(values))) and high - low <= _WHOLE
    is_log = not is_whole and low > 0 and high > _HEAVY * float(values[len(values) // 2])
    if is_whole:
        edges = np.arange(math.floor(low), math.ceil(high) + 2) - 0.5
    elif is_log:
        edges = 10 ** _edges(math.log10(low), math.log10(high), [math.log10(at) for at in near])
    else:
        edges = _edges(*_ends(values, low, high, near), near)
    for cut in cuts:  # sums may come out a hair beside it; what has the upper bound itself is kept, and lies below it
        nearest = int(np.argmin(np.abs(edges - cut.at)))
        if math.isclose(edges[nearest], cut.at, rel_tol=1e-9, abs_tol=1e-12):
            edges[nearest] = cut.at if cut.drops == "below" else np.nextafter(cut.at, math.inf)
    inside = np.clip(values, edges[0], edges[-1])
    counts = [np.histogram(inside[fates == fate], edges)[0].tolist() for fate in Fate]
    return Histogram(
        bins=tuple(
            Bin(low=low, high=high, kept=kept, dropped=dropped, elsewhere=elsewhere)
            for (low, high), kept, dropped, elsewhere in zip(itertools.pairwise(edges.tolist()), *counts, strict=True)
        ),
        is_logarithmic=is_log,
        has_whole_numbers=is_whole,
        beyond=int(np.count_nonzero(inside != values)),
    )


def _ends(values: Floats, low: float, high: float, near: Sequence[float]) -> tuple[float, float]:
    """The ends of a linear axis: those of the middle 98 % and the cuts, with room, where the others lie far away."""
    first, last = (float(values[round(share * (len(values) - 1))]) for share in (0.01, 0.99))
    if last == first or high - low <= _FAR * (last - first):
        return low, high
    room = last - first
    return max(low, min(first - room, *near, math.inf)), min(high, max(last + room, *near, -math.inf))


def _edges(low: float, high: float, near: Sequence[float]) -> Floats:
    """About 60 bins of one width from `low` to `high`; the first of the cuts is an edge, and so is the farthest."""
    width = ((high - low) or max(abs(low) / 2, 0.5)) / _BINS
    if not near:
        return np.linspace(low, low + width * _BINS, _BINS + 1, dtype=np.float64)
    apart = max((abs(at - near[0]) for at in near), default=0.0)
    if apart >= width:
        width = apart / round(apart / width)
    left, right = math.ceil((near[0] - low) / width - 1e-9), math.ceil((high - near[0]) / width + 1e-9)
    return np.asarray(near[0] + width * np.arange(-max(left, 1), max(right, 1) + 1), np.float64)


def beside(values: Floats, cut: Cut, most: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions in ascending `values` of up to `most` just below a cut and just above it, ascending both."""
    middle = int(np.searchsorted(values, cut.at, "left" if cut.drops == "below" else "right"))
    return np.arange(max(0, middle - most), middle), np.arange(middle, min(len(values), middle + most))


def spread(count: int, most: int) -> NDArray[np.intp]:
    """Positions of the quantiles of `count` sorted numbers: the least, the largest, and evenly many between them."""
    return np.unique(np.round(np.linspace(0, count - 1, most)).astype(np.intp))
