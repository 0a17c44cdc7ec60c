"""Commands that look and tell: status, audit, verify, sql, doctor."""

from __future__ import annotations

from pathlib import Path

import click

from harvest import doctor as checkup
from harvest import run as runner
from harvest.audit import audit as audit_workspace
from harvest.audit import lineage, write_report
from harvest.audit import verify as verify_workspace
from harvest.cli.options import EXISTING_FILE, common
from harvest.cli.terminal import Terminal
from harvest.config.policy import Policy, load_policy
from harvest.ledger import open_ledger, query
from harvest.ledger import status as ledger_status
from harvest.workspace import Workspace

__all__ = ["audit", "doctor", "sql", "status", "verify"]


@click.command()
@common
def status(workspace: Workspace, terminal: Terminal) -> None:
    """Show counts by source, outcome, licence and stage."""
    with open_ledger(workspace) as con:
        counts = ledger_status(con)
    terminal.result(counts)


@click.command()
@click.option("--policy", "policy_file", type=EXISTING_FILE, help="What to insist on (default: the strict policy).")
@click.option("--recipe", type=EXISTING_FILE, help="Audit this recipe's selection as well as its exports.")
@click.option("--image", metavar="SHA", help="Tell the story of one image, from request to export.")
@common
def audit(
    workspace: Workspace, terminal: Terminal, policy_file: Path | None, recipe: Path | None, image: str | None
) -> int:
    """Check that every image is accounted for: HTML and JSON reports, exit code 1 on violations."""
    if image:
        story = lineage(workspace, image)
        terminal.result(story)
        return 0
    plan = runner.prepare(recipe) if recipe else None
    policy = load_policy(policy_file) if policy_file else plan.policy if plan else Policy()
    report = audit_workspace(workspace, policy, digests=plan.digests if plan else None)
    terminal.result(report)
    write_report(workspace, report)
    return 0


@click.command()
@common
def verify(workspace: Workspace, terminal: Terminal) -> int:
    """Hash every original, derivative, export and journal again and compare with the ledger."""
    report = verify_workspace(workspace, progress=terminal)
    terminal.result(report)
    return 0


@click.command()
@click.argument("statement")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@common
def sql(workspace: Workspace, terminal: Terminal, statement: str, form: str) -> None:
    """Ask the ledger a question in SQL; it can be read but not changed this way."""
    columns, rows = query(workspace, statement)
    if form == "json" or terminal.json_output:
        Terminal(json_output=True).result([dict(zip(columns, row, strict=True)) for row in rows])
    elif form == "csv":
        terminal.csv(columns, rows)
    else:
        terminal.table(columns, rows)


@click.command()
@click.option("--model", help="Check that this CLIP model's weights are on this machine.")
@common
def doctor(workspace: Workspace, terminal: Terminal, model: str | None) -> int:
    """Show what is installed, and how to mend what is missing."""
    findings = checkup.examine(model)
    terminal.result(findings)
    terminal.table(
        ["", "part", "found", "what to do"], [("ok" if f.ok else "--", f.part, f.found, f.advice) for f in findings]
    )
    return 0 if all(finding.ok or finding.optional for finding in findings) else 4
