"""Keep what looks like what people kept rather than like what they dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harvest.config.reader import Section, setting
from harvest.stages.filters.base import Asked, Judged
from harvest.stages.filters.reviewed import by_hand, said_digest
from harvest.stages.spaces.cuts import judged
from harvest.stages.spaces.logistic import Classifier, learn

__all__ = ["LearnedFilter", "Lesson", "check_learned"]

_EACH = 2  # of either kind, at least: fewer cannot be tested on one another


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What was learned from judged images: the classifier, which of them were wanted (n,), and the threshold."""

    classifier: Classifier
    wanted: NDArray[np.bool_]
    threshold: float

    @property
    def right(self) -> int:
        """How many of the judged images it judges as people did, when it has not seen them."""
        return int(((self.classifier.held_out >= self.threshold) == self.wanted).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedFilter:
    """Learns from `harvest review --of filter`, and drops what is wanted with less than `min_probability`.

    Images that people judged keep their verdict. With fewer than `min_judgements`, or less than two of either kind,
    nothing else is dropped. `min_precision` chooses the threshold instead: the lowest at which so large a share of the
    judged images above it was wanted, each judged by a classifier that had not seen it. People who judge what is in
    doubt first judge the hard ones, so that precision is rather better for the rest.
    """

    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False
    model: str
    min_probability: float = setting(0.5, ge=0, le=1)
    min_precision: float | None = setting(None, gt=0, le=1)
    min_judgements: int = setting(20, ge=2 * _EACH)

    def grounds(self, said: Mapping[str, bool]) -> Mapping[str, object]:
        """What people said."""
        return {"said": said_digest(said)}

    def advice(self, said: Mapping[str, bool]) -> str | None:
        """What there has to be before it judges; None when there is enough."""
        wanted = sum(said.values())
        if len(said) < self.min_judgements:
            return f"nothing learned yet: {len(said)} of at least {self.min_judgements} images judged"
        if min(wanted, len(said) - wanted) < _EACH:
            return (
                f"nothing learned yet: {wanted} images kept by hand and {len(said) - wanted} dropped, {_EACH} of "
                "either kind are needed"
            )
        return None

    def lesson(self, known: Mapping[str, NDArray[np.float32]], said: Mapping[str, bool]) -> Lesson | str:
        """What is learned from the judged images that have a vector (d,), or why nothing is."""
        examples = {sha256: said[sha256] for sha256 in sorted(said) if sha256 in known}
        missing = self.advice(examples)
        if missing is not None:
            return missing
        wanted = np.array(list(examples.values()))
        classifier = learn(np.stack([known[sha256] for sha256 in examples]), wanted)
        threshold = self.min_probability
        if self.min_precision is not None:
            said_of = dict(enumerate(wanted.tolist()))
            threshold = judged(classifier.held_out, said_of, precision=self.min_precision).threshold
        return Lesson(classifier=classifier, wanted=wanted, threshold=threshold)

    def judge_all(self, asked: Asked) -> Judged:
        """By the classifier, and by hand where somebody judged."""
        n = len(asked.sha256s)
        lesson = self.lesson(asked.known(list(asked.said)), asked.said)
        if isinstance(lesson, str):
            keep, value, threshold = np.ones(n, np.bool_), np.full(n, np.nan), np.full(n, np.nan)
            reason = [lesson] * n
        else:
            value = lesson.classifier.probabilities(asked.vectors)
            threshold = np.full(n, lesson.threshold)
            keep = value >= threshold
            learned = f"as learned from {len(lesson.wanted)} judged ones; right on {lesson.right} of them unseen"
            reason = [f"{share:.1%} likely to be wanted, {learned}" for share in value.tolist()]
        for at, sha256 in enumerate(asked.sha256s.tolist()):
            if sha256 in asked.said:
                keep[at], value[at], threshold[at] = asked.said[sha256], np.nan, np.nan
                reason[at] = by_hand(asked.said[sha256], asked.words.get(sha256, "no reason given"))
        return Judged(keep=keep, reason=reason, value=value, threshold=threshold)


def check_learned(section: Section) -> None:
    """Raise ConfigError where two thresholds are asked for."""
    if {"min_probability", "min_precision"} <= section.values.keys():
        raise section.error("min_precision", "stands beside `min_probability`; expected one of them")
