"""How filters judge, each kind in its way: verdicts as Arrow tables of decisions, some ten thousand at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest.ledger import (
    Connection,
    ReviewRow,
    count_embeddings,
    images,
    images_among,
    open_ledger,
    opt_outs,
    provenance,
    scores,
    vector_block,
    write_labels,
)
from harvest.processes import batches
from harvest.stages.asking import Questions
from harvest.stages.filters import Asked, ByScore, ByVectors, Candidate, FilterJob, InSql, Judged
from harvest.stages.filters.bounds import UNSEEN
from harvest.stages.filters.columns import judged
from harvest.workspace import Workspace

__all__ = ["BLOCK", "Turn", "judge_set", "judge_undecided", "said_of"]

BLOCK = 65_536  # rows judged in one go; what is written, and sealed, in one turn at the ledger: half a second or so


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One filter's turn at the images, under the `digest` of its decisions; `recipe` is the recipe's name.

    `identity` is that of its model or scorer, if it has one. `copies` names the stage (-> recipe_digest) whose dropped
    images are left out by filters that look at pictures. `said` and `words` are what people said, by sha256.
    """

    workspace: Workspace
    recipe: str
    job: FilterJob
    digest: str
    identity: str | None
    copies: Mapping[str, str]
    said: Mapping[str, bool]
    words: Mapping[str, str]

    def undecided(self, con: Connection) -> NDArray[np.bytes_]:
        """The sha256s on which it has no verdict yet, in order."""
        looks = isinstance(self.job.params, ByVectors | ByScore)
        return images_among(
            con,
            kept_by={},
            not_dropped_by=self.copies if looks else {},
            undecided_by={self.job.stage: self.digest},
        )

    def decisions(self, sha256s: NDArray[np.bytes_], found: Judged) -> pa.Table:
        """Verdicts on images, as columns of a DecisionRow's names."""
        n = len(sha256s)
        if not len(found.keep) == len(found.reason) == len(found.value) == len(found.threshold) == n:
            raise ValueError(f"{self.job.stage}: asked about {n} images, and judged another number of them")
        verdicts = np.where(found.keep, "keep", "drop")
        return pa.table(
            {
                "sha256": _texts(sha256s),
                "stage": pa.repeat(self.job.stage, n),
                "recipe_digest": pa.repeat(self.digest, n),
                "verdict": pa.array(verdicts, pa.string()),
                "reason": pa.array(found.reason, pa.string()),
                "value": pa.array(found.value, pa.float64(), from_pandas=True),  # NaN is NULL
                "threshold": pa.array(found.threshold, pa.float64(), from_pandas=True),
                "decided_by": pa.repeat(f"{self.job.stage}/{self.job.params.version}", n),
            }
        )

    def asked(self, questions: Questions, sha256s: NDArray[np.bytes_], vectors: NDArray[np.float32]) -> Asked:
        """What a filter by vectors is asked about these images."""
        return Asked(
            sha256s=sha256s.astype("U64"),
            vectors=vectors,
            texts=questions.texts,
            pictures=questions.pictures,
            said=self.said,
            words=self.words,
            known=questions.known,
        )


def said_of(reviews: list[ReviewRow]) -> tuple[dict[str, bool], dict[str, str]]:
    """What people said of images, True to keep and False to drop, and why and who: "too dark (Ada)"; by sha256."""
    single = [row for row in reviews if row.verdict in {"keep", "drop"}]
    said = {row.sha256: row.verdict == "keep" for row in single}
    return said, {row.sha256: f"{row.reason} ({row.decided_by})" for row in single}


def judge_undecided(turn: Turn) -> tuple[int, Iterator[pa.Table]]:
    """How many images a filter has no verdict on yet, and its decisions on them."""
    params = turn.job.params
    if isinstance(params, InSql):
        with open_ledger(turn.workspace) as con:
            table = judged(con, params, stage=turn.job.stage, recipe_digest=turn.digest, recipe=turn.recipe)
        return len(table), (table.slice(first, BLOCK) for first in range(0, len(table), BLOCK))
    with open_ledger(turn.workspace) as con:
        todo = turn.undecided(con)
    if isinstance(params, ByVectors):
        return len(todo), _by_vectors(turn, params, todo)
    if isinstance(params, ByScore):
        return len(todo), _by_score(turn, params, todo)
    return len(todo), _singly(turn, todo)


def judge_set(turn: Turn, sha256s: NDArray[np.bytes_]) -> tuple[pa.Table, dict[str, Any]]:
    """The decisions of a `whole` filter on a set of images, and what is to be kept of how it came to them."""
    params = turn.job.params
    assert isinstance(params, ByVectors)
    assert turn.identity is not None
    seen = np.zeros(len(sha256s), np.bool_)
    vectors = np.empty((0, 0), np.float32)
    for at, block in _vectors(turn.workspace, turn.identity, sha256s):
        if not vectors.size:
            vectors = np.empty((len(sha256s), block.shape[1]), np.float32)
        vectors[at], seen[at] = block, True
    parts, detail = [_without_vectors(turn, sha256s[~seen])], {}
    if seen.any():
        questions = Questions(workspace=turn.workspace, name=params.model, identity=turn.identity)
        found = params.judge_all(turn.asked(questions, sha256s[seen], _close_up(vectors, seen)))
        parts.append(turn.decisions(sha256s[seen], found))
        detail = dict(found.detail)
        _keep_labels(turn, found)
    return pa.concat_tables(parts), detail


