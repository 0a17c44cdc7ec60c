"""A recipe's exports, one after the other, each only when something in it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from harvest.config.captions import CaptionLabels
from harvest.config.reader import Section, digest_of
from harvest.config.recipe import Recipe, params_digest
from harvest.errors import UsageError
from harvest.export.base import Entry, ExportedFile, RecipeFacts, SourceFacts
from harvest.export.entries import Wording
from harvest.export.filling import fill, gathered_here, is_whole, others, while_there_is_room
from harvest.export.gather import Gathered, gather, gather_again
from harvest.export.paper import (
    Census,
    census,
    write_credits,
    write_croissant,
    write_datasheet,
    write_digests,
    write_licences,
    write_lines,
    write_manifest,
)
from harvest.export.publish import locked, published_folder, remove_folder
from harvest.export.registry import FORMATS, ExportJob, build
from harvest.export.remote import publish_to, withdraw_from
from harvest.export.told import exported_digests, input_digest, runs_of, sightings_of
from harvest.ledger import latest_stage, open_ledger, write_export
from harvest.ledger.rows import ExportRow
from harvest.progress import Progress
from harvest.workspace import Workspace

__all__ = ["ExportReport", "remake_export", "run_exports"]

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What became of one export. `left_out` counts selected images that have no file of the asked size, `uncaptioned`
    those that are there without the caption that was asked for.

    `written` is False when the folder stood there already, whole and up to date. `instructions` are lines for whoever
    goes on from there. `published` is where the export is in the store that its settings name.
    """

    name: str
    format: str
    folder: Path
    files: int
    left_out: int
    uncaptioned: int
    written: bool
    instructions: tuple[str, ...]
    published: str | None


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
        recipe = Section(workspace.ledger, f"export {name}", last.detail["recipe"]).read(RecipeFacts)
        stages = last.detail.get("stages", {})
        work = _Work(
            job=job,
            recipe=recipe,
            recipe_digest=last.recipe_digest,
            left_out=last.detail.get("left_out", 0),
            wording=found.wording,
            stages=stages,
            size_digest=found.size_digest,
            counts=_counts(workspace, found.entries, stages),
        )
        _write(workspace, work, found.entries, progress)
        return _told(workspace, work, found.entries, progress, written=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One export to write, whatever its images are."""

    job: ExportJob
    recipe: RecipeFacts
    recipe_digest: str
    left_out: int
    wording: Wording
    stages: Mapping[str, str]
    size_digest: str | None
    counts: Census

    def input_digest(self, entries: Sequence[Entry]) -> str:
        """Hex sha256 over all that is written."""
        return input_digest(entries, self.counts.digest())


def _counts(workspace: Workspace, entries: Sequence[Entry], stages: Mapping[str, str]) -> Census:
    with open_ledger(workspace) as con:
        return census(con, [entry.image.sha256 for entry in entries], stages)


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
    work = _Work(
        job=job,
        recipe=_facts(recipe),
        recipe_digest=recipe_digest,
        left_out=found.left_out,
        wording=choice.wording,
        stages=choice.digests,
        size_digest=found.size_digest,
        counts=_counts(workspace, found.entries, choice.digests),
    )
    asked = (recipe_digest, work.input_digest(found.entries))
    written = not (last and (last.recipe_digest, last.input_digest) == asked and is_whole(folder, last, there))
    if written:
        _write(workspace, work, found.entries, progress)
    return _told(workspace, work, found.entries, progress, written=written)


def _write(workspace: Workspace, work: _Work, entries: Sequence[Entry], progress: Progress) -> None:
    """Put the export's folder in place of the one that is there, then its rows in force; without entries, no folder."""
    settings, name = work.job.settings, work.job.settings.folder
    folder, made, digests = workspace.exports / name, list[ExportedFile](), dict[str, str]()
    if not entries:
        remove_folder(folder)
    else:
        with while_there_is_room(folder), published_folder(folder) as temporary:
            with gathered_here(workspace, name, entries) as brought:
                made += fill(temporary, work.job, brought, progress)
            with open_ledger(workspace) as con:
                write_lines(temporary / "PROVENANCE.jsonl", sightings_of(con, made))
                write_lines(temporary / "RUNS.jsonl", runs_of(con, made))
            write_manifest(temporary, made)
            write_credits(temporary, made)
            write_datasheet(temporary, made, work.recipe, settings, work.counts)
            write_licences(temporary, made)
            write_digests(temporary, work.recipe, _made_by(work))
            write_croissant(temporary, made, work.recipe, settings, work.counts)
            digests |= others(temporary, made)
    detail = {
        "format": work.job.format.name,
        "left_out": work.left_out,
        "digests": digests,
        "settings": asdict(settings),
        "recipe": asdict(work.recipe),
        "wording": asdict(work.wording),
        "stages": dict(work.stages),
        "size_digest": work.size_digest,
    }
    with open_ledger(workspace, write=True) as con:
        write_export(
            con,
            name=name,
            recipe_digest=work.recipe_digest,
            input_digest=work.input_digest(entries),
            rows=[_row(name, file) for file in made],
            detail=detail,
        )


def _facts(recipe: Recipe) -> RecipeFacts:
    return RecipeFacts(
        name=recipe.name,
        title=recipe.title,
        description=recipe.description,
        digest=recipe.digest,
        text=recipe.file.read_text(encoding="utf-8"),
        sources=tuple(SourceFacts(name=source.stem, digest=digest_of(source)) for source in recipe.sources),
        policy_digest=digest_of(recipe.policy) if recipe.policy else None,
        about=recipe.about,
    )


def _made_by(work: _Work) -> dict[str, Any]:
    return {
        "format": {"name": work.job.format.name, "version": work.job.format.version},
        "settings": asdict(work.job.settings),
        "stages": dict(sorted(work.stages.items())),
        "size": work.size_digest,
    }


def _published(workspace: Workspace, work: _Work, entries: Sequence[Entry], progress: Progress) -> str | None:
    """Bring the store up to the folder that is there now, also where an earlier run was interrupted before it did."""
    url, name = work.job.settings.to, work.job.settings.folder
    if url is None:
        return None
    if not entries:
        withdraw_from(url)
        return None
    with open_ledger(workspace) as con:
        last, images = latest_stage(con, "export", name), exported_digests(con, name)
    assert last is not None
    generation = publish_to(url, name, workspace.exports / name, {**images, **last.detail["digests"]}, progress)
    return f"{url.rstrip('/')}/{generation}"


def _told(
    workspace: Workspace, work: _Work, entries: Sequence[Entry], progress: Progress, *, written: bool
) -> ExportReport:
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
        published=_published(workspace, work, entries, progress),
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


def _row(name: str, file: ExportedFile) -> ExportRow:
    return ExportRow(
        export=name,
        sha256=file.entry.image.sha256,
        path=file.path,
        derived_sha256=file.sha256,
        license=file.entry.provenance.license,
        credit=file.entry.credit,
    )
