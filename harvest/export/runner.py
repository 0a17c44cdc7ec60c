"""A recipe's exports, one after the other, each only when something in it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from harvest.config.policy import Policy
from harvest.config.reader import Section
from harvest.config.recipe import Recipe, params_digest
from harvest.errors import UsageError
from harvest.export.base import Entry, ExportedFile, RecipeFacts
from harvest.export.checking import Checked, check_again, check_jobs, gather_job
from harvest.export.choice import Choice, Others, choice_of, looked_then
from harvest.export.filling import fill, gathered_here, is_whole, others, while_there_is_room
from harvest.export.gates import Finding, refuse
from harvest.export.gather import Gathered, gather_again
from harvest.export.paper import (
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
from harvest.export.told import exported_digests, runs_of, sightings_of
from harvest.export.work import Work, beside_of, counts_of, facts_of, made_by
from harvest.ledger import latest_stage, open_ledger, write_export
from harvest.ledger.rows import ExportRow
from harvest.progress import Progress
from harvest.workspace import Workspace

__all__ = ["ExportReport", "check_exports", "remake_export", "run_exports"]

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What became of one export. `left_out` counts selected images that have no file of the asked size, `uncaptioned`
    those that are there without the caption that was asked for.

    `written` is False when the folder stood there already, whole and up to date. `instructions` are lines for whoever
    goes on from there. `published` is where the export is in the store that its settings name. `findings` are what the
    gates found.
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
    findings: tuple[Finding, ...]


def run_exports(
    workspace: Workspace,
    recipe: Recipe,
    digests: Mapping[str, str],
    *,
    size_digests: Mapping[int, str] | None = None,
    labelled_by: Sequence[tuple[str, str]] = (),
    policy: Policy | None = None,
    others: Others | None = None,
    progress: Progress,
    to: str | None = None,
) -> list[ExportReport]:
    """Write the recipe's exports under `exports/`, doing only what is missing; with `to`, those of that format.

    `digests` maps each selecting stage to the recipe digest of its decisions, `size_digests` each size in pixels to
    that of its derived rows; without it, the newest rows of a size are taken. `labelled_by` are (model, vocabulary) by
    which the recipe's filters found labels. `policy` says what the gates insist on, and `others` which images another
    recipe selects, as `digests` does.

    All exports pass their gates before one is written. Raises CheckFailed where a gate refuses one and when a file is
    not what the ledger says, ConfigError for a bad `export:` section, UsageError when there is nothing to export,
    LedgerBusy while another process exports here.
    """
    jobs = build(recipe, to=to)
    if not jobs:
        return []
    choice = choice_of(
        recipe, digests, size_digests=size_digests, labelled_by=labelled_by, policy=policy, others=others
    )
    with locked(workspace.exports):
        checked = check_jobs(workspace, recipe, jobs, choice)
        for each in checked:
            for finding in each.findings:
                progress.say(f"export {each.name}: {finding.severity}: {finding.message}")
        for each in checked:
            refuse(each.name, each.findings)
        return [_run(workspace, recipe, job, choice, each, progress) for job, each in zip(jobs, checked, strict=True)]


def check_exports(
    workspace: Workspace,
    recipe: Recipe,
    digests: Mapping[str, str],
    *,
    size_digests: Mapping[int, str] | None = None,
    labelled_by: Sequence[tuple[str, str]] = (),
    policy: Policy | None = None,
    others: Others | None = None,
    to: str | None = None,
) -> list[Checked]:
    """What the gates find in the sets of the recipe's exports; nothing is written. Arguments as of `run_exports`."""
    choice = choice_of(
        recipe, digests, size_digests=size_digests, labelled_by=labelled_by, policy=policy, others=others
    )
    return check_jobs(workspace, recipe, build(recipe, to=to), choice)


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
        work = Work(
            job=job,
            recipe=recipe,
            recipe_digest=last.recipe_digest,
            left_out=last.detail.get("left_out", 0),
            wording=found.wording,
            stages=stages,
            size_digest=found.size_digest,
            counts=counts_of(workspace, found.entries, stages),
            looked=looked_then(workspace, name, last),
        )
        with open_ledger(workspace) as con:
            findings = check_again(con, recipe.name, job, found.entries, work.looked, found.size_digest)
        work = replace(work, findings=findings)
        _write(workspace, work, found.entries, progress)
        return _told(workspace, work, found.entries, progress, written=True)


def _run(  # noqa: PLR0917 - a job, and what is known of it
    workspace: Workspace, recipe: Recipe, job: ExportJob, choice: Choice, checked: Checked, progress: Progress
) -> ExportReport:
    settings, name = job.settings, job.settings.folder
    folder = workspace.exports / name
    params = {
        "format": job.format.name,
        "format_version": job.format.version,
        "settings": asdict(settings),
        "recipe": recipe.digest,
        "looked": asdict(choice.looked),
    }
    recipe_digest = params_digest("export", _VERSION, params)
    with open_ledger(workspace) as con:
        found, entries = gather_job(con, workspace, job, choice, checked.beside)
        last = latest_stage(con, "export", name)
        there = exported_digests(con, name)
    _require_some(found, job)
    work = Work(
        job=job,
        recipe=facts_of(recipe),
        recipe_digest=recipe_digest,
        left_out=found.left_out,
        wording=choice.wording,
        stages=choice.digests,
        size_digest=found.size_digest,
        counts=counts_of(workspace, entries, choice.digests),
        looked=choice.looked,
        findings=checked.findings,
    )
    asked = (recipe_digest, work.input_digest(entries))
    written = not (last and (last.recipe_digest, last.input_digest) == asked and is_whole(folder, last, there))
    if written:
        _write(workspace, work, entries, progress)
    return _told(workspace, work, entries, progress, written=written)


def _write(workspace: Workspace, work: Work, entries: Sequence[Entry], progress: Progress) -> None:
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
            write_datasheet(temporary, made, work.recipe, settings, work.counts, work.findings)
            write_licences(temporary, made)
            write_digests(temporary, work.recipe, made_by(work))
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
        "looked": asdict(work.looked),
        "findings": [asdict(finding) for finding in work.findings],
        "beside": beside_of(entries),
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


def _published(workspace: Workspace, work: Work, entries: Sequence[Entry], progress: Progress) -> str | None:
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
    workspace: Workspace, work: Work, entries: Sequence[Entry], progress: Progress, *, written: bool
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
        findings=work.findings,
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
