"""Commands that harvest: run, crawl, demo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from harvest import run as runner
from harvest.cli.options import EXISTING_FILE, common
from harvest.cli.terminal import Terminal
from harvest.crawl.several import CrawlReport, crawl_sources
from harvest.demo.museum.plan import Scale
from harvest.demo.show import run_demo
from harvest.errors import CheckFailed, UsageError
from harvest.joining import join
from harvest.run import RunReport
from harvest.scale.ingest import IngestReport, is_result, take_result
from harvest.takedown import finish
from harvest.workspace import Workspace

__all__ = ["crawl", "demo", "ingest", "run", "tell_run"]

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
    tell_run(terminal, report)


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


@click.command()
@click.argument("folders", nargs=-1, metavar="[FOLDER|URL]...")
@common
def ingest(*, workspace: Workspace, terminal: Terminal, folders: tuple[str, ...]) -> None:
    """Bring journals into the ledger: this workspace's, those of other workspaces with their images, and results.

    A result is what `harvest scale` left in a folder or store.
    """
    results = [folder for folder in folders if is_result(folder)]
    journals = [_existing(folder) for folder in folders if folder not in results]
    report = join(workspace, journals, progress=terminal)
    taken = [take_result(workspace, url, progress=terminal) for url in results]
    terminal.result({**asdict(report), "results": taken})
    if report.refused or report.tombstones:
        gone = finish(workspace, progress=terminal)
        terminal.say(
            f"{report.refused:,} originals did not come, {report.tombstones:,} more images count as taken down, and "
            f"{len(gone.removed):,} things of such images were taken away"
        )
    rows = [(name, getattr(report, name)) for name in ("runs", "sightings", "originals", "derived", "evidence")]
    terminal.table(["came in", ""], rows)
    for result in taken:
        _tell_result(terminal, result)
    if report.missing:
        raise CheckFailed(f"{len(report.missing):,} files are not there to be copied; the first: {report.missing[0]}")
    if unknown := sum(result.unknown for result in taken):
        raise CheckFailed(
            f"{unknown:,} images of results are not in this ledger, and nothing of them came: ingest the workspaces "
            "that crawled them, then these results again"
        )


def _existing(folder: str) -> Path:
    if not Path(folder).is_dir():
        raise UsageError(f"{folder}: expected a workspace, or a result of `harvest scale`, and there is none")
    return Path(folder)


def _tell_result(terminal: Terminal, result: IngestReport) -> None:
    rows = [*result.rows.items(), ("files of sizes", result.files)]
    terminal.table([f"of the result of {result.recipe}", "new"], rows)
    if result.refused:
        terminal.say(f"{result.refused:,} images were taken down since, and nothing of them came")
    if result.gone:
        terminal.say(f"{result.gone:,} originals were not where workers looked for them; `harvest verify` lists such")


@click.command()
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the museum and the layout.")
@click.option(
    "--scale", type=click.Choice(["small", "full"]), default="full", show_default=True, help="How large the museum is."
)
@common
def demo(*, workspace: Workspace, terminal: Terminal, seed: int, scale: Scale) -> None:
    """Show the whole job, offline: crawl a loopback museum, and count what was found and missed."""
    report = run_demo(workspace, seed=seed, scale=scale, progress=terminal)
    terminal.result(report)
    columns, rows = report.scoreboard.to_rows()
    terminal.table(columns, rows, title="\nWhat was planted in the museum, and what became of it")
    terminal.table(
        ["goal", "", ""], [(g.what, g.measured, "met" if g.met else "MISSED") for g in report.scoreboard.goals]
    )
    terminal.say("")
    for name, path in report.pictures.items():
        terminal.say(f"{name:>16}  {path}")
    if not report.scoreboard.met:
        raise CheckFailed("the demo missed a goal; the table above says which")


def tell_run(terminal: Terminal, report: RunReport) -> None:
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
