"""What people overrule."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from harvest import review as reviewing
from harvest.cli.options import EXISTING_FILE, common
from harvest.cli.terminal import Terminal
from harvest.config.recipe import load_recipe
from harvest.errors import UsageError
from harvest.review import Verdict
from harvest.workspace import Workspace

__all__ = ["review"]


@click.command()
@click.argument("recipe", type=EXISTING_FILE)
@click.option("--keep", multiple=True, metavar="SHA", help="Keep this copy, whatever dedupe says.")
@click.option("--drop", multiple=True, metavar="SHA", help="Leave this image out.")
@click.option("--apart", multiple=True, nargs=2, metavar="SHA SHA", help="These two are no copies of each other.")
@click.option("--together", multiple=True, nargs=2, metavar="SHA SHA", help="These two are copies.")
@click.option("--undo", multiple=True, metavar="SHA", help="Take back what was said of this image.")
@click.option("--from", "file", type=EXISTING_FILE, help="Verdicts saved from the page of `dedupe --report`.")
@click.option("--reason", default="overruled by hand", show_default=True, help="Why; kept with the verdict.")
@click.option("--by", default=getpass.getuser, help="Who says so (default: your login name).")
@common
def review(  # noqa: PLR0917 - click passes options by name
    workspace: Workspace,
    terminal: Terminal,
    recipe: Path,
    keep: tuple[str, ...],
    drop: tuple[str, ...],
    apart: tuple[tuple[str, str], ...],
    together: tuple[tuple[str, str], ...],
    undo: tuple[str, ...],
    file: Path | None,
    reason: str,
    by: str,
) -> None:
    """Overrule which copies are kept; without verdicts, list those in force."""
    name = load_recipe(recipe).name
    verdicts = [
        *[Verdict(verdict="keep", sha256=sha256) for sha256 in keep],
        *[Verdict(verdict="drop", sha256=sha256) for sha256 in drop],
        *[Verdict(verdict="apart", sha256=one, other=other) for one, other in apart],
        *[Verdict(verdict="together", sha256=one, other=other) for one, other in together],
        *(reviewing.read_verdicts(file, name) if file else []),
    ]
    if not reason.strip() or not by.strip():
        raise UsageError("--reason and --by: expected some words: a verdict without them answers for nothing")
    written = []
    if undo:
        written += reviewing.take_back(workspace, name, undo, reason=reason, decided_by=by)
    if verdicts:
        written += reviewing.give(workspace, name, verdicts, reason=reason, decided_by=by)
    rows = written or reviewing.in_force(workspace, name)
    terminal.result(rows)
    shown = [(row.verdict, row.sha256[:16], row.other[:16], row.reason, row.decided_by) for row in rows]
    terminal.table(["verdict", "image", "and", "why", "by"], shown)
    if written:
        terminal.say(f"{len(written):,} verdicts kept; `harvest dedupe {recipe}` puts them in force")
