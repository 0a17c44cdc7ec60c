"""Every filter of a recipe judges every image, and each verdict is a row with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harvest.config.recipe import Recipe
from harvest.ledger import decided, decisions, images, open_ledger, opt_outs, provenance, write_decisions
from harvest.ledger.rows import DecisionRow, ImageRow
from harvest.processes import batches
from harvest.progress import Progress
from harvest.stages import embed
from harvest.stages.filters import ByMeaning, Candidate, FilterJob, Judge, build
from harvest.stages.report import StageReport
from harvest.workspace import Workspace

__all__ = ["STAGE", "filter_digests", "run_filter"]

STAGE = "filter"
_BATCH = 5_000


def run_filter(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Judge what each filter has not judged yet, embedding first what a filter by meaning needs.

    All filters see all images, so that a report can say what each took out and what only it did; filters by meaning
    leave out what dedupe dropped. A changed parameter makes that filter judge anew, from the vectors that are there.
    """
    jobs = build(recipe)
    done = skipped = 0
    for model in dict.fromkeys(job.params.model for job in jobs if isinstance(job.params, ByMeaning)):
        embed.embed_missing(workspace, recipe, model, progress=progress)
    digests = filter_digests(workspace, recipe)
    candidates = _Candidates(workspace, recipe, jobs, digests)
    for job in jobs:
        todo = candidates.undecided[job.stage]
        done, skipped = done + len(todo), skipped + len(candidates) - len(todo)
        if not todo:
            continue
        judge = _judge(workspace, job)
        with progress.start(job.stage, len(todo)) as task:
            for batch in batches(_rows(job, digests[job.stage], judge, todo), _BATCH, seconds=60):
                with open_ledger(workspace, write=True) as con:
                    write_decisions(con, batch)
                task.advance(len(batch))
    kept, dropped, detail = _tally(workspace, digests)
    return StageReport(stage=STAGE, done=done, skipped=skipped, kept=kept, dropped=dropped, detail=detail)


def filter_digests(workspace: Workspace, recipe: Recipe) -> dict[str, str]:
    """Stage -> recipe digest of each filter's decisions, in the recipe's order. Raises ConfigError, WeightsMissing."""
    return {
        job.stage: job.digest(
            embed.model_id(workspace, job.params.model) if isinstance(job.params, ByMeaning) else None
        )
        for job in build(recipe)
    }


class _Candidates:
    """The images to judge, by stage; what is known of them is read once, however many filters ask."""

    def __init__(
        self, workspace: Workspace, recipe: Recipe, jobs: Sequence[FilterJob], digests: Mapping[str, str]
    ) -> None:
        with open_ledger(workspace) as con:
            everything, copies = images(con), embed.copies(con, recipe)
            todo: dict[str, list[ImageRow]] = {}
            for job in jobs:
                known = decided(con, job.stage, digests[job.stage])
                if isinstance(job.params, ByMeaning):
                    known |= copies
                todo[job.stage] = [image for image in everything if image.sha256 not in known]
            wanted = {image.sha256: image for some in todo.values() for image in some}
            origins = provenance(con, list(wanted)) if wanted else {}
            refusals = opt_outs(con) if wanted else {}
        candidates = {
            sha256: Candidate(image=image, origin=origins.get(sha256), signals=tuple(refusals.get(sha256, ())))
            for sha256, image in wanted.items()
        }
        self._count = len(everything)
        self.undecided = {stage: [candidates[image.sha256] for image in some] for stage, some in todo.items()}

    def __len__(self) -> int:
        return self._count


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


def _tally(workspace: Workspace, digests: Mapping[str, str]) -> tuple[int, int, dict[str, object]]:
    """How many images every filter kept, how many at least one dropped, and both for each filter."""
    counts = {stage: {"keep": 0, "drop": 0} for stage in digests}
    verdicts: dict[str, bool] = {}
    with open_ledger(workspace) as con:
        for row in decisions(con, digests):
            counts[row.stage][row.verdict] += 1
            verdicts[row.sha256] = verdicts.get(row.sha256, True) and row.verdict == "keep"
    kept = sum(verdicts.values())
    return kept, len(verdicts) - kept, dict(counts)
