"""One command a stage: read the recipe, run the stage, say what it did."""

from __future__ import annotations

from pathlib import Path

import click

from harvest import review as reviewing
from harvest import run as runner
from harvest.cli.options import EXISTING_FILE, common
from harvest.cli.terminal import Terminal
from harvest.config.recipe import load_recipe
from harvest.export import FORMATS
from harvest.export.gates import refuse
from harvest.stages.report import StageReport
from harvest.workspace import Workspace

__all__ = ["augment", "caption", "dedupe", "embed", "export", "filter_", "layout", "normalize", "sheet", "split"]


def _run(workspace: Workspace, recipe: Path, name: str, terminal: Terminal) -> StageReport:
    report = runner.run_stage(workspace, runner.prepare(recipe), name, progress=terminal).report
    terminal.say(f"{name}: {report.done:,} done, {report.skipped:,} there already, {report.dropped:,} dropped")
    return report


def _stage_command(name: str, summary: str) -> click.Command:
    @click.command(name, help=f"{summary} Does only what is missing.", short_help=summary)
    @click.argument("recipe", type=EXISTING_FILE)
    @common
    def command(recipe: Path, workspace: Workspace, terminal: Terminal) -> None:
        terminal.result(_run(workspace, recipe, name, terminal))

    return command


@click.command()
@click.argument("recipe", type=EXISTING_FILE)
@click.option("--report", is_flag=True, help="Also make a page that shows the groups side by side.")
@common
def dedupe(workspace: Workspace, terminal: Terminal, recipe: Path, report: bool) -> None:
    """Group exact and near duplicates, and choose the copy that is kept. Does only what is missing."""
    done = _run(workspace, recipe, "dedupe", terminal)
    if not report:
        terminal.result(done)
        return
    copies, files = reviewing.write_copy_report(workspace, load_recipe(recipe).name)
    terminal.result({**reviewing.to_json(copies), "files": files})
    terminal.say(f"report: {files.html}")


@click.command()
@click.argument("recipe", type=EXISTING_FILE)
@click.option("--report", is_flag=True, help="Also make a page with shares, labels, and what is near across borders.")
@common
def split(workspace: Workspace, terminal: Terminal, recipe: Path, report: bool) -> None:
    """Put every selected image into train, validation or test, without leaks. Does only what is missing."""
    done = _run(workspace, recipe, "split", terminal)
    if not report:
        terminal.result(done)
        return
    found, files = runner.split_report(workspace, runner.prepare(recipe), progress=terminal)
    terminal.result({**reviewing.split_to_json(found), "files": files})
    terminal.say(reviewing.too_easy(found.baseline))
    terminal.say(f"report: {files.html}")


@click.command("filter")
@click.argument("recipe", type=EXISTING_FILE)
@click.option("--report", is_flag=True, help="Also make a page that shows what each filter removed, and its cuts.")
@common
def filter_(workspace: Workspace, terminal: Terminal, recipe: Path, report: bool) -> None:
    """Decide image by image, with a reason for each decision. Does only what is missing."""
    done = _run(workspace, recipe, "filter", terminal)
    if not report:
        terminal.result(done)
        return
    choices, files = runner.filter_report(workspace, runner.prepare(recipe), progress=terminal)
    terminal.result({**reviewing.choices_to_json(choices), "files": files})
    terminal.say(f"report: {files.html}")


embed = _stage_command("embed", "Compute the vectors that filters and mosaic need, and those of models under `embed:`.")
normalize = _stage_command("normalize", "Make the sizes that the recipe asks for.")
augment = _stage_command("augment", "Make variants of the images to learn from: turned, cropped, recoloured.")
caption = _stage_command("caption", "Word a caption for every selected image, for training.")
sheet = _stage_command("sheet", "Lay the selected images out as a contact sheet.")
layout = _stage_command("layout", "Lay the selected images out as a rectified mosaic with its viewer.")


@click.command()
@click.argument("recipe", type=EXISTING_FILE)
@click.option("--to", "form", type=click.Choice(sorted(FORMATS)), help="Only the exports of this format.")
@click.option("--check", is_flag=True, help="Only ask the gates: is the set large enough, licensed, captioned...?")
@common
def export(workspace: Workspace, terminal: Terminal, recipe: Path, form: str | None, check: bool) -> None:
    """Write the dataset with its manifest, credits and provenance. Does only what is missing.

    Before anything is written the gates of the recipe's policy are asked; what they refuse ends with exit code 1.
    """
    if check:
        _check(workspace, terminal, runner.prepare(recipe), form)
        return
    reports = runner.export_all(workspace, runner.prepare(recipe), progress=terminal, to=form)
    terminal.result(reports)
    for report in reports:
        without = f", {report.uncaptioned:,} without a caption" if report.uncaptioned else ""
        terminal.say(f"{report.folder}: {report.files:,} files{without}{'' if report.written else ', there already'}")
        if report.published:
            terminal.say(f"{report.name}: published at {report.published}")
        for line in report.instructions:
            terminal.say(line)


def _check(workspace: Workspace, terminal: Terminal, plan: runner.Plan, form: str | None) -> None:
    found = runner.check_all(workspace, plan, to=form)
    terminal.result(found)
    for each in found:
        terminal.say(f"export {each.name}: {each.images:,} images" + ("" if each.findings else ", nothing found"))
        for finding in each.findings:
            terminal.say(f"  {finding.severity}: {finding.message}")
    for each in found:
        refuse(each.name, each.findings)
