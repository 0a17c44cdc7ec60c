"""Every filter of a recipe judges every image, and each verdict is a row with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from harvest.config.recipe import Recipe
from harvest.ledger import (
    count_images,
    decided,
    images,
    open_ledger,
    opt_outs,
    provenance,
    tally,
    write_decisions,
)
from harvest.ledger.rows import DecisionRow
from harvest.processes import batches
from harvest.progress import Progress
from harvest.stages import embed
from harvest.stages.filters import ByMeaning, Candidate, FilterJob, InSql, Judge, build
from harvest.stages.filters.columns import judged
from harvest.stages.report import StageReport
from harvest.workspace import Workspace

__all__ = ["STAGE", "filter_digests", "run_filter"]

STAGE = "filter"
_BATCH = 50_000  # rows that are written, and sealed, in one turn at the ledger: half a second or so


def run_filter(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Judge what each filter has not judged yet, embedding first what a filter by meaning needs.

    All filters see all images, so that a report can say what each took out and what only it did; filters by meaning
    leave out what dedupe dropped. A changed parameter makes that filter judge anew, from the vectors that are there.
    """
    jobs = build(recipe)
    for model in dict.fromkeys(job.params.model for job in jobs if isinstance(job.params, ByMeaning)):
        embed.embed_missing(workspace, recipe, model, progress=progress)
    digests = filter_digests(workspace, recipe)
    with open_ledger(workspace) as con:
        total = count_images(con)
    done = skipped = 0
    candidates = _Candidates(workspace, recipe)
    batched: Iterator[pa.Table] | Iterator[list[DecisionRow]]
    for job in jobs:
        digest = digests[job.stage]
        if isinstance(job.params, InSql):
            with open_ledger(workspace) as con:
                verdicts = judged(con, job.params, stage=job.stage, recipe_digest=digest)
            count, batched = len(verdicts), _slices(verdicts)
        else:
            todo = candidates.undecided(job, digest)
            count, batched = len(todo), _judged_singly(workspace, job, digest, todo)
        done, skipped = done + count, skipped + total - count
        if not count:
            continue
        with progress.start(job.stage, count) as task:
            for some in batched:
                with open_ledger(workspace, write=True) as con:
                    write_decisions(con, some)
                task.advance(len(some))
    with open_ledger(workspace) as con:
        found = tally(con, digests)
    return StageReport(
        stage=STAGE, done=done, skipped=skipped, kept=found.kept, dropped=found.dropped, detail=dict(found.by_stage)
    )


def filter_digests(workspace: Workspace, recipe: Recipe) -> dict[str, str]:
    """Stage -> recipe digest of each filter's decisions, in the recipe's order. Raises ConfigError, WeightsMissing."""
    return {
        job.stage: job.digest(
            embed.model_id(workspace, job.params.model) if isinstance(job.params, ByMeaning) else None
        )
        for job in build(recipe)
    }


class _Candidates:
    """The images for filters that judge one at a time; what is known of them is read once, however many filters ask."""

    def __init__(self, workspace: Workspace, recipe: Recipe) -> None:
        self._workspace = workspace
        self._recipe = recipe
        self._all: list[Candidate] | None = None

    def undecided(self, job: FilterJob, digest: str) -> list[Candidate]:
        """Those on which the filter has no verdict under `digest`, ordered by sha256."""
        with open_ledger(self._workspace) as con:
            known = decided(con, job.stage, digest)
            if isinstance(job.params, ByMeaning):
                known |= embed.copies(con, self._recipe)
            if self._all is None and len(known) < count_images(con):
                origins, refusals = provenance(con), opt_outs(con)
                self._all = [
                    Candidate(
                        image=image, origin=origins.get(image.sha256), signals=tuple(refusals.get(image.sha256, ()))
                    )
                    for image in images(con)
                ]
        return [candidate for candidate in self._all or () if candidate.image.sha256 not in known]


def _slices(verdicts: pa.Table) -> Iterator[pa.Table]:
    for first in range(0, len(verdicts), _BATCH):
        yield verdicts.slice(first, _BATCH)


def _judged_singly(
    workspace: Workspace, job: FilterJob, digest: str, todo: Sequence[Candidate]
) -> Iterator[list[DecisionRow]]:
    yield from batches(_rows(job, digest, _judge(workspace, job), todo), _BATCH, seconds=60)


def _judge(workspace: Workspace, job: FilterJob) -> Judge:
    if not isinstance(job.params, ByMeaning):
        return job.params.judge
    identity = embed.model_id(workspace, job.params.model)
    with open_ledger(workspace) as con:
        space = embed.LedgerSpace.of(con, job.params.model, identity)
    return job.params.judge_in(space)


def _rows(job: FilterJob, digest: str, judge: Judge, todo: Sequence[Candidate]) -> Iterator[DecisionRow]:
    for candidate in todo:
        verdict = judge(candidate)
        yield DecisionRow(
            sha256=candidate.image.sha256,
            stage=job.stage,
            recipe_digest=digest,
            verdict="keep" if verdict.keep else "drop",
            reason=verdict.reason,
            value=verdict.value,
            threshold=verdict.threshold,
            decided_by=f"{job.stage}/{job.params.version}",
        )
