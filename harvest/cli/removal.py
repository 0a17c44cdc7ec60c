"""Taking images out, for good: the takedown command."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

import click

from harvest import takedown as removal
from harvest.cli.options import EXISTING_FILE, common
from harvest.cli.terminal import Terminal
from harvest.errors import CheckFailed, UsageError
from harvest.images.tombstones import NEAR_BITS
from harvest.takedown import ExportedCopy, Holdings, Plan, RemovalReport, Request
from harvest.workspace import Workspace

__all__ = ["takedown"]

_SHOWN = 40  # lines of a list that a terminal is given; --json has all


@click.command()
@click.option("--creator", metavar="NAME", help="All images that any source credits to this name.")
@click.option("--creator-url", metavar="URL", help="All images of the creator with this page.")
@click.option("--url", metavar="URL", help="The images met at this address, or on this page.")
@click.option("--sha256", metavar="SHA", help="The image of this digest, or the one that an exported file was made of.")
@click.option("--picture", type=EXISTING_FILE, help="The image in this file, and what looks the same.")
@click.option(
    "--near",
    type=click.IntRange(0, 16),
    default=NEAR_BITS,
    show_default=True,
    metavar="BITS",
    help="Take near copies too: hashes at most so many bits of 64 apart, confirmed by a closer look.",
)
@click.option("--exact", is_flag=True, help="Leave near copies alone, here and in later crawls.")
@click.option("--reason", metavar="TEXT", help="Why; it stays in the ledger with the tombstone.")
@click.option("--by", metavar="NAME", help="Who asked for it (default: you).")
@click.option("--finish", is_flag=True, help="Take away what is left of earlier requests, after an interruption.")
@click.option("--dry-run", is_flag=True, help="Only list what would go.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@common
def takedown(
    *,
    workspace: Workspace,
    terminal: Terminal,
    creator: str | None,
    creator_url: str | None,
    url: str | None,
    sha256: str | None,
    picture: Path | None,
    near: int,
    exact: bool,
    reason: str | None,
    by: str | None,
    finish: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Remove images with all that was made of them, for good, and list the exports that held them."""
    names = [creator, creator_url, url, sha256, picture]
    asked = sum(name is not None for name in names)
    if asked != (0 if finish else 1):
        raise UsageError("name one thing: --creator, --creator-url, --url, --sha256 or --picture; or --finish alone")
    if finish:
        _tell(terminal, removal.finish(workspace, progress=terminal))
        return
    request = Request(
        creator=creator, creator_url=creator_url, url=url, sha256=sha256, picture=picture, near=None if exact else near
    )
    plan = removal.plan(workspace, request, progress=terminal)
    _show(terminal, plan)
    if dry_run:
        terminal.result(plan)
        return
    if not reason:
        raise UsageError("--reason: say why; the tombstone keeps it")
    if not yes:
        _ask(plan)
    _tell(terminal, removal.carry_out(workspace, plan, reason=reason, by=by or getpass.getuser(), progress=terminal))


def _ask(plan: Plan) -> None:
    if not sys.stdin.isatty():
        raise UsageError("nothing was done: nobody is here to be asked; --yes says that it is meant")
    click.confirm(f"Take out {_counted(len(plan.images), 'image')} for good?", abort=True, err=True)


def _show(terminal: Terminal, plan: Plan) -> None:
    rows = [
        (
            named.sha256[:16],
            named.image and named.image.title,
            named.image and named.image.creator,
            named.image and (named.image.page_url or named.image.image_url),
            named.why,
        )
        for named in plan.images
    ]
    columns = ["image", "title", "creator", "where", "why it is meant"]
    terminal.table(columns, rows[:_SHOWN], title=f"{plan.request.words}: {_counted(len(rows), 'image')}")
    _more(terminal, len(rows))
    _list(terminal, plan.holdings, "what there is of them")
    _letters(terminal, plan.copies)


def _list(terminal: Terminal, holdings: Holdings, title: str) -> None:
    rows = [(kind, name) for kind in Holdings.__dataclass_fields__ for name in getattr(holdings, kind)]
    if rows:
        terminal.table(["kind", "what"], rows[:_SHOWN], title=title)
        _more(terminal, len(rows))


def _letters(terminal: Terminal, copies: tuple[ExportedCopy, ...]) -> None:
    rows = [(copy.export, copy.path, copy.written_at, copy.credit) for copy in copies]
    if rows:
        columns = ["export", "file", "written", "credit"]
        title = "exports that held them: whoever has a copy of one is to be told"
        terminal.table(columns, rows[:_SHOWN], title=title)
        _more(terminal, len(rows))


def _more(terminal: Terminal, lines: int) -> None:
    if lines > _SHOWN:
        terminal.say(f"... and {lines - _SHOWN:,} more; --json lists all")


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _tell(terminal: Terminal, report: RemovalReport) -> None:
    terminal.result(report)
    _list(terminal, report.removed, "taken away")
    _letters(terminal, report.copies)
    terminal.say(
        f"{_counted(report.tombstones, 'tombstone')} put up, {_counted(len(report.removed), 'thing')} taken away"
    )
    for name in report.rewritten:
        terminal.say(f"exports/{name}: written anew, with a new manifest")
    for command in report.again:
        terminal.say(f"removed, and made again by: {command}")
    if report.left:
        raise CheckFailed(
            f"{_counted(len(report.left), 'thing')} could not be taken away; mend it, then "
            f"`harvest takedown --finish`; the first: {report.left[0]}"
        )