def _by_vectors(turn: Turn, params: ByVectors, todo: NDArray[np.bytes_]) -> Iterator[pa.Table]:
    assert turn.identity is not None
    questions = Questions(workspace=turn.workspace, name=params.model, identity=turn.identity)
    seen = np.zeros(len(todo), np.bool_)
    for at, block in _vectors(turn.workspace, turn.identity, todo):
        found = params.judge_all(turn.asked(questions, todo[at], block))
        _keep_labels(turn, found)
        yield turn.decisions(todo[at], found)
        seen[at] = True
    unseen = todo[~seen]
    for first in range(0, len(unseen), BLOCK):
        yield _without_vectors(turn, unseen[first : first + BLOCK])


def _by_score(turn: Turn, params: ByScore, todo: NDArray[np.bytes_]) -> Iterator[pa.Table]:
    assert turn.identity is not None
    with open_ledger(turn.workspace) as con:
        table = scores(con, turn.identity)
    at = _places(todo, np.asarray(table.column("sha256").to_numpy(), dtype="S64"))
    measured = table.column("value").to_numpy().astype(np.float64)
    values = np.full(len(todo), np.nan)
    values[at[at >= 0]] = measured[at >= 0]
    for first in range(0, len(todo), BLOCK):
        part = slice(first, first + BLOCK)
        yield turn.decisions(todo[part], params.judge_scores(values[part]))


def _singly(turn: Turn, todo: NDArray[np.bytes_]) -> Iterator[pa.Table]:
    """Filters that judge one image at a time: what is known of the images is read at once."""
    if not len(todo):
        return
    with open_ledger(turn.workspace) as con:
        origins, refusals = provenance(con), opt_outs(con)
        asked = set(todo.astype("U64").tolist())
        candidates = [
            Candidate(image=image, origin=origins.get(image.sha256), signals=tuple(refusals.get(image.sha256, ())))
            for image in images(con)
            if image.sha256 in asked
        ]
    for some in batches(candidates, BLOCK, seconds=60):
        verdicts = [turn.job.params.judge(candidate) for candidate in some]  # type: ignore[union-attr]
        found = Judged(
            keep=np.array([verdict.keep for verdict in verdicts]),
            reason=[verdict.reason for verdict in verdicts],
            value=np.array([verdict.value for verdict in verdicts], np.float64),
            threshold=np.array([verdict.threshold for verdict in verdicts], np.float64),
        )
        yield turn.decisions(np.array([candidate.image.sha256 for candidate in some], "S64"), found)


def _vectors(
    workspace: Workspace, identity: str, wanted: NDArray[np.bytes_]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """The vectors of images, a block at a time: places in `wanted`, ascending, and vectors (n, d).

    The ledger is opened for each block anew, so that whoever writes has a turn in between.
    """
    first = end = 0
    while first <= end:
        with open_ledger(workspace) as con:
            end = count_embeddings(con)
            sha256s, vectors = vector_block(con, identity, first, BLOCK)
        places = _places(wanted, sha256s)
        order = np.argsort(places, kind="stable")
        order = order[places[order] >= 0]
        if len(order):
            yield places[order], vectors[order]
        first += BLOCK


def _places(sorted_names: NDArray[np.bytes_], names: NDArray[np.bytes_]) -> NDArray[np.int64]:
    """Where each of `names` stands in `sorted_names`, -1 where it does not."""
    if not len(sorted_names):
        return np.full(len(names), -1, np.int64)
    at = np.minimum(np.searchsorted(sorted_names, names), len(sorted_names) - 1)
    return np.where(sorted_names[at] == names, at, -1)


def _close_up(vectors: NDArray[np.float32], seen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The rows that are `seen`, moved together in place: a copy of a million vectors would be gigabytes."""
    kept = np.flatnonzero(seen)
    if len(kept) < len(vectors):
        for first in range(0, len(kept), BLOCK):
            rows = kept[first : first + BLOCK]
            vectors[first : first + len(rows)] = vectors[rows]
    return vectors[: len(kept)]


def _without_vectors(turn: Turn, sha256s: NDArray[np.bytes_]) -> pa.Table:
    n = len(sha256s)
    nothing = np.full(n, np.nan)
    return turn.decisions(
        sha256s, Judged(keep=np.zeros(n, np.bool_), reason=[UNSEEN] * n, value=nothing, threshold=nothing)
    )


def _keep_labels(turn: Turn, found: Judged) -> None:
    """Before the verdicts are written, so that an image with a verdict has its words."""
    if found.labels is not None and len(found.labels):
        assert turn.identity is not None
        with open_ledger(turn.workspace, write=True) as con:
            write_labels(con, turn.identity, found.labels)


def _texts(names: NDArray[np.bytes_]) -> pa.Array:
    return pa.array(names).cast(pa.string())
