"""What people overrule, and what they are asked to judge."""

from __future__ import annotations

import getpass
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import click

from harvest import review as reviewing
from harvest.cli.options import EXISTING_FILE, common
from harvest.cli.terminal import Terminal
from harvest.config.recipe import Recipe, load_recipe
from harvest.errors import ComponentMissing, UsageError
from harvest.ledger import ReviewRow
from harvest.progress import Progress, SilentProgress
from harvest.review import Verdict
from harvest.review.verdicts import STAGES
from harvest.workspace import Workspace, write_published

__all__ = ["review"]


@click.command()
@click.argument("recipe", type=EXISTING_FILE)
@click.option("--of", "stage", type=click.Choice(STAGES), default="dedupe", show_default=True, help="What is judged.")
@click.option("--keep", multiple=True, metavar="SHA", help="Keep this image, whatever the stage says.")
@click.option("--drop", multiple=True, metavar="SHA", help="Leave this image out.")
@click.option("--apart", multiple=True, nargs=2, metavar="SHA SHA", help="These two are no copies of each other.")
@click.option("--together", multiple=True, nargs=2, metavar="SHA SHA", help="These two are copies.")
@click.option("--undo", multiple=True, metavar="SHA", help="Take back what was said of this image.")
@click.option("--from", "file", type=EXISTING_FILE, help="Verdicts saved from a page of `--report`.")
@click.option("--reason", default="overruled by hand", show_default=True, help="Why; kept with the verdict.")
@click.option("--by", default=getpass.getuser, help="Who says so (default: your login name).")
@click.option("--suggest", type=click.IntRange(min=1), help="Name so many images whose judgement would teach most.")
@click.option("--report", is_flag=True, help="With --suggest: a page to judge them on.")
@click.option("--serve", is_flag=True, help="The wall in a browser, to keep, reject and label on; Ctrl-C ends it.")
@click.option("--open", "is_opened", is_flag=True, help="The same, and open the browser there.")
@click.option("--layout", metavar="NAME", help="Which mosaic, where the recipe has several (default: the first).")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="With --serve; 0: any free.")
@click.option(
    "--bad-list", type=click.Path(dir_okay=False, path_type=Path), help="Write what is left out for ImageRearranger."
)
@common
def review(  # noqa: PLR0917 - click passes options by name
    workspace: Workspace,
    terminal: Terminal,
    recipe: Path,
    stage: str,
    keep: tuple[str, ...],
    drop: tuple[str, ...],
    apart: tuple[tuple[str, str], ...],
    together: tuple[tuple[str, str], ...],
    undo: tuple[str, ...],
    file: Path | None,
    reason: str,
    by: str,
    suggest: int | None,
    report: bool,
    serve: bool,
    is_opened: bool,
    layout: str | None,
    port: int,
    bad_list: Path | None,
) -> None:
    """Overrule which copies are kept, or judge what the recipe chooses; without verdicts, list those in force."""
    loaded = load_recipe(recipe)
    verdicts = [
        *[Verdict(verdict="keep", sha256=sha256) for sha256 in keep],
        *[Verdict(verdict="drop", sha256=sha256) for sha256 in drop],
        *[Verdict(verdict="apart", sha256=one, other=other) for one, other in apart],
        *[Verdict(verdict="together", sha256=one, other=other) for one, other in together],
        *(_read(workspace, terminal, loaded, stage, file, layout) if file else []),
    ]
    if not reason.strip() or not by.strip():
        raise UsageError("--reason and --by: expected some words: a verdict without them answers for nothing")
    if suggest is not None and (verdicts or undo):
        raise UsageError("--suggest names images to judge; give verdicts in a command of their own")
    if (serve or is_opened) and (verdicts or undo or suggest is not None or bad_list):
        raise UsageError("--serve shows the wall; give verdicts, --suggest and --bad-list in a command of their own")
    if report and suggest is None:
        raise UsageError("--report shows what --suggest names; `harvest dedupe --report` shows copies")
    if suggest is not None:
        _suggest(workspace, terminal, loaded, suggest, is_page_wanted=report)
        return
    if serve or is_opened:
        wall = _wall(workspace, loaded, layout, by, reason)
        _serve(terminal, loaded, wall, port=port, is_opened=is_opened)
        return
    written: list[ReviewRow] = []
    if undo:
        written += reviewing.take_back(workspace, loaded.name, undo, reason=reason, decided_by=by, stage=stage)
    if verdicts:
        written += reviewing.give(workspace, loaded.name, verdicts, reason=reason, decided_by=by, stage=stage)
    _tell(terminal, written or reviewing.in_force(workspace, loaded.name, stage))
    if written:
        terminal.say(f"{len(written):,} verdicts kept; `harvest {stage} {recipe}` puts them in force")
        _warn(terminal, loaded, stage)
    if bad_list:
        placed = reviewing.placed_files(workspace, _layout(loaded, layout))
        write_published(bad_list, reviewing.bad_list_of(workspace, loaded.name, placed))
        terminal.say(f"{bad_list}: what was left out by hand, as ImageRearranger's editor reads it")


