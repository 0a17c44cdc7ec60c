"""Keep or drop images by how many faces they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harvest.config.reader import Section, setting
from harvest.stages.filters.base import Judged
from harvest.stages.filters.bounds import between, check_bounds

__all__ = ["FacesFilter", "check_faces"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FacesFilter:
    """Bounds on the number of faces: `max: 0` for none, `min: 1` for people, both 1 for portraits.

    Counts are those of harvest.images.faces, which an audit that looks for faces shares.
    """

    version: ClassVar[int] = 1
    min: int | None = setting(None, ge=0)
    max: int | None = setting(None, ge=0)

    @property
    def scorer(self) -> str:
        """CenterFace."""
        return "faces"

    def judge_scores(self, values: NDArray[np.float64]) -> Judged:
        """The count against the bounds."""
        words = ["1 face" if value == 1 else f"{value:.0f} faces" for value in values.tolist()]
        return between(values, words, low=self.min, high=self.max)


def check_faces(section: Section) -> None:
    """Raise ConfigError where nothing, or everything, would be dropped."""
    params = section.read(FacesFilter)
    check_bounds(section, params.min, params.max)
