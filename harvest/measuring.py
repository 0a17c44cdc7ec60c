"""Measuring what is not measured yet: scorers over the originals of a workspace, rows in its ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set

import pyarrow as pa

from harvest import scorers
from harvest.engine import Fault, Order, Seen, look, readable
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
from harvest.processes import batches
from harvest.progress import Progress, Task
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["STAGE", "identify", "measure", "row_of"]

STAGE = "measure"
_BATCH = 2000  # images whose rows are written together


def measure(
    workspace: Workspace, names: Sequence[str], *, progress: Progress, left_out: Set[str] = frozenset()
) -> None:
    """Let the scorers `names` measure every image that they have not measured yet, but `left_out`; write the rows.

    Each image is decoded once for all that lack it; one that does not decode has a row without a value, which says why.
    What a stopped run had written stays. Nothing is loaded when nothing is missing.

    Raises ComponentMissing for a scorer that is not installed and lacks something, LedgerError when an original is
    gone.
    """
    import pyarrow.compute as pc  # noqa: PLC0415 - seven megabytes that few commands need

    by_id = {identify(workspace, name): name for name in dict.fromkeys(names)}
    with open_ledger(workspace) as con:
        missing = unmeasured(con, list(by_id), left_out=left_out)
    if not len(missing):
        return
    lacking = set(pc.unique(pc.list_flatten(missing["lacking"])).to_pylist())
    asked = [identity for identity in by_id if identity in lacking]
    for identity in asked:
        scorers.load(by_id[identity])  # what cannot start says so here, once, and not in every worker
    with progress.start(f"measure {', '.join(by_id[identity] for identity in asked)}", len(missing)) as task:
        for seen in batches(_seen(workspace, missing, by_id, task), _BATCH, seconds=30.0):
            rows = [row for lacking, one in seen for row in _rows(one, lacking, by_id)]
            with open_ledger(workspace, write=True) as con:
                write_scores(con, [row for row in rows if isinstance(row, ScoreRow)])
                write_faces(con, [row for row in rows if isinstance(row, FacesRow)])
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


def _seen(
    workspace: Workspace, missing: pa.Table, by_id: Mapping[str, str], task: Task
) -> Iterator[tuple[tuple[str, ...], Seen]]:
    """Each image with the scorers that it lacked; those that lack the same together."""
    import pyarrow.compute as pc  # noqa: PLC0415 - seven megabytes that few commands need

    lacks = pc.binary_join(missing["lacking"], "\n")
    read = Store(workspace.root).read
    for wanted in pc.unique(lacks).to_pylist():
        some, lacking = missing.filter(pc.equal(lacks, wanted)), tuple(wanted.split("\n"))
        order = Order(scores=tuple(by_id[identity] for identity in lacking))
        for batch in look(_images(some), read, order, total=len(some)):
            for one in batch.seen:
                yield lacking, one
                task.advance()


def _images(missing: pa.Table) -> Iterator[tuple[str, str]]:
    for batch in missing.select(["sha256", "path"]).to_batches(max_chunksize=1024):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _rows(seen: Seen, lacking: Sequence[str], by_id: Mapping[str, str]) -> Iterator[ScoreRow | FacesRow]:
    readable(seen)
    for identity in lacking:
        name = by_id[identity]
        yield row_of(seen.sha256, name, identity, seen.fault or seen.scores[name])


def row_of(sha256: str, name: str, identity: str, found: scorers.Score | Fault | None) -> ScoreRow | FacesRow:
    """The row that a measurement by the scorer `name` becomes, kept by its `identity`; one without a value where
    nothing decodes.
    """
    if found is None or isinstance(found, Fault):
        detail = json.dumps({"fault": str(found)}) if found else None
        return ScoreRow(sha256=sha256, scorer=identity, value=None, detail=detail)
    if name == "faces":  # where audits look for them
        boxes = json.dumps(found.detail["boxes"])
        return FacesRow(sha256=sha256, detector=identity, faces=int(found.value), boxes=boxes)
    detail = json.dumps(found.detail, sort_keys=True) if found.detail else None
    return ScoreRow(sha256=sha256, scorer=identity, value=found.value, detail=detail)
