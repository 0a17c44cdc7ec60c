"""Keep a few images that stand for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harvest.config.reader import setting
from harvest.stages.filters.base import Asked, Judged
from harvest.stages.filters.reviewed import by_hand, said_digest
from harvest.stages.spaces.cover import facility_location, k_centre, represented

__all__ = ["DiverseFilter"]

_WAYS = {"facility-location": facility_location, "k-centre": k_centre}


@dataclass(frozen=True, slots=True, kw_only=True)
class DiverseFilter:
    """`count` images out of all, so that each of the others has one of them near.

    `facility-location` has all images near on the whole: what there is much of is chosen more often. `k-centre` leaves
    none far away: it takes the odd ones first. Both begin in the middle; or, with `start: reviewed`, with what people
    kept by hand, and then never take what they dropped. Values are 1 - cosine to the nearest chosen image.
    """

    version: ClassVar[int] = 1
    whole: ClassVar[bool] = True
    model: str
    count: int = setting(ge=1)
    how: str = setting("facility-location", choices=tuple(_WAYS))
    start: str = setting("middle", choices=("middle", "reviewed"))

    def grounds(self, said: Mapping[str, bool]) -> Mapping[str, object]:
        """What people said, where that is what it starts from."""
        return {"said": said_digest(said)} if self.start == "reviewed" else {}

    def judge_all(self, asked: Asked) -> Judged:
        """One image after the other."""
        n = len(asked.sha256s)
        said = asked.said if self.start == "reviewed" else {}
        verdicts = [said.get(sha256) for sha256 in asked.sha256s.tolist()]
        rows = np.array([at for at, verdict in enumerate(verdicts) if verdict is not False], np.int64)
        keep = np.zeros(n, np.bool_)
        reason = [by_hand(False, asked.words.get(sha256, "no reason given")) for sha256 in asked.sha256s.tolist()]
        distance = np.full(n, np.nan)
        if not len(rows):
            return Judged(keep=keep, reason=reason, value=distance, threshold=distance)
        points = asked.vectors if len(rows) == n else asked.vectors[rows]
        chosen = self._chosen(points, [at for at, row in enumerate(rows.tolist()) if verdicts[row]])
        place, cosine = represented(points, chosen)
        keep[rows[chosen]], distance[rows] = True, np.maximum(0.0, 1 - cosine)
        stands_for = np.bincount(place, minlength=len(chosen)) - 1
        names = [name[:16] for name in asked.sha256s[rows[chosen]].tolist()]
        for row, at, how_near in zip(rows.tolist(), place.tolist(), cosine.tolist(), strict=True):
            reason[row] = f"{names[at]} stands for it, at a cosine of {how_near:.3f}"
        for order, (row, others) in enumerate(zip(rows[chosen].tolist(), stands_for.tolist(), strict=True), start=1):
            also = " and for those like it" if others else ""
            reason[row] = f"number {order} of {len(chosen)}: stands for itself{also}, {1 + others:,} images"
        detail = {"chosen": len(chosen), "farthest": float(np.nanmax(distance)), "mean": float(np.nanmean(distance))}
        return Judged(keep=keep, reason=reason, value=distance, threshold=np.full(n, np.nan), detail=detail)

    def _chosen(self, points: NDArray[np.float32], first: list[int]) -> NDArray[np.int64]:
        if self.count >= len(points):
            return np.arange(len(points))
        return _WAYS[self.how](points, self.count, first=first)
