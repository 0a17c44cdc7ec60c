"""Every filter of a recipe judges every image, and each verdict is a row with its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from harvest import measuring
from harvest.config.recipe import Recipe
from harvest.ledger import (
    StageTally,
    count_images,
    images_among,
    latest_stage,
    open_ledger,
    record_stage,
    reviews,
    tally,
    write_decisions,
)
from harvest.progress import Progress
from harvest.stages import dedupe, embed
from harvest.stages.filters import ByScore, ByVectors, FilterJob, build
from harvest.stages.filters.base import Advising
from harvest.stages.judging import BLOCK, Turn, judge_set, judge_undecided, said_of
from harvest.stages.report import StageReport
from harvest.stages.vectors import embed_all, model_id
from harvest.workspace import Workspace

__all__ = ["STAGE", "filter_digests", "run_filter"]

STAGE = "filter"


def run_filter(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Judge what each filter has not judged yet; what it needs to know of images is embedded or measured first.

    All filters see all images, so that a report can say what each took out and what only it did; those that look at
    pictures leave out what dedupe dropped. A filter whose verdicts hang on the whole set sees what dedupe and the
    filters before it keep, and judges anew whenever that changes. A changed parameter makes that filter judge anew,
    from the vectors and numbers that are there.
    """
    jobs = build(recipe)
    _look(workspace, recipe, jobs, progress)
    judges = _Judges.of(workspace, recipe, jobs)
    _advise(recipe, jobs, judges, progress)
    digests: dict[str, str] = {}
    done = 0
    for job in jobs:
        judge = _judge_set if _is_whole(job) else _judge_undecided
        done += judge(judges, job, digests, progress)
    with open_ledger(workspace) as con:
        found, total = tally(con, digests), count_images(con)
    return StageReport(
        stage=STAGE,
        done=done,
        skipped=total * len(jobs) - done,
        kept=found.kept,
        dropped=found.dropped,
        detail={stage: _told(counts) for stage, counts in found.by_stage.items()},
    )


def filter_digests(workspace: Workspace, recipe: Recipe) -> dict[str, str]:
    """Stage -> recipe digest of each filter's decisions in force, in the recipe's order.

    A filter that judges a whole set has those of the newest set that it saw; images that came later have none until it
    ran again. Raises ConfigError, WeightsMissing and ComponentMissing.
    """
    jobs = build(recipe)
    judges = _Judges.of(workspace, recipe, jobs)
    digests: dict[str, str] = {}
    with open_ledger(workspace) as con:
        for job in jobs:
            last = latest_stage(con, job.stage, recipe.name) if _is_whole(job) else None
            inputs = last.input_digest if last else ""
            digests[job.stage] = (
                judges.digest(job, after=digests, inputs=inputs) if _is_whole(job) else judges.digest(job)
            )
    return digests


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judges:
    """What filters judge by beside their parameters.

    `identities` holds the model or detector of each, by stage; `copies` the stage (-> recipe_digest) that tells which
    images are copies; `said` and `words` what people said of images, and why and who.
    """

    workspace: Workspace
    recipe: str
    identities: Mapping[str, str | None]
    copies: Mapping[str, str]
    said: Mapping[str, bool]
    words: Mapping[str, str]

    @classmethod
    def of(cls, workspace: Workspace, recipe: Recipe, jobs: Sequence[FilterJob]) -> _Judges:
        identities = {job.stage: _identity(workspace, job) for job in jobs}
        with open_ledger(workspace) as con:
            copies = {dedupe.STAGE: dedupe.dedupe_digest(con, recipe)}
            said, words = said_of(reviews(con, recipe.name, STAGE))
        return cls(
            workspace=workspace, recipe=recipe.name, identities=identities, copies=copies, said=said, words=words
        )

    def digest(self, job: FilterJob, *, after: Mapping[str, str] | None = None, inputs: str | None = None) -> str:
        """The recipe digest of a filter's decisions; for one that judges a whole set, those that chose the set, too."""
        return job.digest(self.identities[job.stage], said=self.said, after=after, inputs=inputs)

    def turn(self, job: FilterJob, digest: str) -> Turn:
        return Turn(
            workspace=self.workspace,
            recipe=self.recipe,
            job=job,
            digest=digest,
            identity=self.identities[job.stage],
            copies=self.copies,
            said=self.said,
            words=self.words,
        )


