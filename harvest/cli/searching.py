"""Nearest images by meaning."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from harvest import run as runner
from harvest.cli.options import EXISTING_FILE, common
from harvest.cli.terminal import Terminal
from harvest.errors import UsageError
from harvest.ledger import open_ledger
from harvest.search import Question, parts, write_sheet
from harvest.search import search as ask
from harvest.workspace import Workspace

__all__ = ["search"]

_MOST = 10_000


@click.command()
@click.argument("wanted", nargs=-1, metavar="WORDS|PICTURE|SHA...")
@click.option("--not", "unwanted", multiple=True, metavar="WORDS|PICTURE|SHA", help="And unlike this.")
@click.option("-n", "--top", type=click.IntRange(1, _MOST), default=24, show_default=True, help="How many.")
@click.option("--min-score", type=click.FloatRange(-1, 1), help="Leave out what has a smaller cosine.")
@click.option("--model", help="By its vectors (default: the model with the most vectors in the ledger).")
@click.option("--kept", "recipe", type=EXISTING_FILE, metavar="RECIPE", help="Only images that this recipe keeps.")
@click.option("--sheet", type=click.Path(dir_okay=False, path_type=Path), help="Write the pictures to this file.")
@click.option("--exact/--approximate", default=None, help="Look at every vector, or ask an index (default: by number).")
@common
def search(  # noqa: PLR0917 - click passes options by name
    workspace: Workspace,
    terminal: Terminal,
    wanted: tuple[str, ...],
    unwanted: tuple[str, ...],
    top: int,
    min_score: float | None,
    model: str | None,
    recipe: Path | None,
    sheet: Path | None,
    exact: bool | None,
) -> None:
    """Find the images nearest to words, a picture, an image of the ledger (by its sha256), or several together.

    What is the path of a file is that picture; ten or more hexadecimal digits are an image of the ledger; all else is
    words: harvest search "a red fish" ./drawing.png --not "a chart"
    """
    if not workspace.ledger.exists():
        raise UsageError(f"{workspace.root}: no ledger here; name a workspace by -w")
    stages = runner.prepare(recipe).digests(workspace) if recipe else None
    with open_ledger(workspace) as con:
        asked = Question(parts=parts(con, wanted, unwanted), top=top, min_score=min_score)
        answer = ask(con, workspace, asked, model=model, stages=stages, exact=exact, progress=terminal)
    if sheet:
        write_sheet(sheet, workspace, answer, progress=terminal)
    terminal.result({**asdict(answer), "sheet": sheet if answer.hits else None})
    rows = [
        (hit.rank, hit.score, hit.sha256[:16], hit.title, hit.creator, hit.license, hit.source) for hit in answer.hits
    ]
    terminal.table(["", "score", "image", "title", "creator", "licence", "source"], rows)
    how = "" if answer.exact else ", by an index"
    terminal.say(f"{len(answer.hits):,} of {answer.vectors:,} images, by {answer.model}{how}")
    if sheet and answer.hits:
        terminal.say(f"sheet: {sheet}")
