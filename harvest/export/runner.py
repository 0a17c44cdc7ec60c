"""A recipe's exports, one after the other, each only when something in it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from harvest.config.recipe import Recipe, params_digest
from harvest.errors import UsageError
from harvest.export.base import Entry, ExportedFile
from harvest.export.gather import Gathered, exported_digests, gather, input_digest, runs_of, sightings_of
from harvest.export.paper import write_credits, write_datasheet, write_lines, write_manifest
from harvest.export.publish import digest_of_file, locked, published_folder
from harvest.export.registry import ExportJob, build
from harvest.ledger import latest_stage, open_ledger, write_export
from harvest.ledger.rows import ExportRow, StageRun
from harvest.progress import Progress
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["ExportReport", "run_exports"]

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What became of one export. `left_out` counts selected images that have no file of the asked size.

    `written` is False when the folder stood there already, whole and up to date.
    """

    name: str
    format: str
    folder: Path
    files: int
    left_out: int
    written: bool


def run_exports(
    workspace: Workspace,
    recipe: Recipe,
    digests: Mapping[str, str],
    *,
    size_digests: Mapping[int, str] | None = None,
    progress: Progress,
    to: str | None = None,
) -> list[ExportReport]:
    """Write the recipe's exports under `exports/`, doing only what is missing; with `to`, those of that format.

    `digests` maps each selecting stage to the recipe digest of its decisions, `size_digests` each size in pixels to
    that of its derived rows; without it, the newest rows of a size are taken. Raises ConfigError for a bad `export:`
    section, UsageError when there is nothing to export, CheckFailed when a file is not what the ledger says, LedgerBusy
    while another process exports here.
    """
    jobs = build(recipe, to=to)
    if not jobs:
        return []
    with locked(workspace.exports):
        return [_run(workspace, recipe, job, _Choice(digests, size_digests), progress) for job in jobs]


class _Choice(NamedTuple):
    """Which images, and which files of them."""

    digests: Mapping[str, str]
    size_digests: Mapping[int, str] | None


def _run(workspace: Workspace, recipe: Recipe, job: ExportJob, choice: _Choice, progress: Progress) -> ExportReport:
    settings, name = job.settings, job.settings.folder
    folder = workspace.exports / name
    params = {
        "format": job.format.name,
        "format_version": job.format.version,
        "settings": {field: getattr(settings, field) for field in job.format.settings.__dataclass_fields__},
        "recipe": recipe.digest,
    }
    recipe_digest = params_digest("export", _VERSION, params)
    with open_ledger(workspace) as con:
        found = gather(con, workspace, settings, *choice)
        last = latest_stage(con, "export", name)
        there = exported_digests(con, name)
    _require_some(found, job)
    asked = (recipe_digest, input_digest(found.entries))
    files = len(found.entries)
    written = not (last and (last.recipe_digest, last.input_digest) == asked and _is_whole(folder, last, there))
    if written:
        with published_folder(folder) as temporary:
            made = _fill(workspace, temporary, job, found, progress)
            with open_ledger(workspace) as con:
                write_lines(temporary / "PROVENANCE.jsonl", sightings_of(con, made))
                write_lines(temporary / "RUNS.jsonl", runs_of(con, made))
            write_manifest(temporary, made)
            write_credits(temporary, made)
            write_datasheet(temporary, made, recipe, settings)
            detail = {"format": job.format.name, "left_out": found.left_out, "digests": _others(temporary, made)}
        with open_ledger(workspace, write=True) as con:
            write_export(
                con,
                name=name,
                recipe_digest=recipe_digest,
                input_digest=asked[1],
                rows=[_row(name, file) for file in made],
                detail=detail,
            )
    return ExportReport(
        name=name, format=job.format.name, folder=folder, files=files, left_out=found.left_out, written=written
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
    workspace: Workspace, folder: Path, job: ExportJob, found: Gathered, progress: Progress
) -> Sequence[ExportedFile]:
    made, entries = [], _brought(workspace, found.entries)
    with progress.start(f"export {job.settings.folder}", len(found.entries)) as task:
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
