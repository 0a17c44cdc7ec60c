"""A number per image held against bounds, or against those of the other images: verdicts in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harvest.config.reader import Section
from harvest.stages.filters.base import Judged

__all__ = ["UNSEEN", "between", "check_bounds", "ranked"]

UNSEEN = "does not decode, so nobody knows what it shows"


def between(
    values: NDArray[np.float64], words: Sequence[str], *, low: float | None = None, high: float | None = None
) -> Judged:
    """Keep the images whose value, (n,), lies within bounds, both included; NaN is outside of any.

    `words` say what was measured in each: "2 faces" becomes "2 faces, more than 1". Kept ones show the bound that is
    nearer, as threshold.
    """
    unseen = np.isnan(values)
    below = values < low if low is not None else np.zeros(len(values), bool)
    above = values > high if high is not None else np.zeros(len(values), bool)
    reason = list(words)
    for at in np.flatnonzero(below).tolist():
        reason[at] = f"{words[at]}, less than {low:g}"
    for at in np.flatnonzero(above).tolist():
        reason[at] = f"{words[at]}, more than {high:g}"
    for at in np.flatnonzero(unseen).tolist():
        reason[at] = UNSEEN
    threshold = _nearer(values, low, high)
    threshold[unseen] = np.nan
    return Judged(keep=~(below | above | unseen), reason=reason, value=values, threshold=threshold)


def check_bounds(section: Section, low: float | None, high: float | None, *, other: str = "") -> None:
    """Raise ConfigError where `min` and `max` of a filter leave everything, or nothing; `other` is what else may do."""
    if low is None and high is None:
        raise section.error("max", f"missing; expected a `max`, a `min`, or {other or 'both'}")
    if low is not None and high is not None and low > high:
        raise section.error("min", f"expected at most `max` ({high:g}), got {low:g}")


def ranked(values: NDArray[np.float64], judged: Judged, words: Sequence[str], *, count: int, highest: bool) -> Judged:
    """Of the images that `judged` keeps, keep the `count` with the highest values, or the lowest.

    Equal values are taken in the order given. The threshold is the value of the last one kept.
    """
    standing = np.flatnonzero(judged.keep)
    order = standing[np.argsort(-values[standing] if highest else values[standing], kind="stable")]
    reason, threshold, keep = list(judged.reason), judged.threshold.copy(), judged.keep.copy()
    end, total = "highest" if highest else "lowest", len(order)
    cut = values[order[min(count, total) - 1]] if total and count else np.nan
    for rank, at in enumerate(order.tolist(), start=1):
        reason[at] = f"{words[at]}, rank {rank:,} of {total:,} from the {end}; {min(count, total):,} are kept"
    keep[order[count:]] = False
    threshold[order] = cut
    return Judged(keep=keep, reason=reason, value=values, threshold=threshold, detail={"ranked": total, "kept": count})


def _nearer(values: NDArray[np.float64], low: float | None, high: float | None) -> NDArray[np.float64]:
    if low is None or high is None:
        bound = high if low is None else low
        return np.full(len(values), np.nan if bound is None else float(bound))
    return np.where(np.abs(values - low) <= np.abs(values - high), float(low), float(high))
