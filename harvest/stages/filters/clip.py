"""Keep what looks like the words that are wanted rather than those that are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harvest.config.reader import Section, setting
from harvest.stages.filters.base import Asked, Judged

__all__ = ["ClipFilter", "check_prompts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFilter:
    """Prompts in words. The score of an image is its best cosine with `keep` less its best cosine with `reject`.

    It passes with a score of at least `margin` and, where `min_score` is given, a best `keep` cosine of at least that.
    Without `reject` the score is the best `keep` cosine alone and `margin` is not looked at. Cosines of real models lie
    close together (0.15 to 0.35 for ViT-B-32), so that margins are small.
    """

    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False
    model: str
    keep: tuple[str, ...]
    reject: tuple[str, ...] = ()
    margin: float = setting(0.0, ge=-2, le=2)
    min_score: float | None = setting(None, ge=-1, le=1)

    def grounds(self, said: Mapping[str, bool]) -> Mapping[str, object]:  # noqa: ARG002
        """Nothing but the parameters and the weights."""
        return {}

    def judge_all(self, asked: Asked) -> Judged:
        """Embeds the prompts; the images' vectors are there already."""
        liked, best = _closest(asked.vectors, asked.texts(self.keep))
        least = np.full(len(best), np.nan if self.min_score is None else self.min_score)
        weak = best < least
        fits = [f"{self.keep[at]!r} fits at {cosine:.3f}" for at, cosine in zip(liked, best.tolist(), strict=True)]
        if not self.reject:
            return Judged(keep=~weak, reason=fits, value=best, threshold=least)
        disliked, worst = _closest(asked.vectors, asked.texts(self.reject))
        score = np.round(best - worst, 6)
        passed = score >= self.margin
        rows = zip(liked.tolist(), best.tolist(), disliked.tolist(), worst.tolist(), passed.tolist(), strict=True)
        against = [self._against(*row) for row in rows]
        return Judged(
            keep=passed & ~weak,
            reason=[
                fit if is_weak else words for fit, words, is_weak in zip(fits, against, weak.tolist(), strict=True)
            ],
            value=np.where(weak, best, score),
            threshold=np.where(weak, least, self.margin),
        )

    def _against(self, liked: int, best: float, disliked: int, worst: float, passed: bool) -> str:
        good, bad = f"{self.keep[liked]!r} ({best:.3f})", f"{self.reject[disliked]!r} ({worst:.3f})"
        return f"{good} against {bad}" if passed else f"{bad} against {good}"


def check_prompts(section: Section) -> None:
    """Raise ConfigError where there is nothing to keep, or nothing that could ever be dropped."""
    params = section.read(ClipFilter)
    if not params.keep:
        raise section.error("keep", "expected at least one prompt, got none")
    if not params.reject and params.min_score is None:
        raise section.error("reject", "missing; expected prompts to hold against `keep`, or a `min_score`")


def _closest(vectors: NDArray[np.float32], texts: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of each image (n, d), which of the texts (m, d) is nearest, and at which cosine: both (n,)."""
    cosines = vectors @ texts.T
    nearest = np.argmax(cosines, axis=1)
    return nearest, cosines[np.arange(len(vectors)), nearest].astype(np.float64)
