"""Every export of a recipe held against the gates before the first of them is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harvest.config.recipe import Recipe
from harvest.export.base import Entry, ExportSettings, Rule
from harvest.export.beside import choose_beside
from harvest.export.choice import Choice, Looked
from harvest.export.gates import Finding, GateQuestion, ask_gates
from harvest.export.gather import Gathered, gather, gather_beside, size_digest_of
from harvest.export.registry import ExportJob
from harvest.export.trainers.lora import LoraSettings
from harvest.ledger import Connection, open_ledger
from harvest.ledger.sets import set_of
from harvest.workspace import Workspace

__all__ = ["Checked", "check_again", "check_jobs", "gather_job"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One export as the gates saw it: how many images it would have, and the sha256s of its regularisation set."""

    name: str
    format: str
    images: int
    beside: tuple[str, ...]
    findings: tuple[Finding, ...]


def check_jobs(workspace: Workspace, recipe: Recipe, jobs: Sequence[ExportJob], choice: Choice) -> list[Checked]:
    """What the gates find in the set of each export; nothing in an empty one. Raises as `gather` does."""
    with open_ledger(workspace) as con:
        return [_check_job(con, workspace, recipe, job, choice) for job in jobs]


def _check_job(con: Connection, workspace: Workspace, recipe: Recipe, job: ExportJob, choice: Choice) -> Checked:
    settings = job.settings
    size_digest = size_digest_of(con, settings.size, choice.size_digests)
    sha256s = set_of(
        con, choice.digests, size=settings.size, size_digest=size_digest, parts_of=(recipe.name, settings.splits)
    )
    beside = _beside(con, recipe, job, choice, sha256s)
    findings: tuple[Finding, ...] = ()
    if len(sha256s):
        entries: Sequence[Entry] = ()
        if job.format.rules:
            entries = gather_job(con, workspace, job, choice, beside)[1]
        findings = ask_gates(
            con, choice.looked.terms, _question(job, recipe.name, sha256s, beside, entries, choice.looked, size_digest)
        )
    return Checked(
        name=settings.folder, format=job.format.name, images=len(sha256s), beside=tuple(beside), findings=findings
    )


def check_again(  # noqa: PLR0917 - an export, and by what it was judged
    con: Connection, recipe: str, job: ExportJob, entries: Sequence[Entry], looked: Looked, size_digest: str | None
) -> tuple[Finding, ...]:
    """What the gates find in the entries of an export that is made again."""
    inside = np.asarray([entry.image.sha256 for entry in entries if not entry.regularises], dtype="S64")
    beside = [entry.image.sha256 for entry in entries if entry.regularises]
    return (
        ask_gates(con, looked.terms, _question(job, recipe, inside, beside, entries, looked, size_digest))
        if len(inside)
        else ()
    )


def gather_job(
    con: Connection, workspace: Workspace, job: ExportJob, choice: Choice, beside: Sequence[str]
) -> tuple[Gathered, tuple[Entry, ...]]:
    """The set of an export, and its entries with those of its regularisation set `beside` behind them."""
    settings = job.settings
    found = gather(con, workspace, settings, choice.digests, choice.size_digests, wording=choice.wording)
    entries = found.entries
    if beside and isinstance(settings, LoraSettings):
        entries += gather_beside(
            con,
            workspace,
            settings,
            beside,
            found.size_digest,
            wording=choice.wording,
            caption=settings.class_caption,
        )
    return found, entries


def _beside(
    con: Connection, recipe: Recipe, job: ExportJob, choice: Choice, sha256s: NDArray[np.bytes_]
) -> Sequence[str]:
    settings = job.settings
    if not isinstance(settings, LoraSettings) or settings.regularisation is None:
        return ()
    others, named = None, settings.regularisation.recipe
    if named is not None and choice.others is not None:
        others = choice.others(recipe.file.resolve().parent / Path(named).expanduser())
    return choose_beside(con, settings.regularisation, sha256s, choice.digests, others, seed=recipe.seed)


def _question(  # noqa: PLR0917 - what the gates ask about
    job: ExportJob,
    recipe: str,
    sha256s: NDArray[np.bytes_],
    beside: Sequence[str],
    entries: Sequence[Entry],
    looked: Looked,
    size_digest: str | None,
) -> GateQuestion:
    settings = job.settings
    return GateQuestion(
        export=settings.folder,
        recipe=recipe,
        sha256s=sha256s,
        beside=np.asarray(beside, dtype="S64"),
        size=job.format.training_size(settings),
        copies=(settings.size, size_digest) if settings.size else None,
        captions=settings.captions or "none",
        at_least=settings.at_least,
        looked=looked.near,
        rules=(
            *(job.format.rules(entries, settings) if job.format.rules else ()),
            *_few_beside(settings, len(sha256s), len(beside)),
        ),
    )


def _few_beside(settings: ExportSettings, images: int, found: int) -> Iterator[Rule]:
    """Whether the regularisation set is smaller than it was asked to be."""
    terms = settings.regularisation if isinstance(settings, LoraSettings) else None
    asked = (terms.count or images) if terms else 0
    if found < asked:
        yield Rule(
            message=f"regularisation: {found:,} of {asked:,} pictures found; what filters by meaning dropped is too "
            "little or too near to the set: name a `recipe` that selects others, or ask for fewer by `count`",
            images=found,
            binds=False,
        )
