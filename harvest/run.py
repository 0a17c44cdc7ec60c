"""A recipe, stage by stage: crawl what is not fresh, then do what is missing of everything after."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harvest import export, review
from harvest.config.policy import Policy, default_policy, load_policy
from harvest.config.recipe import Recipe, load_recipe
from harvest.config.source import SourceConfig, load_source
from harvest.crawl.several import CrawlReport, crawl_sources
from harvest.errors import ConfigError, SourceError
from harvest.ledger import ingest_all, last_run, open_ledger, splits_of
from harvest.progress import Progress
from harvest.stages import (
    STAGES,
    StageReport,
    check_recipe,
    dedupe,
    embed,
    labelled_by,
    size_digests,
    split,
    stage_digests,
)
from harvest.stages import filters as judges
from harvest.workspace import Workspace

if TYPE_CHECKING:
    from harvest.audit import AuditReport, ReportFiles

__all__ = ["Plan", "RunReport", "Step", "filter_report", "prepare", "run", "run_stage", "split_report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A recipe with all that it refers to, read and validated before anything is asked of anybody."""

    recipe: Recipe
    sources: tuple[SourceConfig, ...]
    policy: Policy

    def digests(self, workspace: Workspace) -> Mapping[str, str]:
        """Deciding stage -> digest under which its decisions stand in `workspace` now."""
        return stage_digests(self.recipe, workspace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stage of a run, how long it took, and what it says about itself."""

    seconds: float
    report: StageReport


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a run did. `crawls` holds the sources that were asked, `fresh` those that were left alone."""

    recipe: str
    crawls: tuple[CrawlReport, ...]
    fresh: tuple[str, ...]
    steps: tuple[Step, ...]
    exports: tuple[str, ...]
    audit: ReportFiles
    passed: bool


def prepare(recipe_file: Path, *, seed: int | None = None, weights: bool = False) -> Plan:
    """Read a recipe and everything it names. Raises ConfigError.

    With `weights`, a model that is not on this machine raises WeightsMissing now, and not when its stage begins.
    """
    recipe = load_recipe(recipe_file)
    if seed is not None:
        recipe = dataclasses.replace(recipe, seed=seed)
    sources = tuple(load_source(file) for file in recipe.sources)
    names = [source.name for source in sources]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ConfigError(recipe_file, f"sources[{index}]", f"expected another name than {name!r}, which is taken")
    check_recipe(recipe, weights=weights)
    export.build(recipe)
    policy = load_policy(recipe.policy) if recipe.policy else default_policy()
    return Plan(recipe=recipe, sources=sources, policy=policy)


def run(
    workspace: Workspace, plan: Plan, *, progress: Progress, processes: int = 2, limit: int | None = None
) -> RunReport:
    """Bring a workspace up to its recipe: crawl, stages, exports, audit.

    What is there already is left as it is, so a run that was stopped, or killed, goes on where it was. Raises
    SourceError when a source could not be crawled; what the others brought is kept.
    """
    ingest_all(workspace)
    stale = [source for source in plan.sources if not _is_fresh(workspace, source)]
    crawls = crawl_sources(
        workspace, [source.file for source in stale], processes=processes, limit=limit, progress=progress
    )
    failed = [report for report in crawls if report.exit_code]
    if failed:
        raise SourceError("; ".join(f"{report.source}: {report.message}" for report in failed))
    steps = tuple(run_stage(workspace, plan, name, progress=progress) for name in STAGES)
    exports = export_all(workspace, plan, progress=progress)
    report, files = audit_all(workspace, plan, progress=progress)
    return RunReport(
        recipe=plan.recipe.name,
        crawls=tuple(crawls),
        fresh=tuple(source.name for source in plan.sources if source not in stale),
        steps=steps,
        exports=tuple(entry.name for entry in exports),
        audit=files,
        passed=report.passed,
    )


def run_stage(workspace: Workspace, plan: Plan, name: str, *, progress: Progress) -> Step:
    """Do what is missing of the stage `name`, and take its time."""
    started = time.monotonic()
    report = STAGES[name](workspace, plan.recipe, progress=progress)
    return Step(seconds=round(time.monotonic() - started, 2), report=report)


def export_all(
    workspace: Workspace, plan: Plan, *, progress: Progress, to: str | None = None
) -> list[export.ExportReport]:
    """Write the recipe's exports; with `to`, those of that format."""
    return export.run_exports(workspace, plan.recipe, progress=progress, to=to, **_export_terms(workspace, plan, to))


def check_all(workspace: Workspace, plan: Plan, *, to: str | None = None) -> list[export.Checked]:
    """Hold the recipe's exports against the gates of its policy, and write nothing."""
    return export.check_exports(workspace, plan.recipe, to=to, **_export_terms(workspace, plan, to))


def _export_terms(workspace: Workspace, plan: Plan, to: str | None) -> dict[str, Any]:
    """What exports have to be told of the recipe's stages."""
    wants_words = any(job.settings.labels == "model" for job in export.build(plan.recipe, to=to))
    return {
        "digests": plan.digests(workspace),
        "size_digests": size_digests(plan.recipe),
        "labelled_by": labelled_by(plan.recipe, workspace) if wants_words else (),
        "policy": plan.policy,
        "others": lambda file: stage_digests(load_recipe(file), workspace),
    }


def audit_all(workspace: Workspace, plan: Plan, *, progress: Progress) -> tuple[AuditReport, ReportFiles]:
    """Audit under the recipe's policy and write the report."""
    from harvest.audit import audit, write_report  # noqa: PLC0415 - what reads evidence is large, and stages have none

    report = audit(workspace, plan.policy, digests=plan.digests(workspace), progress=progress)
    return report, write_report(workspace, report)


def filter_report(
    workspace: Workspace, plan: Plan, *, progress: Progress
) -> tuple[review.ChoiceReport, review.ReportFiles]:
    """Write the report of what the recipe's filters chose, with pictures."""
    digests = plan.digests(workspace)
    written = [next(iter(entry.values.values())) or {} for entry in plan.recipe.filter]
    judgings = [
        review.Judging(
            stage=job.stage,
            digest=digests[job.stage],
            settings=settings,
            parameters=dataclasses.asdict(job.params),  # type: ignore[call-overload]
            bounds=_bounds(job.params, settings),
            has_one_number=not isinstance(job.params, judges.InSql),
        )
        for job, settings in zip(judges.build(plan.recipe), written, strict=True)
    ]
    copies = digests.get(dedupe.STAGE)
    return review.write_choice_report(workspace, plan.recipe.name, judgings, dedupe_digest=copies, progress=progress)


def split_report(
    workspace: Workspace, plan: Plan, *, progress: Progress
) -> tuple[review.SplitReport, review.ReportFiles]:
    """Write the report of the recipe's split, with the pairs that come nearest to each other across its borders.

    They are found by the vectors of the recipe's first model, or of the `pixels` where it has none; those that are
    missing are computed. Raises CheckFailed when nothing was split yet, and what embedding raises.
    """
    recipe = plan.recipe
    with open_ledger(workspace) as con:
        placed = splits_of(con, recipe.name)
    name = next(iter(embed.models_of(recipe)), "pixels")
    if placed:
        embed.embed_missing(workspace, recipe, name, progress=progress)
    return review.write_split_report(
        workspace,
        recipe.name,
        model=embed.model_id(workspace, name) if placed else None,
        labels=split.labels_of(workspace, recipe, list(placed)),
        progress=progress,
    )


def _bounds(params: object, settings: Mapping[str, Any]) -> tuple[review.Bound, ...]:
    """The numbers in columns of the ledger's images that a filter holds against what the recipe says."""
    if not isinstance(params, judges.InSql) or params.reads:
        return ()
    found = {}
    for case in params.cases():
        name = case.threshold.removeprefix("$")
        at = getattr(params, name, None)
        if name in settings and "$" not in case.value and isinstance(at, int | float):
            found[name] = review.Bound(name=name, column=case.value, at=float(at))
    return tuple(found.values())


def _is_fresh(workspace: Workspace, source: SourceConfig) -> bool:
    """Whether the last crawl of this very config ended well, and no longer ago than its `max_age_days`."""
    if not workspace.ledger.exists():
        return False
    with open_ledger(workspace) as con:
        last = last_run(con, source.name)
    if last is None or last.outcome != "finished" or last.config_digest != source.digest or not last.finished_at:
        return False
    age = datetime.now(UTC) - datetime.fromisoformat(last.finished_at)
    return age <= timedelta(days=source.max_age_days)
