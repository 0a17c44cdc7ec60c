"""A recipe's exports, one after the other, each only when something in it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from harvest.config.captions import CaptionLabels
from harvest.config.recipe import Recipe, params_digest
from harvest.errors import UsageError
from harvest.export.base import Entry, ExportedFile, RecipeFacts
from harvest.export.gather import (
    Gathered,
    Wording,
    exported_digests,
    gather,
    gather_again,
    input_digest,
    runs_of,
    sightings_of,
)
from harvest.export.paper import write_credits, write_datasheet, write_lines, write_manifest
from harvest.export.publish import digest_of_file, locked, published_folder, remove_folder
from harvest.export.registry import FORMATS, ExportJob, build
from harvest.ledger import latest_stage, open_ledger, write_export
from harvest.ledger.rows import ExportRow, StageRun
from harvest.progress import Progress
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["ExportReport", "remake_export", "run_exports"]

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What became of one export. `left_out` counts selected images that have no file of the asked size, `uncaptioned`
    those that are there without the caption that was asked for.

    `written` is False when the folder stood there already, whole and up to date. `instructions` are lines for whoever
    goes on from there.
    """

    name: str
    format: str
    folder: Path
    files: int
    left_out: int
    uncaptioned: int
    written: bool
    instructions: tuple[str, ...]


def run_exports(
    workspace: Workspace,
    recipe: Recipe,
    digests: Mapping[str, str],
    *,
    size_digests: Mapping[int, str] | None = None,
    labelled_by: Sequence[tuple[str, str]] = (),
    progress: Progress,
    to: str | None = None,
) -> list[ExportReport]:
    """Write the recipe's exports under `exports/`, doing only what is missing; with `to`, those of that format.

    `digests` maps each selecting stage to the recipe digest of its decisions, `size_digests` each size in pixels to
    that of its derived rows; without it, the newest rows of a size are taken. `labelled_by` are (model, vocabulary) by
    which the recipe's filters found labels. Raises ConfigError for a bad `export:` section, UsageError when there is
    nothing to export, CheckFailed when a file is not what the ledger says, LedgerBusy while another process exports
    here.
    """
    jobs = build(recipe, to=to)
    if not jobs:
        return []
    choice = _Choice(digests, size_digests, _wording(recipe, labelled_by))
    with locked(workspace.exports):
        return [_run(workspace, recipe, job, choice, progress) for job in jobs]


class _Choice(NamedTuple):
    """Which images, which files of them, and what they are called."""

    digests: Mapping[str, str]
    size_digests: Mapping[int, str] | None
    wording: Wording


def _wording(recipe: Recipe, labelled_by: Sequence[tuple[str, str]]) -> Wording:
    """Words of models count for exports as they do for captions."""
    terms = recipe.captions.labels if recipe.captions else CaptionLabels()
    return Wording(recipe=recipe.name, labelled_by=tuple(labelled_by), min_share=terms.min_share, most=terms.most)


