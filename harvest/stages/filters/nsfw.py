"""Drop what is likely to be pornographic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harvest.config.reader import Section, setting
from harvest.stages.filters.base import Judged
from harvest.stages.filters.bounds import between, check_bounds

__all__ = ["NsfwFilter", "check_nsfw"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NsfwFilter:
    """Bounds on the probability, [0, 1], that harvest.scorers.nsfw measures.

    Its makers call images below 0.2 safe with a high probability and those above 0.8 the contrary. It has seen
    photographs: judge drawings by words, with `clip`.
    """

    version: ClassVar[int] = 1
    min: float | None = setting(None, ge=0, le=1)
    max: float | None = setting(0.2, ge=0, le=1)

    @property
    def scorer(self) -> str:
        """open_nsfw."""
        return "nsfw"

    def judge_scores(self, values: NDArray[np.float64]) -> Judged:
        """The probability against the bounds."""
        words = [f"nudity {value:.3f}" for value in values.tolist()]
        return between(values, words, low=self.min, high=self.max)


def check_nsfw(section: Section) -> None:
    """Raise ConfigError where nothing, or everything, would be dropped."""
    params = section.read(NsfwFilter)
    check_bounds(section, params.min, params.max)
