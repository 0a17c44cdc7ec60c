"""Commands that harvest: run, crawl, demo."""

from __future__ import annotations

from pathlib import Path

import click

from harvest import run as runner
from harvest.cli.options import EXISTING_FILE, common
from harvest.cli.terminal import Terminal
from harvest.config.source import load_source
from harvest.crawl.process import crawl_sources
from harvest.demo.show import run_demo
from harvest.ledger import ingest_all
from harvest.workspace import Workspace

__all__ = ["crawl", "demo", "run"]

_processes = click.option(
    "--processes", type=click.IntRange(1, 64), default=2, show_default=True, help="Sources crawled at the same time."
)
_limit = click.option("--limit", type=click.IntRange(1), help="Stop each source after this many images.")


@click.command()
@click.argument("recipe", type=EXISTING_FILE)
@click.option("--seed", type=click.IntRange(0), help="Seed of the layout, instead of the recipe's.")
@_processes
@_limit
@common
def run(
    workspace: Workspace, terminal: Terminal, recipe: Path, seed: int | None, processes: int, limit: int | None
) -> int:
    """Run all stages of a recipe, only what is missing; safe to stop and start."""
    plan = runner.prepare(recipe, seed=seed)
    report = runner.run(workspace, plan, progress=terminal, processes=processes, limit=limit)
    terminal.result(report)
    return _told(terminal, report)


@click.command()
@click.argument("sources", nargs=-1, required=True, type=EXISTING_FILE)
@_processes
@_limit
@common
def crawl(
    workspace: Workspace, terminal: Terminal, sources: tuple[Path, ...], processes: int, limit: int | None
) -> int:
    """Crawl several sources, each in a process of its own; continues crawls that were killed."""
    configs = [load_source(source) for source in sources]
    ingest_all(workspace)
    reports = crawl_sources(workspace, configs, processes=processes, limit=limit, progress=terminal)
    terminal.result(reports)
    return max((report.exit_code for report in reports), default=0)


@click.command()
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the museum and the layout.")
@click.option("--scale", type=click.Choice(["small", "full"]), default="full", show_default=True)
@common
def demo(workspace: Workspace, terminal: Terminal, seed: int, scale: str) -> int:
    """Show the whole job, offline: crawl a loopback museum, and count what was found and missed."""
    report = run_demo(workspace, seed=seed, scale=scale, progress=terminal)
    terminal.result(report)
    return 0
