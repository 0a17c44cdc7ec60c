"""What other workspaces and machines made, brought into the ledger."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from harvest.cli.options import common
from harvest.cli.terminal import Terminal
from harvest.errors import CheckFailed, UsageError
from harvest.joining import join
from harvest.scale.ingest import IngestReport, is_result, take_result
from harvest.takedown import finish
from harvest.workspace import Workspace

__all__ = ["ingest"]


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
