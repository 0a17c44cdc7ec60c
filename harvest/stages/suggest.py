"""The images that somebody should judge next for a recipe's choice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harvest.config.recipe import Recipe
from harvest.errors import ConfigError
from harvest.ledger import images_among, open_ledger, reviews, vectors
from harvest.progress import Progress
from harvest.stages import dedupe, embed
from harvest.stages.filter import STAGE, filter_digests
from harvest.stages.filters import ByVectors, FilterJob, build
from harvest.stages.filters.base import Grounded
from harvest.stages.filters.learned import LearnedFilter, Lesson
from harvest.stages.judging import said_of
from harvest.stages.spaces.doubt import next_to_judge
from harvest.workspace import Workspace

__all__ = ["Suggested", "heeding", "suggest"]

_REASONS = {
    "typical": "stands for many others; nothing was judged yet",
    "alike": "like the few of its kind that were judged",
    "unlike": "unlike everything that was judged",
    "doubtful": "in doubt",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """An image to judge, and why this one; `probability` that it is wanted, None while too little was judged."""

    sha256: str
    probability: float | None
    reason: str


def suggest(workspace: Workspace, recipe: Recipe, count: int, *, progress: Progress) -> list[Suggested]:
    """The `count` images whose judgement would teach the recipe's `learned` filter most, best first.

    They are chosen among those that dedupe and the filters before it do not drop and that nobody judged. Images without
    a vector get one first. Raises ConfigError where no filter names a model, WeightsMissing or ComponentMissing.
    """
    job = _teacher(recipe)
    assert isinstance(job.params, ByVectors)
    embed.embed_missing(workspace, recipe, job.params.model, progress=progress)
    digests = filter_digests(workspace, recipe)
    before = {stage: digests[stage] for stage in list(digests)[: list(digests).index(job.stage)]}
    with open_ledger(workspace) as con:
        said, _ = said_of(reviews(con, recipe.name, STAGE))
        there = images_among(
            con, kept_by={}, not_dropped_by={dedupe.STAGE: dedupe.dedupe_digest(con, recipe), **before}
        )
        sha256s, matrix = vectors(con, embed.model_id(workspace, job.params.model))
    names = np.array(sha256s, "S64")
    judged = np.isin(names, np.array(list(said), "S64"))
    open_ones = np.flatnonzero(np.isin(names, there) & ~judged)
    wanted = np.array([said[sha256s[at]] for at in np.flatnonzero(judged)], np.bool_)
    threshold = 0.5
    if isinstance(job.params, LearnedFilter):
        lesson = job.params.lesson({sha256s[at]: matrix[at] for at in np.flatnonzero(judged)}, said)
        threshold = lesson.threshold if isinstance(lesson, Lesson) else job.params.min_probability
    picks = next_to_judge(matrix[open_ones], matrix[judged], wanted, count, threshold=threshold)
    chances = [None] * len(picks.rows) if picks.probabilities is None else picks.probabilities.tolist()
    return [
        Suggested(
            sha256=sha256s[open_ones[row]],
            probability=chance,
            reason=_REASONS[reason] + ("" if chance is None else f": {chance:.0%} likely to be wanted"),
        )
        for row, chance, reason in zip(picks.rows.tolist(), chances, picks.reasons, strict=True)
    ]


def heeding(recipe: Recipe) -> tuple[str, ...]:
    """The filters of a recipe whose verdicts rest on what people said of images."""
    spoken = {"0" * 64: True}
    return tuple(
        job.stage
        for job in build(recipe)
        if isinstance(job.params, Grounded) and job.params.grounds(spoken) != job.params.grounds({})
    )


def _teacher(recipe: Recipe) -> FilterJob:
    """The recipe's `learned` filter; else its first one that judges by vectors: there is to be learned in its space."""
    jobs = build(recipe)
    found = next((job for job in jobs if isinstance(job.params, LearnedFilter)), None)
    found = found or next((job for job in jobs if isinstance(job.params, ByVectors)), None)
    if found is None:
        raise ConfigError(
            recipe.file, "filter", "no filter names a model to suggest images by; add `- learned: {model: ...}`"
        )
    return found
