"""Drop what is like nothing else, or keep that alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harvest.config.reader import Section, setting
from harvest.stages.filters.base import Asked, Judged
from harvest.stages.spaces.solitude import far_out, kth_distances

__all__ = ["OutliersFilter", "check_bound"]

_BOUNDS = ("max", "share", "threshold")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutliersFilter:
    """An image's value is 1 - cosine to its `neighbours`-th nearest other one, among what is kept before this filter.

    `neighbours` should be more than there are odd images of one kind. An outlier is one beyond `max`, one of the
    `share` that is most alone, or one that stands apart from the rest (`threshold: auto`: beyond the median by 3.5
    standard deviations, estimated from the median absolute deviation). `keep: outliers` is for those who look for them.
    """

    version: ClassVar[int] = 1
    whole: ClassVar[bool] = True
    model: str
    neighbours: int = setting(10, ge=1, le=1000)
    max: float | None = setting(None, ge=0, le=2)
    share: float | None = setting(None, gt=0, le=1)
    threshold: str | None = setting(None, choices=("auto",))
    keep: str = setting("inliers", choices=("inliers", "outliers"))

    def grounds(self, said: Mapping[str, bool]) -> Mapping[str, object]:  # noqa: ARG002
        """Nothing but the parameters and the weights."""
        return {}

    def judge_all(self, asked: Asked) -> Judged:
        """All images are compared with each other."""
        distance = kth_distances(asked.vectors, self.neighbours)
        bound, found_by = self._bound(distance)
        is_out = distance > bound
        kept = is_out if self.keep == "outliers" else ~is_out
        reason = [
            f"{'like few others' if alone else 'has others like it'}: {far:.3f} to its neighbour number "
            f"{self.neighbours}, bound {bound:.3f} ({found_by})"
            for alone, far in zip(is_out.tolist(), distance.tolist(), strict=True)
        ]
        detail = {"threshold": bound, "method": found_by, "outliers": int(is_out.sum())}
        return Judged(keep=kept, reason=reason, value=distance, threshold=np.full(len(distance), bound), detail=detail)

    def _bound(self, distance: NDArray[np.float64]) -> tuple[float, str]:
        """The distance beyond which an image is an outlier, and in words where that comes from."""
        if self.max is not None:
            return self.max, "as given"
        if self.share is None:
            return far_out(distance), "the median and 3.5 robust deviations"
        inside = len(distance) - min(len(distance), round(self.share * len(distance)))
        ordered = np.sort(distance)
        bound = float(ordered[inside - 1]) if inside else -1.0
        return bound, f"the most alone {self.share:.1%}"


def check_bound(section: Section) -> None:
    """Raise ConfigError where there is no bound, or more than one."""
    params = section.read(OutliersFilter)
    given = [name for name in _BOUNDS if getattr(params, name) is not None]
    if len(given) != 1:
        raise section.error(
            given[-1] if given else _BOUNDS[0],
            f"expected one of `max`, `share` and `threshold: auto`, got {', '.join(given) or 'none'}",
        )
