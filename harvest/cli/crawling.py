"""Commands that harvest: run, crawl."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from harvest import run as runner
from harvest.cli.options import EXISTING_FILE, common
from harvest.cli.terminal import Terminal
from harvest.crawl.several import CrawlReport, crawl_sources
from harvest.errors import CheckFailed
from harvest.run import RunReport
from harvest.workspace import Workspace

__all__ = ["crawl", "run"]

_MOST = click.IntRange(1, 64)
_processes = click.option(
    "--processes", type=_MOST, default=2, show_default=True, help="Sources crawled at the same time."
)
_limit = click.option("--limit", type=click.IntRange(1), help="Stop each source after this many images.")


@click.command()
@click.argument("recipe", type=EXISTING_FILE)
@click.option("--seed", type=click.IntRange(0), help="Seed of the layout, instead of the recipe's.")
@_processes
@_limit
@common
def run(
    *, workspace: Workspace, terminal: Terminal, recipe: Path, seed: int | None, processes: int, limit: int | None
) -> None:
    """Run all stages of a recipe, only what is missing; safe to stop and start."""
    plan = runner.prepare(recipe, seed=seed, weights=True)
    report = runner.run(workspace, plan, progress=terminal, processes=processes, limit=limit)
    terminal.result(report)
    _tell_run(terminal, report)


@click.command()
@click.argument("sources", nargs=-1, required=True, type=EXISTING_FILE)
@click.option("--processes", type=_MOST, help="Processes over all; more than sources share one source (default: 2).")
@click.option("--scheduler", metavar="URL", help="A Redis through which workers on many machines share one crawl.")
@click.option("--store", metavar="URL", help="Where originals go, from a workspace's first crawl on: s3://bucket/...")
@click.option("--retry-now", is_flag=True, help="Ask again also for what was to be left alone for a while.")
@_limit
@common
def crawl(
    *,
    workspace: Workspace,
    terminal: Terminal,
    sources: tuple[Path, ...],
    processes: int | None,
    scheduler: str | None,
    store: str | None,
    retry_now: bool,
    limit: int | None,
) -> int:
    """Crawl several sources, each in a process of its own or in many; continues crawls that were killed."""
    reports = crawl_sources(
        workspace,
        sources,
        processes=processes or 2,
        spread=processes is not None,
        scheduler=scheduler,
        store=store,
        retry_now=retry_now,
        limit=limit,
        progress=terminal,
    )
    terminal.result(reports)
    _table_of(terminal, reports)
    return max((report.exit_code for report in reports), default=0)


def _tell_run(terminal: Terminal, report: RunReport) -> None:
    """Say what a run did; raises CheckFailed when its audit found violations."""
    _table_of(terminal, report.crawls)
    for source in report.fresh:
        terminal.say(f"{source}: crawled already and young enough, nothing asked")
    rows = [
        (s.report.stage, s.report.done, s.report.skipped, s.report.dropped, f"{s.seconds:.1f} s") for s in report.steps
    ]
    terminal.table(["stage", "done", "there already", "dropped", "time"], rows)
    terminal.say(f"audit: {report.audit.html}")
    if not report.passed:
        raise CheckFailed("everything ran, and the audit found violations; its report names every image")


def _table_of(terminal: Terminal, reports: Sequence[CrawlReport]) -> None:
    columns = ("met", "stored", "known", "unchanged", "refused", "broken", "failed", "gone")
    rows = [(entry.source, *(entry.counts.get(column, 0) for column in columns), entry.outcome) for entry in reports]
    if rows:
        terminal.table(["source", *columns, "outcome"], rows)
