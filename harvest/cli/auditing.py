"""The audit: a report on all, the story of one image, and what the sources say now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from harvest import audit as auditing
from harvest import run as runner
from harvest.audit.recheck import RecheckReport, RecheckTerms, recheck
from harvest.cli.options import EXISTING_FILE, common
from harvest.cli.terminal import Terminal
from harvest.config.policy import default_policy, load_policy
from harvest.config.source import load_source
from harvest.errors import CheckFailed, UsageError
from harvest.workspace import Workspace

__all__ = ["audit"]


def _recheck_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `--recheck`."""
    for option in reversed(
        (
            click.option("--recheck", "is_recheck", is_flag=True, help="First ask the sources again, politely."),
            click.option(
                "--source",
                "source_files",
                type=EXISTING_FILE,
                multiple=True,
                help="With --recheck: a source's YAML, whose pace and contact hold (a recipe names its own).",
            ),
            click.option(
                "--contact",
                envvar="HARVEST_CONTACT",
                help="With --recheck: who asks, an e-mail address or a URL, for sources without a YAML.",
            ),
            click.option("--only", metavar="SOURCE", multiple=True, help="With --recheck: ask this source alone."),
            click.option(
                "--older-than",
                type=click.FloatRange(min=0),
                default=30.0,
                show_default=True,
                metavar="DAYS",
                help="With --recheck: ask for what was not asked for in as many days.",
            ),
            click.option("--limit", type=click.IntRange(min=1), help="With --recheck: ask for so many images at most."),
        )
    ):
        command = option(command)
    return command


@click.command()
@click.option("--policy", "policy_file", type=EXISTING_FILE, help="What to insist on (else the recipe's, or research).")
@click.option("--recipe", type=EXISTING_FILE, help="Hold the exports against what this recipe selects.")
@click.option("--image", metavar="SHA", help="Tell the story of one image, from request to export.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["tree", "json", "prov"]),
    help="With --image: a tree, JSON, or W3C PROV-JSON.  [default: tree]",
)
@click.option("--faces", is_flag=True, help="Look for faces too: counts and boxes, no identity.")
@click.option("--no-files", is_flag=True, help="Ask the ledger alone; read and hash no file.")
@_recheck_options
@common
def audit(
    *,
    workspace: Workspace,
    terminal: Terminal,
    policy_file: Path | None,
    recipe: Path | None,
    image: str | None,
    form: str | None,
    faces: bool,
    no_files: bool,
    **again: Any,
) -> None:
    """Check that every image is accounted for: HTML and JSON reports, exit code 1 on violations."""
    if image:
        if again["is_recheck"]:
            raise UsageError("--recheck asks for the dataset, --image tells of one image; leave one of them out")
        _tell(workspace, terminal, image, form)
        return
    if form:
        raise UsageError("--format is for the story of one image; add --image SHA")
    plan = runner.prepare(recipe) if recipe else None
    asked = _recheck(workspace, terminal, plan, **again)
    policy = load_policy(policy_file) if policy_file else plan.policy if plan else default_policy()
    digests = plan.digests(workspace) if plan else None
    report = auditing.audit(workspace, policy, digests=digests, with_files=not no_files, faces=faces, progress=terminal)
    files = auditing.write_report(workspace, report)
    told = {**auditing.to_json(report), "files": files}
    terminal.result(told if asked is None else {**told, "recheck": asked})
    found = [result for result in report.checks if result.status == "found"]
    terminal.table(
        ["severity", "check", "findings", "what"],
        [(result.severity, result.check.id, result.count, result.check.title) for result in found],
    )
    terminal.say(f"report: {files.html}")
    if not report.passed:
        raise CheckFailed(f"the audit found violations of the policy {policy.name!r}; the report names every image")


def _tell(workspace: Workspace, terminal: Terminal, image: str, form: str | None) -> None:
    """The story of one image on stdout."""
    story = auditing.lineage(workspace, image)
    if form == "prov":
        terminal.as_json(auditing.to_prov(story))
    elif form == "json":
        terminal.as_json(story)
    else:
        terminal.result(story)
        terminal.lines(story.lines())


def _recheck(
    workspace: Workspace,
    terminal: Terminal,
    plan: runner.Plan | None,
    *,
    is_recheck: bool,
    source_files: Sequence[Path],
    contact: str | None,
    only: Sequence[str],
    older_than: float,
    limit: int | None,
) -> RecheckReport | None:
    """Ask the sources again, where that is wanted, and say what came of it."""
    if not is_recheck:
        if source_files or only or limit:
            raise UsageError("--source, --only and --limit say what to ask for again; add --recheck")
        return None
    configs = [*(plan.sources if plan else ()), *map(load_source, source_files)]
    terms = RecheckTerms(
        sources={config.name: config for config in configs},
        contact=contact,
        only=tuple(only),
        older_than=older_than,
        limit=limit,
    )
    report = recheck(workspace, terms, progress=terminal)
    counts = ", ".join(f"{count:,} {outcome}" for outcome, count in report.outcomes.items()) or "nothing was due"
    terminal.say(
        f"asked again: {counts}; {report.licences_changed:,} with another licence, {report.new_opt_outs:,} newly "
        f"refused; {report.left:,} still due"
    )
    return report
