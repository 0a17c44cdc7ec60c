"""Where to cut a row of scores in two: the best so many, or at a bound that is found from the scores themselves.

Bounds are found from how scores are spread, with no word about which are good: by Otsu's criterion, or in the valley
between two hills; and from what people said of some of the images, for a precision that is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_SAID", "Cut", "best", "enough", "found", "judged", "otsu", "valley"]

LEAST_SAID = 10  # judgements of each kind without which nothing is learned from them
_TWO_HILLS = 2.0  # Ashman's D above which two normal distributions count as apart
_BINS = 2048
_ROUNDS = 500
_SETTLED = 1e-10

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A bound, scores at or above which pass. `by` and `words` say how it was found, in few and in more words; `detail`
    holds the figures behind it.
    """

    threshold: float
    method: str
    by: str
    words: str
    detail: Mapping[str, float] = field(default_factory=dict)


def best(scores: Scores, count: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which of the scores (n,) are among the `count` highest, and the rank of each from 1; earlier ones win ties."""
    ranks = np.empty(len(scores), np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks <= count, ranks


def found(scores: Scores, said: Mapping[int, bool], *, precision: float) -> Cut:
    """The bound that is best founded: on judgements where there are enough, else in a valley, else by Otsu.

    `said` holds what people said, by the place in `scores`: True for those that should pass.
    """
    if enough(list(said.values())):
        return judged(scores, said, precision=precision)
    between = valley(scores)
    return otsu(scores) if between is None else between


def enough(said: Collection[bool]) -> bool:
    """Whether people said enough of either kind, True and False, to find a bound from it."""
    kept = sum(said)
    return min(kept, len(said) - kept) >= LEAST_SAID


def otsu(scores: Scores) -> Cut:
    """The bound that divides scores into two classes with the largest variance between them (Otsu 1979,
    doi:10.1109/TSMC.1979.4310076), found exactly: between two neighbouring scores. All pass where all are equal.
    """
    ordered = np.sort(scores)
    n = len(ordered)
    if n < 2 or ordered[0] == ordered[-1]:
        return Cut(
            threshold=float(ordered[0]) if n else 0.0,
            method="otsu",
            by="Otsu's criterion",
            words="all scores are equal",
        )
    below = np.arange(1, n)
    sums = np.cumsum(ordered)
    lower, upper = sums[:-1] / below, (sums[-1] - sums[:-1]) / (n - below)
    between = below * (n - below) / n**2 * (upper - lower) ** 2
    between[ordered[1:] == ordered[:-1]] = -1  # equal scores stay together
    at = int(np.argmax(between))
    explained = float(between[at] / ordered.var())
    return Cut(
        threshold=float((ordered[at] + ordered[at + 1]) / 2),
        method="otsu",
        by="Otsu's criterion",
        words=f"Otsu's criterion over {n:,} scores, {explained:.0%} of their variance between the two sides",
        detail={
            "explained": round(explained, 4),
            "below": round(float(lower[at]), 6),
            "above": round(float(upper[at]), 6),
        },
    )


def valley(scores: Scores) -> Cut | None:
    """The bound where two normal distributions that make up the scores are equally likely, which errs least often
    (Kittler and Illingworth 1986, doi:10.1016/0031-3203(86)90030-0); None where there are no two hills.

    Fitted by expectation maximisation over a histogram; hills are two where Ashman's D is above 2 (Ashman, Bird and
    Zepf 1994, doi:10.1086/117248) and the scores are rarer between them than on either.
    """
    if len(scores) < 4 or np.ptp(scores) == 0:
        return None
    counts, edges = np.histogram(scores, bins=_BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    shares, means, widths = _two_normals(centres, counts / len(scores), start=otsu(scores).threshold)
    apart = math.sqrt(2) * (means[1] - means[0]) / math.sqrt(float((widths**2).sum()))
    between = centres[(centres > means[0]) & (centres < means[1])]
    if not apart > _TWO_HILLS or not len(between):
        return None
    lower, upper = _densities(between, shares, means, widths)
    at = int(np.argmin(np.abs(lower - upper)))
    top = _densities(means, shares, means, widths).sum(axis=0)
    if (lower + upper)[at] >= top.min():
        return None
    return Cut(
        threshold=float(between[at]),
        method="valley",
        by="the valley between two hills of scores",
        words=(
            f"the valley between two hills of scores, {means[0]:.3f} and {means[1]:.3f}, "
            f"with {shares[1]:.1%} in the upper one"
        ),
        detail={
            "apart": round(float(apart), 3),
            "below": round(float(means[0]), 6),
            "above": round(float(means[1]), 6),
            "share_above": round(float(shares[1]), 4),
        },
    )


def judged(scores: Scores, said: Mapping[int, bool], *, precision: float) -> Cut:
    """The lowest bound above which at least `precision` of the images that people judged are ones to keep.

    Where no bound reaches that, the one that comes nearest, and its words say so. Raises ValueError without judgements.
    """
    if not said:
        raise ValueError("nothing was judged")
    places = np.array(list(said), np.int64)
    order = places[np.argsort(-scores[places], kind="stable")]
    good = np.cumsum([said[int(place)] for place in order])
    precisions = good / np.arange(1, len(order) + 1)
    ends = np.flatnonzero(np.append(scores[order][1:] != scores[order][:-1], True))  # equal scores stay together
    reached = ends[precisions[ends] >= precision]
    at = int(reached[-1]) if len(reached) else int(ends[np.argmax(precisions[ends])])
    recall = float(good[at] / good[-1]) if good[-1] else 0.0
    below = scores[order[at + 1]] if at + 1 < len(order) else scores[order[at]]
    short = "" if len(reached) else f", no bound reaches {precision:.0%}"
    return Cut(
        threshold=float((scores[order[at]] + below) / 2),
        method="judged",
        by=f"{len(said)} images judged by hand",
        words=(
            f"{len(said)} images judged by hand: above it {precisions[at]:.0%} are ones to keep, "
            f"and {recall:.0%} of those{short}"
        ),
        detail={"judged": len(said), "precision": round(float(precisions[at]), 4), "recall": round(recall, 4)},
    )


def _two_normals(centres: Scores, weights: Scores, *, start: float) -> tuple[Scores, Scores, Scores]:
    """Shares, means and deviations, lower one first, of two normal distributions that fit a histogram best."""
    floor = (centres[1] - centres[0]) / 2
    upper = (centres >= start).astype(np.float64)
    belongs = np.stack([1 - upper, upper])
    likelihood = -np.inf
    for _ in range(_ROUNDS):
        mass = np.maximum(belongs @ weights, 1e-12)
        means = belongs @ (weights * centres) / mass
        spread = (belongs * (centres - means[:, None]) ** 2) @ weights / mass
        widths = np.sqrt(np.maximum(spread, floor**2))
        dense = _densities(centres, mass, means, widths)
        total = np.maximum(dense.sum(axis=0), 1e-300)
        belongs = dense / total
        now = float(weights @ np.log(total))
        if now - likelihood < _SETTLED:
            break
        likelihood = now
    order = np.argsort(means)
    return mass[order], means[order], widths[order]


def _densities(at: Scores, shares: Scores, means: Scores, widths: Scores) -> Scores:
    """The weighted density of each normal distribution (2,) at points (m,): (2, m)."""
    scaled = (at[None, :] - means[:, None]) / widths[:, None]
    dense: Scores = shares[:, None] * np.exp(-0.5 * scaled**2) / (widths[:, None] * math.sqrt(2 * math.pi))
    return dense
