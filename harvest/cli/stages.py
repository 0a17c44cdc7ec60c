"""One command a stage: read the recipe, run the stage, say what it did."""

from __future__ import annotations

from pathlib import Path

import click

from harvest import run as runner
from harvest.cli.options import EXISTING_FILE, common
from harvest.cli.terminal import Terminal
from harvest.export import FORMATS
from harvest.workspace import Workspace

__all__ = ["dedupe", "embed", "export", "filter_", "layout", "normalize", "sheet"]


def _stage_command(name: str, summary: str) -> click.Command:
    @click.command(name, help=f"{summary} Does only what is missing.", short_help=summary)
    @click.argument("recipe", type=EXISTING_FILE)
    @common
    def command(recipe: Path, workspace: Workspace, terminal: Terminal) -> None:
        plan = runner.prepare(recipe)
        step = runner.run_stage(workspace, plan, name, progress=terminal)
        terminal.result(step.report)
        terminal.say(
            f"{name}: {step.report.done:,} done, {step.report.skipped:,} there already, {step.report.dropped:,} dropped"
        )

    return command


dedupe = _stage_command("dedupe", "Group exact and near duplicates, and choose the copy that is kept.")
embed = _stage_command("embed", "Compute the CLIP vectors that filters and the mosaic need.")
filter_ = _stage_command("filter", "Decide image by image, with a reason for each decision.")
normalize = _stage_command("normalize", "Make the sizes that the recipe asks for.")
sheet = _stage_command("sheet", "Lay the selected images out as a contact sheet.")
layout = _stage_command("layout", "Lay the selected images out as a rectified mosaic with its viewer.")


@click.command()
@click.argument("recipe", type=EXISTING_FILE)
@click.option("--to", "form", type=click.Choice(sorted(FORMATS)), help="Only the exports of this format.")
@common
def export(workspace: Workspace, terminal: Terminal, recipe: Path, form: str | None) -> None:
    """Write the dataset with its manifest, credits and provenance. Does only what is missing."""
    reports = runner.export_all(workspace, runner.prepare(recipe), progress=terminal, to=form)
    terminal.result(reports)
    for report in reports:
        terminal.say(f"{report.folder}: {report.files:,} files{'' if report.written else ', there already'}")
