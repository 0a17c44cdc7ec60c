"""Keep what looks like the words that are wanted rather than those that are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harvest.config.reader import Section, setting
from harvest.stages.filters.base import Candidate, Judge, Space, Verdict, drop, keep

__all__ = ["ClipFilter", "check_prompts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFilter:
    """Prompts in words. The score of an image is its best cosine with `keep` less its best cosine with `reject`.

    It passes with a score of at least `margin` and, where `min_score` is given, a best `keep` cosine of at least that.
    Without `reject` the score is the best `keep` cosine alone and `margin` is not looked at. Cosines of real models lie
    close together (0.15 to 0.35 for ViT-B-32), so that margins are small.
    """

    version: ClassVar[int] = 1
    model: str
    keep: tuple[str, ...]
    reject: tuple[str, ...] = ()
    margin: float = setting(0.0, ge=-2, le=2)
    min_score: float | None = setting(None, ge=-1, le=1)

    def judge_in(self, space: Space) -> Judge:
        """Embeds the prompts; the images' vectors are there already."""
        wanted, unwanted = space.texts(self.keep), space.texts(self.reject) if self.reject else None

        def judge(candidate: Candidate) -> Verdict:
            vector = space.image(candidate.image.sha256)
            if vector is None:
                return drop("does not decode, so nobody knows what it shows")
            return self._verdict(vector, wanted, unwanted)

        return judge

    def _verdict(
        self, vector: NDArray[np.float32], wanted: NDArray[np.float32], unwanted: NDArray[np.float32] | None
    ) -> Verdict:
        liked, best = _closest(vector, wanted, self.keep)
        if self.min_score is not None and best < self.min_score:
            return drop(f"{liked!r} fits at {best:.3f}", best, self.min_score)
        if unwanted is None:
            return keep(f"{liked!r} fits at {best:.3f}", best, self.min_score)
        disliked, worst = _closest(vector, unwanted, self.reject)
        score = round(best - worst, 6)
        if score < self.margin:
            return drop(f"{disliked!r} ({worst:.3f}) against {liked!r} ({best:.3f})", score, self.margin)
        return keep(f"{liked!r} ({best:.3f}) against {disliked!r} ({worst:.3f})", score, self.margin)


def check_prompts(section: Section) -> None:
    """Raise ConfigError where there is nothing to keep, or nothing that could ever be dropped."""
    params = section.read(ClipFilter)
    if not params.keep:
        raise section.error("keep", "expected at least one prompt, got none")
    if not params.reject and params.min_score is None:
        raise section.error("reject", "missing; expected prompts to hold against `keep`, or a `min_score`")


def _closest(vector: NDArray[np.float32], texts: NDArray[np.float32], prompts: Sequence[str]) -> tuple[str, float]:
    cosines = texts @ vector
    index = int(np.argmax(cosines))
    return prompts[index], float(cosines[index])
