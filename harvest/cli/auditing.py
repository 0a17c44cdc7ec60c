"""The audit: a report on all, the story of one image, or what the sources say now."""

from __future__ import annotations

from pathlib import Path

import click

from harvest import audit as auditing
from harvest import run as runner
from harvest.cli.options import EXISTING_FILE, common
from harvest.cli.terminal import Terminal
from harvest.config.policy import default_policy, load_policy
from harvest.errors import CheckFailed
from harvest.workspace import Workspace

__all__ = ["audit"]


@click.command()
@click.option("--policy", "policy_file", type=EXISTING_FILE, help="What to insist on (else the recipe's, or research).")
@click.option("--recipe", type=EXISTING_FILE, help="Hold the exports against what this recipe selects.")
@click.option("--image", metavar="SHA", help="Tell the story of one image, from request to export.")
@common
def audit(
    workspace: Workspace, terminal: Terminal, policy_file: Path | None, recipe: Path | None, image: str | None
) -> None:
    """Check that every image is accounted for: HTML and JSON reports, exit code 1 on violations."""
    if image:
        story = auditing.lineage(workspace, image)
        terminal.result(story)
        terminal.lines(story.lines())
        return
    plan = runner.prepare(recipe) if recipe else None
    policy = load_policy(policy_file) if policy_file else plan.policy if plan else default_policy()
    digests = plan.digests(workspace) if plan else None
    report = auditing.audit(workspace, policy, digests=digests, progress=terminal)
    files = auditing.write_report(workspace, report)
    terminal.result({**auditing.to_json(report), "files": files})
    found = [result for result in report.checks if result.status == "found"]
    terminal.table(
        ["severity", "check", "findings", "what"],
        [(result.severity, result.check.id, result.count, result.check.title) for result in found],
    )
    terminal.say(f"report: {files.html}")
    if not report.passed:
        raise CheckFailed(f"the audit found violations of the policy {policy.name!r}; the report names every image")
