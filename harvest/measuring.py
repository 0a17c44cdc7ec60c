"""Measuring what is not measured yet: scorers over the originals of a workspace, rows in its ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import overload

import pyarrow as pa
import pyarrow.compute as pc

from harvest import scorers
from harvest.errors import Broken, LedgerError
from harvest.images.decode import decode_rgb
from harvest.ledger import (
    FacesRow,
    ScoreRow,
    latest_stage,
    open_ledger,
    record_stage,
    unmeasured,
    write_faces,
    write_scores,
)
from harvest.processes import batches, in_processes
from harvest.progress import Progress
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["STAGE", "identify", "measure", "row_of"]

STAGE = "measure"
_BATCH = 2000  # images whose rows are written together


def measure(
    workspace: Workspace, names: Sequence[str], *, progress: Progress, left_out: Set[str] = frozenset()
) -> None:
    """Let the scorers `names` measure every image that they have not measured yet, but `left_out`; write the rows.

    Each image is decoded once, whichever scorers lack it, in worker processes; one that does not decode has a row
    without a value. What a stopped run had written stays. Nothing is loaded when nothing is missing.

    Raises ComponentMissing for a scorer that is not installed and lacks something, LedgerError when an original is
    gone.
    """
    by_id = {identify(workspace, name): name for name in dict.fromkeys(names)}
    with open_ledger(workspace) as con:
        missing = unmeasured(con, list(by_id), left_out=left_out)
    if not len(missing):
        return
    asked = sorted(set(pc.list_flatten(missing["lacking"]).to_pylist()))
    for identity in asked:
        scorers.load(by_id[identity])  # what cannot start says so here, once, and not in every worker
    with progress.start(f"measure {', '.join(by_id[identity] for identity in asked)}", len(missing)) as task:
        for measured in batches(in_processes(_measure, _Jobs(workspace, missing, by_id)), _BATCH, seconds=30.0):
            with open_ledger(workspace, write=True) as con:
                write_scores(con, [row for rows in measured for row in rows if isinstance(row, ScoreRow)])
                write_faces(con, [row for rows in measured for row in rows if isinstance(row, FacesRow)])
            task.advance(len(measured))
    with open_ledger(workspace, write=True) as con:
        for identity in asked:
            record_stage(con, STAGE, by_id[identity], identity, "", {"scorer": identity})


def identify(workspace: Workspace, name: str) -> str:
    """What measurements of the scorer `name` are kept by: of the one installed, else of the one that measured here.

    So exports and audits of a finished workspace need no detector. Raises ComponentMissing when neither is known.
    """
    identity = scorers.identify(name)
    if identity is not None:
        return identity
    with open_ledger(workspace) as con:
        last = latest_stage(con, STAGE, name)
    if last is not None:
        return str(last.detail["scorer"])
    return scorers.load(name).name  # raises, with what is missing and how to get it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    store: Store
    sha256: str
    path: str
    names: tuple[str, ...]


class _Jobs(Sequence[_Job]):
    """Made when they are asked for, because there may be a million."""

    def __init__(self, workspace: Workspace, missing: pa.Table, by_id: Mapping[str, str]) -> None:
        self._store = Store(workspace.root)
        self._missing = missing.combine_chunks()
        self._by_id = by_id

    def __len__(self) -> int:
        return len(self._missing)

    @overload
    def __getitem__(self, index: int) -> _Job: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[_Job]: ...

    def __getitem__(self, index: int | slice) -> _Job | Sequence[_Job]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        sha256, path, lacking = (column[index].as_py() for column in self._missing.columns)
        names = tuple(self._by_id[identity] for identity in lacking)
        return _Job(store=self._store, sha256=sha256, path=path, names=names)


def _measure(job: _Job) -> list[ScoreRow | FacesRow]:
    """All that one original lacks, in a worker process."""
    asked = [scorers.load(name) for name in job.names]
    path = job.store.local(job.path)
    if not path.is_file():
        raise LedgerError(f"{job.path}: the original is gone; `harvest verify` lists all that are")
    try:
        picture = decode_rgb(path, longest=max(scorer.longest for scorer in asked))
    except Broken:
        picture = None
    scores = [scorer(picture) if picture else None for scorer in asked]
    return [
        row_of(job.sha256, name, scorer.name, score)
        for name, scorer, score in zip(job.names, asked, scores, strict=True)
    ]


def row_of(sha256: str, name: str, identity: str, score: scorers.Score | None) -> ScoreRow | FacesRow:
    """The row that a measurement by the scorer `name` becomes, kept by its `identity`; None where nothing decodes."""
    if score is None:
        return ScoreRow(sha256=sha256, scorer=identity, value=None)
    if name == "faces":  # where audits look for them
        boxes = json.dumps(score.detail["boxes"])
        return FacesRow(sha256=sha256, detector=identity, faces=int(score.value), boxes=boxes)
    detail = json.dumps(score.detail, sort_keys=True) if score.detail else None
    return ScoreRow(sha256=sha256, scorer=identity, value=score.value, detail=detail)
