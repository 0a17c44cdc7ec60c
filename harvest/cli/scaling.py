"""Work over many machines: `scale`."""

from __future__ import annotations

from pathlib import Path

import click

from harvest.cli.options import EXISTING_FILE, common
from harvest.cli.terminal import Terminal
from harvest.config.recipe import load_recipe
from harvest.scale.run import BLOCK
from harvest.scale.run import scale as make
from harvest.workspace import Workspace

__all__ = ["scale"]


@click.command()
@click.argument("recipe", type=EXISTING_FILE)
@click.option("--to", required=True, metavar="URL", help="Where results go: a folder or store all machines reach.")
@click.option("--originals", metavar="URL", help="Where workers find originals (default: the workspace's store).")
@click.option(
    "--address",
    default="local",
    show_default=True,
    metavar="ADDRESS",
    help="The Ray cluster: auto (one that runs here), ray://HOST:PORT, or local: this machine alone.",
)
@click.option("--workers", type=click.IntRange(1), help="Workers that decode, a processor each (default: all).")
@click.option("--gpus", type=click.IntRange(0), help="GPUs to use, with a copy of the models each (default: all).")
@click.option("--block", type=click.IntRange(1, 4096), default=BLOCK, show_default=True, help="Images a task.")
@common
def scale(
    *,
    workspace: Workspace,
    terminal: Terminal,
    recipe: Path,
    to: str,
    originals: str | None,
    address: str,
    workers: int | None,
    gpus: int | None,
    block: int,
) -> None:
    """Make fingerprints, vectors, scores and sizes on a Ray cluster. Does only what is missing.

    What is made lies at --to, and `harvest ingest` brings it into the ledger.
    """
    report = make(
        workspace,
        load_recipe(recipe),
        to=to,
        originals=originals,
        address=address,
        workers=workers,
        gpus=gpus,
        block=block,
        progress=terminal,
    )
    terminal.result(report)
    if not report.images:
        terminal.say(f"nothing is missing that is not in the ledger or at {report.to} already")
    terminal.table(["wanted", "of images"], list(report.missing.items()))
    terminal.table([f"lies at {report.to}", "rows"], [(table, rows) for table, rows in report.rows.items() if rows])
    if any(report.rows.values()):
        terminal.say(f"`harvest ingest {report.to}` brings it into the ledger")
