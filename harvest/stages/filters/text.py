"""Drop what is mostly lettering: pages, screenshots, posters; or keep just that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harvest.config.reader import Section, setting
from harvest.stages.filters.base import Judged
from harvest.stages.filters.bounds import between, check_bounds

__all__ = ["TextFilter", "check_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFilter:
    """Bounds on the share of the picture, [0, 1], that lines of text cover, as harvest.scorers.text measures it.

    Watermarks and signatures stay below 0.03, charts and labels mostly below 0.1; pages have 0.3 and more.
    """

    version: ClassVar[int] = 1
    min: float | None = setting(None, ge=0, le=1)
    max: float | None = setting(None, ge=0, le=1)

    @property
    def scorer(self) -> str:
        """PP-OCR's detector."""
        return "text"

    def judge_scores(self, values: NDArray[np.float64]) -> Judged:
        """The share against the bounds."""
        words = [f"text on {value:.1%} of it" for value in values.tolist()]
        return between(values, words, low=self.min, high=self.max)


def check_text(section: Section) -> None:
    """Raise ConfigError where nothing, or everything, would be dropped."""
    params = section.read(TextFilter)
    check_bounds(section, params.min, params.max)
