"""Vectors of images by models, computed where they are missing and kept in the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from harvest import embedders
from harvest.config.models import label_of
from harvest.config.recipe import params_digest
from harvest.engine import Embedded, Runner, embed, readable
from harvest.errors import ComponentMissing
from harvest.ledger import (
    Connection,
    count_vectors,
    decided,
    embedded_models,
    latest_stage,
    open_ledger,
    record_stage,
    without_vectors,
    write_decisions,
    write_embeddings,
)
from harvest.ledger.rows import DecisionRow
from harvest.processes import batches, behind
from harvest.progress import Progress
from harvest.stages.report import StageReport
from harvest.stages.work import digest_over
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["STAGE", "embed_all", "embed_images", "model_id", "undecodable", "undecodable_digest", "undecodable_row"]

STAGE = "embed"
VERSION = 1
_WRITE, _SECONDS = 2048, 2.0  # images, or seconds of them, that are written together: what a kill may cost


def embed_images(
    workspace: Workspace, name: str, *, progress: Progress, left_out: Set[str] = frozenset()
) -> StageReport:
    """`embed_all` with one model."""
    return embed_all(workspace, [name], progress=progress, left_out=left_out)[name]


def embed_all(
    workspace: Workspace, names: Sequence[str], *, progress: Progress, left_out: Set[str] = frozenset()
) -> dict[str, StageReport]:
    """Embed with each of the models `names` every image that has no vector of it, but `left_out`; a report by name.

    An image is read once for all models that lack it. One that does not decode gets a `drop` decision of the stage
    `embed`. What a stopped run had written stays. Nothing is loaded when nothing is missing.

    Raises WeightsMissing, ComponentMissing, and LedgerError when an original is gone.
    """
    import pyarrow.compute as pc  # noqa: PLC0415 - seven megabytes that few commands need

    identities = {name: model_id(workspace, name) for name in dict.fromkeys(names)}
    with open_ledger(workspace) as con:
        digests = {identity: undecodable_digest(identity) for identity in identities.values()}
        missing = without_vectors(con, digests, left_out=left_out)
        present = {identity: count_vectors(con, identity) for identity in digests}
    lacking = Counter(pc.list_flatten(missing.column("lacking")).to_pylist())
    runners = {
        identity: Runner(embedders.load(name), images=lacking[identity])
        for name, identity in identities.items()
        if lacking[identity]
    }
    run = _Run(workspace=workspace, runners=runners, broken=Counter())
    if runners:
        _carry_out(run, missing, progress)
    reports = {}
    for name, identity in identities.items():
        detail: dict[str, object] = {"model": identity}
        if identity in runners:
            device = runners[identity].device.kind
            detail |= {"device": device, "where": runners[identity].where, "broken": run.broken[identity]}
            todo = missing.filter(_is_lacking(missing, identity)).column("sha256").to_pylist()
            with open_ledger(workspace, write=True) as con:
                record_stage(con, STAGE, name, digests[identity], digest_over(todo), detail)
        reports[name] = StageReport(
            stage=STAGE,
            done=lacking[identity],
            skipped=present[identity],
            dropped=run.broken[identity],
            detail=detail,
        )
    return reports


def model_id(workspace: Workspace, name: str) -> str:
    """`name@digest` of a model: of its weights where they are here, else of those that embedded this workspace.

    So exports and audits of a finished workspace need neither weights nor torch, here or on another machine: there a
    model is known by its name without the path, if just one of that name has vectors. Raises WeightsMissing or
    ComponentMissing when neither is known.
    """
    try:
        return embedders.model_id_of(name)
    except ComponentMissing:
        with open_ledger(workspace) as con:
            last = latest_stage(con, STAGE, name)
            known = [model.model_id for model in embedded_models(con)] if last is None else [str(last.detail["model"])]
        alike = [model for model in known if model.rpartition("@")[0] == label_of(name)]
        if len(alike) != 1:
            raise
        return alike[0]


def undecodable(con: Connection, identity: str) -> set[str]:
    """The sha256s that could not be decoded for this model."""
    return decided(con, STAGE, undecodable_digest(identity))


def undecodable_digest(identity: str) -> str:
    """The recipe digest under which images stand that could not be decoded for this model."""
    return params_digest(STAGE, VERSION, {"model": identity})


def undecodable_row(sha256: str, identity: str, words: str) -> DecisionRow:
    """What is decided of an image that could not be decoded for this model; `words` say its kind of fault and more."""
    return DecisionRow(
        sha256=sha256,
        stage=STAGE,
        recipe_digest=undecodable_digest(identity),
        verdict="drop",
        reason=f"does not decode: {words}",
        decided_by=f"{STAGE}/{VERSION}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Models by identity, and how many images each could not be asked about."""

    workspace: Workspace
    runners: Mapping[str, Runner]
    broken: Counter[str]


def _carry_out(run: _Run, missing: pa.Table, progress: Progress) -> None:
    import pyarrow.compute as pc  # noqa: PLC0415 - seven megabytes that few commands need

    where = "; ".join(dict.fromkeys(runner.where for runner in run.runners.values()))
    progress.say(f"embedding {len(missing):,} images with {', '.join(run.runners)} on the {where}")
    lacks = pc.binary_join(missing.column("lacking"), "\n")
    with progress.start(STAGE, len(missing)) as task:
        for wanted in pc.unique(lacks).to_pylist():
            some, identities = missing.filter(pc.equal(lacks, wanted)), wanted.split("\n")
            runners = [run.runners[identity] for identity in identities]
            found = embed(_images(some), Store(run.workspace.root).read, runners, total=len(some))
            groups = batches(found, max(1, _WRITE // max(runner.at_once for runner in runners)), seconds=_SECONDS)
            # Written while the next ones are computed.
            for count in behind(partial(_write, run, identities), groups):
                task.advance(count, where)


def _write(run: _Run, identities: Sequence[str], group: Sequence[Embedded]) -> int:
    """Keep what was found, with all models, of some images; how many they are."""
    seen = [readable(one) for part in group for one in part.seen]
    good = np.array([one.fault is None for one in seen])
    there = [one.sha256 for one in seen if one.fault is None]
    drops = [
        undecodable_row(one.sha256, identity, str(one.fault))
        for identity in identities
        for one in seen
        if one.fault is not None
    ]
    with open_ledger(run.workspace, write=True) as con:
        for place, identity in enumerate(identities):
            if there:
                matrix = np.concatenate([part.vectors[place] for part in group])
                write_embeddings(con, identity, there, matrix[good])
            run.broken[identity] += len(seen) - len(there)
        if drops:
            write_decisions(con, drops)
    return len(seen)


def _images(missing: pa.Table) -> Iterator[tuple[str, str]]:
    for batch in missing.select(["sha256", "path"]).to_batches(max_chunksize=1024):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _is_lacking(missing: pa.Table, identity: str) -> pa.Array:
    """Which of the images lack a vector of one model."""
    import pyarrow.compute as pc  # noqa: PLC0415 - seven megabytes that few commands need

    lists = missing.column("lacking").combine_chunks()
    hits = pc.equal(pc.list_flatten(lists), identity)
    rows = pc.list_parent_indices(lists).filter(hits)
    return pc.is_in(pa.array(np.arange(len(missing), dtype=np.int64)), value_set=rows)
