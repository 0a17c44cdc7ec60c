"""Choose by an aesthetic score: a head on top of a model's vectors says how people would rate the picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from harvest.config.reader import Section, setting
from harvest.errors import UsageError
from harvest.stages.filters.base import Asked, Judged
from harvest.stages.filters.bounds import between, check_bounds, ranked
from harvest.stages.heads import ACTIVATIONS, read_head

__all__ = ["AestheticFilter", "check_aesthetic"]

_ENDS = ("top", "bottom", "top_share", "bottom_share")


@dataclass(frozen=True, slots=True, kw_only=True)
class AestheticFilter:
    """A head from a file on the vectors of `model`, which has to be the one that it was trained on.

    LAION's heads, made for ViT-L-14/openai, score from about 1 to 10; 5 is middling. `min` and `max` bound the score,
    and either end may be the one that is looked for. `top` and `bottom` keep so many of the highest or the lowest,
    `top_share` and `bottom_share` such a share, of those within the bounds. `activation` goes between the layers of the
    head; LAION's have none.
    """

    version: ClassVar[int] = 1
    model: str = "ViT-L-14/openai"
    head: Path | None = None
    activation: str = setting("none", choices=ACTIVATIONS)
    min: float | None = None
    max: float | None = None
    top: int | None = setting(None, ge=1)
    bottom: int | None = setting(None, ge=1)
    top_share: float | None = setting(None, gt=0, le=1)
    bottom_share: float | None = setting(None, gt=0, le=1)

    @property
    def whole(self) -> bool:
        """Whether others decide too who is among the best."""
        return any(getattr(self, end) is not None for end in _ENDS)

    def grounds(self, said: Mapping[str, bool]) -> Mapping[str, object]:  # noqa: ARG002 - asks nobody
        """Nothing but the parameters, the head's content among them, and the weights."""
        return {}

    def judge_all(self, asked: Asked) -> Judged:
        """Scores against bounds, then against each other. Raises UsageError where the head does not fit the model."""
        head = read_head(self._file, self.activation)
        wide = asked.vectors.shape[1]
        if len(asked.vectors) and head.width != wide:
            raise UsageError(
                f"{self._file} scores vectors of {head.width} numbers, and those of {self.model} have {wide}; "
                "`model` has to be the one that the head was trained on"
            )
        scores = head(asked.vectors) if len(asked.vectors) else np.empty(0)
        words = [f"aesthetic score {score:.2f}" for score in scores.tolist()]
        judged = between(scores, words, low=self.min, high=self.max)
        if not self.whole:
            return judged
        count = self._count(int(judged.keep.sum()))
        highest = self.top is not None or self.top_share is not None
        return ranked(scores, judged, words, count=count, highest=highest)

    def _count(self, standing: int) -> int:
        share = self.top_share if self.top_share is not None else self.bottom_share
        if share is not None:
            return round(share * standing)
        return self.top if self.top is not None else self.bottom or 0

    @property
    def _file(self) -> Path:
        assert self.head is not None
        return self.head


def check_aesthetic(section: Section) -> None:
    """Raise ConfigError where there is no head, nothing to choose by, or two ways at once."""
    params = section.read(AestheticFilter)
    if params.head is None:
        raise section.error(
            "head",
            "missing; expected a file with the weights of an aesthetic head for `model`: .safetensors, .pth or .npz, "
            "as LAION's aesthetic-predictor and improved-aesthetic-predictor publish them",
        )
    ends = [end for end in _ENDS if getattr(params, end) is not None]
    if len(ends) > 1:
        raise section.error(ends[1], f"expected one way to rank, and there is `{ends[0]}` already")
    if not ends or params.min is not None or params.max is not None:
        check_bounds(section, params.min, params.max, other=f"one of {', '.join(_ENDS)}")