def remake_export(workspace: Workspace, name: str, *, progress: Progress) -> ExportReport | None:
    """Write the export `name` anew from the ledger's rows of it, without what was taken down since.

    None where the ledger does not know it, where its folder is gone, and where it was written by a version of this
    program that did not note how it was made: then its folder is removed, and the recipe makes it again. An export that
    nothing is left of loses its folder as well. Raises CheckFailed and LedgerBusy as `run_exports` does.
    """
    folder = workspace.exports / name
    with locked(workspace.exports):
        with open_ledger(workspace) as con:
            last = latest_stage(con, "export", name)
            found = gather_again(con, workspace, name, last) if last else None
        if last is None or not folder.is_dir():
            return None
        if found is None:
            remove_folder(folder)
            return None
        job = ExportJob(format=FORMATS[last.detail["format"]], settings=found.settings)
        recipe = RecipeFacts(**last.detail["recipe"])
        work = _Work(
            job=job,
            recipe=recipe,
            recipe_digest=last.recipe_digest,
            left_out=last.detail.get("left_out", 0),
            wording=found.wording,
            size_digest=found.size_digest,
        )
        _write(workspace, work, found.entries, progress)
    return _told(workspace, work, found.entries, written=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One export to write, whatever its images are."""

    job: ExportJob
    recipe: RecipeFacts
    recipe_digest: str
    left_out: int
    wording: Wording
    size_digest: str | None


def _run(workspace: Workspace, recipe: Recipe, job: ExportJob, choice: _Choice, progress: Progress) -> ExportReport:
    settings, name = job.settings, job.settings.folder
    folder = workspace.exports / name
    params = {
        "format": job.format.name,
        "format_version": job.format.version,
        "settings": asdict(settings),
        "recipe": recipe.digest,
    }
    recipe_digest = params_digest("export", _VERSION, params)
    with open_ledger(workspace) as con:
        found = gather(con, workspace, settings, choice.digests, choice.size_digests, wording=choice.wording)
        last = latest_stage(con, "export", name)
        there = exported_digests(con, name)
    _require_some(found, job)
    asked = (recipe_digest, input_digest(found.entries))
    facts = RecipeFacts(name=recipe.name, title=recipe.title, description=recipe.description, digest=recipe.digest)
    work = _Work(
        job=job,
        recipe=facts,
        recipe_digest=recipe_digest,
        left_out=found.left_out,
        wording=choice.wording,
        size_digest=found.size_digest,
    )
    written = not (last and (last.recipe_digest, last.input_digest) == asked and _is_whole(folder, last, there))
    if written:
        _write(workspace, work, found.entries, progress)
    return _told(workspace, work, found.entries, written=written)


def _write(workspace: Workspace, work: _Work, entries: Sequence[Entry], progress: Progress) -> None:
    """Put the export's folder in place of the one that is there, then its rows in force; without entries, no folder."""
    settings, name = work.job.settings, work.job.settings.folder
    folder, made, digests = workspace.exports / name, list[ExportedFile](), dict[str, str]()
    if not entries:
        remove_folder(folder)
    else:
        with published_folder(folder) as temporary:
            made += _fill(workspace, temporary, work.job, entries, progress)
            with open_ledger(workspace) as con:
                write_lines(temporary / "PROVENANCE.jsonl", sightings_of(con, made))
                write_lines(temporary / "RUNS.jsonl", runs_of(con, made))
            write_manifest(temporary, made)
            write_credits(temporary, made)
            write_datasheet(temporary, made, work.recipe, settings)
            digests |= _others(temporary, made)
    detail = {
        "format": work.job.format.name,
        "left_out": work.left_out,
        "digests": digests,
        "settings": asdict(settings),
        "recipe": asdict(work.recipe),
        "wording": asdict(work.wording),
        "size_digest": work.size_digest,
    }
    with open_ledger(workspace, write=True) as con:
        write_export(
            con,
            name=name,
            recipe_digest=work.recipe_digest,
            input_digest=input_digest(entries),
            rows=[_row(name, file) for file in made],
            detail=detail,
        )


def _told(workspace: Workspace, work: _Work, entries: Sequence[Entry], *, written: bool) -> ExportReport:
    name, wanted = work.job.settings.folder, work.job.settings.captions != "none"
    folder = workspace.exports / name
    return ExportReport(
        name=name,
        format=work.job.format.name,
        folder=folder,
        files=len(entries),
        left_out=work.left_out,
        uncaptioned=sum(entry.caption is None for entry in entries) if wanted else 0,
        written=written,
        instructions=tuple(work.job.format.instructions(folder, work.job.settings, work.recipe)) if entries else (),
    )


def _require_some(found: Gathered, job: ExportJob) -> None:
    if found.entries:
        return
    if found.left_out:
        raise UsageError(
            f"export {job.settings.folder}: none of {found.left_out} selected images has a file of "
            f"{job.settings.size} px; run `harvest normalize` first"
        )
    raise UsageError(
        f"export {job.settings.folder}: no image is selected; `harvest status` tells where they were dropped"
    )


def _fill(
    workspace: Workspace, folder: Path, job: ExportJob, chosen: Sequence[Entry], progress: Progress
) -> Sequence[ExportedFile]:
    made, entries = [], _brought(workspace, chosen)
    with progress.start(f"export {job.settings.folder}", len(entries)) as task:
        for file in job.format.write(folder, entries, job.settings):
            made.append(file)
            task.advance()
    return made


def _brought(workspace: Workspace, entries: Sequence[Entry]) -> list[Entry]:
    """The entries with their files on this machine, wherever originals are kept."""
    store, root = Store(workspace.root), workspace.root
    return [replace(entry, source=store.local(entry.source.relative_to(root).as_posix())) for entry in entries]


def _row(name: str, file: ExportedFile) -> ExportRow:
    return ExportRow(
        export=name,
        sha256=file.entry.image.sha256,
        path=file.path,
        derived_sha256=file.sha256,
        license=file.entry.provenance.license,
        credit=file.entry.credit,
    )


def _others(folder: Path, made: Sequence[ExportedFile]) -> dict[str, str]:
    """Digests of what has no row of its own: the paper trail and the format's index files."""
    rows = {file.path for file in made}
    return {path: digest for path, digest in _digests(folder).items() if path not in rows}


def _digests(folder: Path) -> dict[str, str]:
    """Hex sha256 of every file of an export, by its path in the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): digest_of_file(path) for path in files}


def _is_whole(folder: Path, last: StageRun, images: Mapping[str, str]) -> bool:
    """Whether the folder holds the files of the last export and no others."""
    return folder.is_dir() and _digests(folder) == {**images, **last.detail.get("digests", {})}