def _is_whole(job: FilterJob) -> bool:
    return isinstance(job.params, ByVectors) and job.params.whole


def _identity(workspace: Workspace, job: FilterJob) -> str | None:
    if isinstance(job.params, ByVectors):
        return model_id(workspace, job.params.model)
    if isinstance(job.params, ByScore):
        return measuring.identify(workspace, job.params.scorer)
    return None


def _look(workspace: Workspace, recipe: Recipe, jobs: Sequence[FilterJob], progress: Progress) -> None:
    """Embed and measure what filters need and is not there."""
    models = [job.params.model for job in jobs if isinstance(job.params, ByVectors)]
    scorers = [job.params.scorer for job in jobs if isinstance(job.params, ByScore)]
    if not models and not scorers:
        return
    with open_ledger(workspace) as con:
        left_out = embed.copies(con, recipe)
    if models:
        embed_all(workspace, models, progress=progress, left_out=left_out)
    if scorers:
        measuring.measure(workspace, scorers, progress=progress, left_out=left_out)


def _advise(recipe: Recipe, jobs: Sequence[FilterJob], judges: _Judges, progress: Progress) -> None:
    """Say what people have to do before a filter can judge."""
    for job in jobs:
        if isinstance(job.params, Advising) and (missing := job.params.advice(judges.said)):
            progress.say(f"{job.stage}: {missing}; `harvest review {recipe.file} --suggest 20 --report` shows the next")


def _judge_undecided(judges: _Judges, job: FilterJob, digests: dict[str, str], progress: Progress) -> int:
    """Let a filter judge what it has not judged yet; how many images that were. Its digest is added to `digests`."""
    digests[job.stage] = digest = judges.digest(job)
    count, tables = judge_undecided(judges.turn(job, digest))
    if count:
        _write(judges.workspace, job, tables, count, progress)
    return count


def _judge_set(judges: _Judges, job: FilterJob, digests: dict[str, str], progress: Progress) -> int:
    """Let a filter judge the whole set that those before it keep, unless it has; how many images that were.

    Its digest is added to `digests`, which holds those of the filters before it.
    """
    with open_ledger(judges.workspace) as con:
        sha256s = images_among(con, kept_by=digests, not_dropped_by=judges.copies)
        last = latest_stage(con, job.stage, judges.recipe)
    inputs = hashlib.sha256(sha256s.tobytes()).hexdigest()
    digests[job.stage] = digest = judges.digest(job, after=dict(digests), inputs=inputs)
    if last is not None and last.recipe_digest == digest:
        return 0
    table, detail = judge_set(judges.turn(job, digest), sha256s)
    tables = (table.slice(first, BLOCK) for first in range(0, len(table), BLOCK))
    _write(judges.workspace, job, tables, len(table), progress)
    with open_ledger(judges.workspace, write=True) as con:
        record_stage(con, job.stage, judges.recipe, digest, inputs, {"images": len(sha256s), **detail})
    return len(sha256s)


def _write(workspace: Workspace, job: FilterJob, tables: Iterable[pa.Table], count: int, progress: Progress) -> None:
    with progress.start(job.stage, count) as task:
        for table in tables:
            with open_ledger(workspace, write=True) as con:
                write_decisions(con, table)
            task.advance(len(table))


def _told(counts: StageTally) -> dict[str, Any]:
    told: dict[str, Any] = {"keep": counts.kept, "drop": counts.dropped, "only": counts.only}
    if counts.thresholds is not None:
        least, most = counts.thresholds
        told["threshold"] = least if least == most else [least, most]
    return told