def _tell(terminal: Terminal, rows: Sequence[ReviewRow]) -> None:
    terminal.result(rows)
    shown = [(row.verdict, row.sha256[:16], row.other[:16], row.reason, row.decided_by) for row in rows]
    terminal.table(["verdict", "image", "and", "why", "by"], shown)


def _layout(recipe: Recipe, wanted: str | None) -> str:
    """The name of one of the recipe's mosaics: the one that is wanted, else the first."""
    names = [str(config.name) for config in recipe.layouts]
    if wanted is not None and wanted not in names:
        raise UsageError(f"--layout {wanted}: expected one of {recipe.file}: {', '.join(names) or 'there is none'}")
    return wanted or next(iter(names), recipe.name)


def _read(  # noqa: PLR0917 - what a file is read with
    workspace: Workspace, terminal: Terminal, recipe: Recipe, stage: str, file: Path, layout: str | None
) -> list[Verdict]:
    """The verdicts of a page, or a list of ImageRearranger's, whose names are the wall's."""
    found = reviewing.read_bad_list(workspace, _layout(recipe, layout), file)
    if found is None:
        return reviewing.read_verdicts(file, recipe.name, stage)
    if stage != "filter":
        raise UsageError(f"{file}: says which images to leave out; --of filter takes it")
    verdicts, unknown = found
    if unknown:
        terminal.say(f"{file}: {len(unknown):,} are not on the wall of {recipe.name!r}: {', '.join(unknown[:5])}")
    return verdicts


def _wall(workspace: Workspace, recipe: Recipe, layout: str | None, by: str, reason: str) -> reviewing.Wall:
    return reviewing.Wall(
        workspace,
        recipe.name,
        layout=_layout(recipe, layout),
        decided_by=by,
        reason=reason,
        suggest=lambda count: _suggestions(workspace, recipe, count, SilentProgress()),
    )


def _serve(terminal: Terminal, recipe: Recipe, wall: reviewing.Wall, *, port: int, is_opened: bool) -> None:
    try:
        from harvest.review.server import serve  # noqa: PLC0415 - an extra, and half a second
    except ModuleNotFoundError as error:
        if error.name not in {"starlette", "uvicorn"}:
            raise
        raise ComponentMissing(
            f"the review server needs {error.name}: pip install 'herbarium-harvester[review]'"
        ) from None

    def announce(url: str, taken: int) -> None:
        terminal.result({"url": url, "port": taken})
        sys.stdout.flush()
        terminal.say(f"{wall.layout}: {url}\nwhat you say there is saved at once; Ctrl-C ends it")
        if is_opened:
            webbrowser.open(url)

    _warn(terminal, recipe, "filter")
    try:
        serve(wall, port=port, announce=announce)
    except OSError as error:
        raise UsageError(f"--port {port}: nobody can listen there: {error.strerror}") from None
    said = wall.changes(0)["revision"]
    terminal.say(f"{said:,} change{'' if said == 1 else 's'} saved; `harvest run {recipe.file}` puts verdicts in force")


def _suggestions(workspace: Workspace, recipe: Recipe, count: int, progress: Progress) -> list[reviewing.Suggestion]:
    from harvest.stages.suggest import suggest  # noqa: PLC0415 - the stages take a second to import

    found = suggest(workspace, recipe, count, progress=progress)
    return [reviewing.Suggestion(sha256=one.sha256, probability=one.probability, reason=one.reason) for one in found]


def _suggest(workspace: Workspace, terminal: Terminal, recipe: Recipe, count: int, *, is_page_wanted: bool) -> None:
    rows = _suggestions(workspace, recipe, count, terminal)
    files = reviewing.write_judging_page(workspace, recipe.name, rows) if is_page_wanted and rows else None
    page = {"report": files} if files else {}
    terminal.result({"recipe": recipe.name, "stage": "filter", "suggestions": rows, **page})
    terminal.table(["image", "why"], [(one.sha256[:16], one.reason) for one in rows])
    if not rows:
        terminal.say("nothing is left to judge")
    elif files:
        terminal.say(f"{files.html}: judge them, save, and `harvest review {recipe.file} --of filter --from FILE`")
    else:
        terminal.say(f"`harvest review {recipe.file} --of filter --keep SHA --drop SHA` judges; --report shows them")
    _warn(terminal, recipe, "filter")


def _warn(terminal: Terminal, recipe: Recipe, stage: str) -> None:
    """Say so where nothing in the recipe looks at what people say of images."""
    if stage != "filter":
        return
    from harvest.stages.suggest import heeding  # noqa: PLC0415 - the stages take a second to import

    if not heeding(recipe):
        terminal.say(
            f"no filter of {recipe.file} heeds this yet: `- learned: {{model: ...}}` learns from it, "
            "`- reviewed: {}` leaves out what was dropped by hand"
        )
