"""How images are judged by what they lie close to: bounds on cosines, the best so many, or a bound that is found.

What filters by words and filters by examples share. Scores are cosines, or differences of cosines; none is turned into
a probability, which would depend on a model's temperature and on whatever prompts happen to stand beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harvest.config.reader import Section, setting
from harvest.stages.filters.base import Asked, Judged
from harvest.stages.filters.reviewed import said_digest
from harvest.stages.spaces.cuts import LEAST_SAID, Cut, best, enough, found, judged, otsu, valley

__all__ = ["Anchors", "ByLikeness", "check_bounds"]

_ROWS = 65_536  # images compared in one go
_FEW = f"nobody has judged {LEAST_SAID} images of either kind yet, so all of them stay"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """Points (m, d) of unit length to compare images with, and what each is called."""

    names: Sequence[str]
    vectors: NDArray[np.float32]

    def called(self, places: NDArray[np.int64]) -> list[str]:
        """The names at these places, as reasons quote them."""
        quoted = [repr(name) for name in self.names]
        return [quoted[at] for at in places.tolist()]

    def nearest(self, vectors: NDArray[np.float32]) -> tuple[NDArray[np.int64], Floats]:
        """Of each image (n, d), which anchor is nearest, and at which cosine: both (n,)."""
        nearest = np.empty(len(vectors), np.int64)
        cosines = np.empty(len(vectors), np.float64)
        for first in range(0, len(vectors), _ROWS):
            block = vectors[first : first + _ROWS] @ self.vectors.T
            part = slice(first, first + len(block))
            nearest[part] = np.argmax(block, axis=1)
            cosines[part] = block[np.arange(len(block)), nearest[part]]
        return nearest, cosines


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """Images with their score: the best cosine with what is wanted, less the best one with what is not."""

    wanted: Anchors
    unwanted: Anchors | None
    liked: NDArray[np.int64]
    cosines: Floats
    disliked: NDArray[np.int64]
    others: Floats

    @classmethod
    def of(cls, vectors: NDArray[np.float32], wanted: Anchors, unwanted: Anchors | None) -> _Scored:
        liked, cosines = wanted.nearest(vectors)
        disliked, others = unwanted.nearest(vectors) if unwanted else (liked, np.zeros(len(liked)))
        return cls(wanted=wanted, unwanted=unwanted, liked=liked, cosines=cosines, disliked=disliked, others=others)

    @property
    def scores(self) -> Floats:
        """(n,); rounded where it is a difference, whose last digits are noise."""
        return self.cosines if self.unwanted is None else np.round(self.cosines - self.others, 6)

    def reasons(self, *, alone: NDArray[np.bool_], favoured: NDArray[np.bool_]) -> list[str]:
        """What each image is nearest to: with what is wanted `alone`, else what is `favoured` of the two first."""
        good = zip(self.wanted.called(self.liked), self.cosines.tolist(), strict=True)
        if self.unwanted is None:
            return [f"{name} fits at {cosine:.3f}" for name, cosine in good]
        bad = zip(self.unwanted.called(self.disliked), self.others.tolist(), strict=True)
        rows = zip(good, bad, alone.tolist(), favoured.tolist(), strict=True)
        return [_against(*row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class ByLikeness:
    """The bounds of a filter that compares images with what is wanted and what is not.

    `min_score` is the least cosine with what is wanted, `margin` the least difference to what is not: 0, unless scores
    are cut in another way, and not looked at where nothing is unwanted. Of images that pass both, `top` keeps the best
    so many and `share` the best part of all. `threshold` finds the least score: in the `valley` between two hills of
    scores, by `otsu`, from what people `judged` (the lowest one above which `precision` of the judged images are to be
    kept), or by the first of judged, valley and otsu that can (`auto`).
    """

    version: ClassVar[int] = 1
    margin: float | None = setting(None, ge=-2, le=2)
    min_score: float | None = setting(None, ge=-1, le=1)
    top: int | None = setting(None, ge=1)
    share: float | None = setting(None, gt=0, le=1)
    threshold: str | None = setting(None, choices=("auto", "valley", "otsu", "judged"))
    precision: float = setting(0.9, gt=0, le=1)

    @property
    def whole(self) -> bool:
        """Whether the verdict on an image depends on the others."""
        return self.top is not None or self.share is not None or self.threshold is not None

    def grounds(self, said: Mapping[str, bool]) -> Mapping[str, object]:
        """What people said, where a bound is found from that."""
        return {"said": said_digest(said)} if self.threshold in {"auto", "judged"} else {}

    def advice(self, said: Mapping[str, bool]) -> str | None:
        """What people have to do before they can be learned from."""
        if self.threshold != "judged" or enough(list(said.values())):
            return None
        return f"`threshold: judged` needs {LEAST_SAID} images judged as ones to keep, and {LEAST_SAID} to drop"

    def compare(self, asked: Asked, wanted: Anchors, unwanted: Anchors | None) -> Judged:
        """The verdicts on images by their cosines with what is wanted and what is not."""
        found = _Scored.of(asked.vectors, wanted, unwanted)
        scores = found.scores
        weak = found.cosines < (-math.inf if self.min_score is None else self.min_score)
        margin = self.margin if self.margin is not None or self.whole else 0.0
        short = scores < (-math.inf if unwanted is None or margin is None else margin)
        bound = self.min_score if unwanted is None else margin
        threshold = np.full(len(scores), math.nan if bound is None else bound)
        threshold[weak] = math.nan if self.min_score is None else self.min_score
        keep = ~(weak | short)
        reasons = found.reasons(alone=weak, favoured=scores >= (margin or 0.0))
        detail: Mapping[str, Any] = {}
        if self.whole and keep.any():
            left = np.flatnonzero(keep)
            stay, bound, added, detail = self._cut(asked, scores, left)
            keep[left], threshold[left] = stay, bound
            for at, words in zip(left.tolist(), added, strict=True):
                reasons[at] += words
        value = np.where(weak, found.cosines, scores)
        return Judged(keep=keep, reason=reasons, value=value, threshold=threshold, detail=detail)

    def _cut(
        self, asked: Asked, scores: Floats, left: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], float, Sequence[str], Mapping[str, Any]]:
        """Of the images that are `left`, which stay, by which score, in what words each; and how that was found."""
        count = self.top if self.share is None else max(1, round(self.share * len(scores)))
        if count is not None:
            stay, ranks = best(scores[left], count)
            words = f"the best {min(count, len(scores)):,} of {len(scores):,} stay"
            told = [f"; number {rank:,}, and {words}" for rank in ranks.tolist()]
            bound = float(scores[left][stay].min())
            return stay, bound, told, {"cut": {"method": "best", "threshold": bound, "words": words}}
        cut = self._found(asked, scores)
        if cut is None:
            told = [f"; {_FEW}"] * len(left)
            return np.ones(len(left), np.bool_), math.nan, told, {"cut": {"method": "judged", "words": _FEW}}
        stay = scores[left] >= cut.threshold
        told = [f"; {'above' if stays else 'below'} {cut.threshold:.3f}, {cut.by}" for stays in stay.tolist()]
        figures = {"method": cut.method, "threshold": cut.threshold, "words": cut.words, **cut.detail}
        return stay, cut.threshold, told, {"cut": figures}

    def _found(self, asked: Asked, scores: Floats) -> Cut | None:
        """The least score, found from all of them; None where people have judged too few to find it from."""
        places = np.flatnonzero(np.isin(asked.sha256s, list(asked.said)))
        said = {int(at): asked.said[str(asked.sha256s[at])] for at in places}
        if self.threshold == "otsu":
            return otsu(scores)
        if self.threshold == "valley":
            flat = "Otsu's criterion, for there are no two hills of scores"
            return valley(scores) or replace(otsu(scores), by=flat)
        if self.threshold == "auto":
            return found(scores, said, precision=self.precision)
        return judged(scores, said, precision=self.precision) if enough(list(said.values())) else None


def check_bounds(section: Section, *, unwanted: str) -> None:
    """Raise ConfigError for bounds that contradict each other, or where there is nothing that could ever be dropped.

    `unwanted` is the key under which a filter has what images are held against.
    """
    given = [key for key in ("top", "share", "threshold") if section.values.get(key) is not None]
    if len(given) > 1:
        raise section.error(given[1], f"stands beside `{given[0]}`; only one of top, share and threshold can cut")
    if "precision" in section.values and section.values.get("threshold") not in {"auto", "judged"}:
        raise section.error("precision", "counts only with `threshold: judged` or `threshold: auto`")
    if not given and not section.values.get(unwanted) and section.values.get("min_score") is None:
        raise section.error(
            unwanted,
            "missing; expected what to hold images against, or a `min_score`, `top`, `share` or `threshold`",
        )


def _against(good: tuple[str, float], bad: tuple[str, float], alone: bool, favoured: bool) -> str:
    if alone:
        return f"{good[0]} fits at {good[1]:.3f}"
    first, second = (good, bad) if favoured else (bad, good)
    return f"{first[0]} ({first[1]:.3f}) against {second[0]} ({second[1]:.3f})"
