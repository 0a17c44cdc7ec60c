"""Commands that look and tell: status, verify, sql, doctor."""

from __future__ import annotations

from pathlib import Path

import click

from harvest import audit as auditing
from harvest import doctor as checkup
from harvest.cli.options import common
from harvest.cli.terminal import Terminal
from harvest.errors import CheckFailed
from harvest.ledger import Head, Status, StatusLine, export_parquet, open_ledger, query
from harvest.ledger import status as ledger_status
from harvest.workspace import Workspace

__all__ = ["doctor", "sql", "status", "verify"]

_SHOWN = 50  # notes and differences


@click.command()
@common
def status(workspace: Workspace, terminal: Terminal) -> None:
    """Show counts by source, outcome, licence and stage, and what waits for another attempt until when."""
    with open_ledger(workspace) as con:
        counts = ledger_status(con)
    terminal.result(counts)
    terminal.table(["", "", "images"], [*_lines(counts)], title=f"{workspace.root}: {counts.images:,} images")
    if counts.waiting:
        rows = [(one.of, one.what, one.count or "all", one.ready, one.until or "now") for one in counts.waiting]
        columns = ["what waits", "why", "addresses", "due", "until"]
        terminal.table(columns, rows, title="`harvest crawl` asks for what is due; --retry-now for the rest too")
    for run_id in counts.unfinished_runs:
        terminal.say(f"{run_id} did not end: the same crawl command continues it")


def _lines(counts: Status) -> list[tuple[str, str, int]]:
    groups: tuple[tuple[StatusLine, ...], ...] = (
        counts.outcomes,
        counts.licences,
        counts.verdicts,
        counts.embeddings,
        counts.derived,
        counts.splits,
        counts.variants,
    )
    return [(line.of, line.what, line.count) for group in groups for line in group]


@click.command()
@click.option("--no-files", is_flag=True, help="Compare rows and journals, and hash no originals, sizes or exports.")
@click.option("--head", "only_head", is_flag=True, help="Only print the ledger's last seal, to be kept elsewhere.")
@click.option("--against", metavar="HEAD", help="Check that the ledger still holds this seal, kept elsewhere.")
@common
def verify(workspace: Workspace, terminal: Terminal, no_files: bool, only_head: bool, against: str | None) -> None:
    """Hash every original, derivative, export and journal again, and check every row against what vouches for it."""
    if only_head:
        last = auditing.ledger_head(workspace)
        terminal.result({"head": str(last) if last else None})
        terminal.lines([str(last)] if last else [])
        return
    kept = Head.parse(against) if against else None
    report = auditing.verify(workspace, progress=terminal, with_files=not no_files, against=kept)
    terminal.result(report)
    terminal.table(["checked", ""], list(report.checked.items()))
    for note in report.notes[:_SHOWN]:
        terminal.say(f"note: {note}")
    if len(report.notes) > _SHOWN:
        terminal.say(f"note: and {len(report.notes) - _SHOWN:,} more; --json has all of them")
    if not report.ok:
        shown = [(entry.where, entry.what) for entry in report.differences[:_SHOWN]]
        terminal.table(["where", "what"], shown, title="the first differences; --json has all of them")
        number = len(report.differences)
        raise CheckFailed(f"{number:,} difference{'s' * (number > 1)}; the first: {report.first}")


@click.command()
@click.argument("statement", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="Form of the answer.",
)
@click.option(
    "--export-parquet",
    "parquet",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write every table of the ledger into this folder, a Parquet file each.",
)
@click.option("--replace", is_flag=True, help="Put that folder in the place of an earlier one.")
@common
def sql(  # noqa: PLR0917 - one parameter an option
    workspace: Workspace, terminal: Terminal, statement: str | None, form: str, parquet: Path | None, replace: bool
) -> None:
    """Ask the ledger a question in SQL; it can be read but not changed this way. Or write all of it as Parquet."""
    if (statement is None) == (parquet is None):
        raise click.UsageError("expected a STATEMENT, or --export-parquet DIR")
    if parquet is not None:
        export = export_parquet(workspace, parquet, replace=replace, progress=terminal)
        terminal.result(export)
        columns, sizes = ["table", "rows", "bytes"], [(n, t.rows, t.bytes) for n, t in export.tables.items()]
        terminal.table(columns, sizes, title=f"{parquet}: schema version {export.schema_version}")
        return
    columns, rows = query(workspace, str(statement))
    if form == "csv":
        terminal.csv(columns, rows)
    elif form == "json" or terminal.json_output:
        terminal.as_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        terminal.table(columns, rows)


@click.command()
@click.option("--model", help="Check that this model's weights are on this machine, and whether it knows words.")
@common
def doctor(workspace: Workspace, terminal: Terminal, model: str | None) -> int:  # noqa: ARG001 - every command has one
    """Show what is installed, and how to mend what is missing."""
    findings = checkup.examine(model)
    terminal.result(findings)
    shown = [("ok" if finding.ok else "--", finding.part, finding.found, finding.advice) for finding in findings]
    terminal.table(["", "part", "found", "what to do"], shown)
    return 0 if all(finding.ok or finding.optional for finding in findings) else 4
