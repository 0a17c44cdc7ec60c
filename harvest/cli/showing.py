"""The whole job, shown on a museum of the program's own."""

from __future__ import annotations

import click

from harvest.cli.options import common
from harvest.cli.terminal import Terminal
from harvest.demo.museum.plan import Scale
from harvest.demo.show import run_demo
from harvest.errors import CheckFailed
from harvest.workspace import Workspace

__all__ = ["demo"]


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
