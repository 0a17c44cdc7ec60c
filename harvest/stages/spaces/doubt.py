"""Which points somebody should judge next, so that few judgements teach most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harvest.stages.spaces.cover import facility_location, k_centre
from harvest.stages.spaces.logistic import learn

__all__ = ["Picks", "next_to_judge"]

_LOOKED_AT = 20_000  # points among which the first ones are chosen
_POOL = 3  # points in doubt for each that is picked: near the line, and then spread out
_EACH = 2  # examples of either kind without which nothing can be learned


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks:
    """Rows to judge, best first, each with the reason; `probabilities` that they are wanted, None before any are known.

    `reasons` are "typical" (stands for many), "alike" (like the few of one kind that are known), "unlike" (all that
    was judged) and "doubtful".
    """

    rows: NDArray[np.int64]
    reasons: tuple[str, ...]
    probabilities: NDArray[np.float64] | None = None


def next_to_judge(
    points: NDArray[np.float32],
    examples: NDArray[np.float32],
    wanted: NDArray[np.bool_],
    count: int,
    *,
    threshold: float = 0.5,
) -> Picks:
    """`count` of `points` (n, d), none of them judged, after `examples` (m, d) were, each `wanted` (m,) or not.

    Before any judgement: those that stand for most. While one kind has fewer than two examples: half of them like those
    few, half unlike everything judged. Then those whose probability is nearest to `threshold` (uncertainty sampling,
    Lewis and Gale 1994, doi:10.1007/978-1-4471-2099-5_1), the farthest from each other of three times as many, so that
    nobody judges twenty of the same.
    """
    some = np.unique(np.linspace(0, max(0, len(points) - 1), min(len(points), _LOOKED_AT)).astype(np.int64))
    if not len(points) or count < 1:
        return Picks(rows=np.empty(0, np.int64), reasons=())
    if not len(examples):
        rows = some[facility_location(points[some], count)]
        return Picks(rows=rows, reasons=("typical",) * len(rows))
    if min(wanted.sum(), (~wanted).sum()) < _EACH:
        return _exploring(points, examples, wanted, count, some)
    probabilities = learn(examples, wanted).probabilities(points)
    order = np.argsort(np.abs(probabilities - threshold), kind="stable")[: _POOL * count]
    rows = order[np.sort(k_centre(points[order], count, first=[0]))]
    return Picks(rows=rows, reasons=("doubtful",) * len(rows), probabilities=probabilities[rows])


def _exploring(
    points: NDArray[np.float32],
    examples: NDArray[np.float32],
    wanted: NDArray[np.bool_],
    count: int,
    some: NDArray[np.int64],
) -> Picks:
    few = examples[wanted if wanted.sum() < _EACH else ~wanted]
    alike = np.empty(0, np.int64)
    if len(few):
        alike = np.argsort(-(points @ few.T).max(axis=1), kind="stable")[: count // 2]
    some = np.setdiff1d(some, alike)
    known = np.concatenate([examples, points[alike]])
    missing = min(count - len(alike), len(some))
    spread = k_centre(np.concatenate([known, points[some]]), len(known) + missing, first=range(len(known)))
    unlike = some[spread[len(known) :] - len(known)]
    return Picks(rows=np.concatenate([alike, unlike]), reasons=("alike",) * len(alike) + ("unlike",) * len(unlike))
