"""An index of a model's vectors, for ledgers so large that looking at every vector takes long.

Inverted lists over k-means cells (Jégou, Douze, Schmid 2011, "Product quantization for nearest neighbor search"; here
with a byte a number instead of product codes) by faiss. What it proposes is measured again with the ledger's own
vectors, so that scores are exact and what was taken down is left out.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from harvest import ledger
from harvest.errors import ComponentMissing
from harvest.ledger import Connection, EmbeddedModel, Near, vector_batches, vectors_of
from harvest.processes import cores
from harvest.progress import Progress
from harvest.workspace import INDEX_NAMES, Workspace, published_folder

__all__ = ["available", "nearest"]

_LISTS, _SEAL = "lists.faiss", "seal"
_PER_CELL, _LEAST_PER_CELL = 64, 39  # vectors that k-means looks at for each cell; with fewer faiss complains
_ITERATIONS = 8
_PROBED = 48  # cells that a question looks into
_PROPOSED = 8  # for each answer that is wanted: bytes instead of floats misplace by a few ranks
_LEAST = 128
_GROWTH = 0.02  # share of vectors that are looked at singly before they are worth being put into the lists
_OUTGROWN = 2  # from so many times the cells that an index has, it is made anew


def available() -> bool:
    """Whether the library is installed."""
    return find_spec("faiss") is not None


def nearest(
    con: Connection,
    workspace: Workspace,
    model: EmbeddedModel,
    query: NDArray[np.float32],
    *,
    top: int,
    progress: Progress,
) -> list[Near]:
    """The `top` images nearest to the unit vector `query` (d,), as far as the index finds them; scores are exact.

    The index is made when it is asked for first, and grows with what is new when that is worth it. Raises
    ComponentMissing without faiss.
    """
    if not available():
        raise ComponentMissing("an index needs faiss: pip install 'herbarium-harvester[ann]', or search with --exact")
    folder = workspace.indexes / _slug(model.model_id)
    with _alone(folder):
        listed = _read(folder)
        if listed is None or model.vectors - len(listed.names) > _GROWTH * model.vectors:
            listed = _grown(con, folder, listed, model, progress)
    _, numbers = listed.lists.search(query[None], max(_LEAST, _PROPOSED * top))
    proposed = {listed.names[number] for number in numbers[0].tolist() if number >= 0}
    found = vectors_of(con, model.model_id, proposed)
    near = [Near(sha256=sha256, score=float(vector @ query)) for sha256, vector in found.items()]
    if model.seal > listed.seal:
        near += ledger.nearest(con, model.model_id, query, top=top, after=listed.seal)
    return sorted(near, key=lambda each: (-each.score, each.sha256))[:top]


@dataclass(frozen=True, slots=True)
class _Listed:
    """An index: the images of its numbers 0, 1, 2..., and the seal of the vectors that came last."""

    lists: Any
    names: list[str]
    seal: int


def _grown(con: Connection, folder: Path, before: _Listed | None, model: EmbeddedModel, progress: Progress) -> _Listed:
    """The index brought up to the ledger, and written."""
    import faiss  # noqa: PLC0415 - an optional component

    faiss.omp_set_num_threads(cores())
    if before is None or _cells(model.vectors) > _OUTGROWN * before.lists.nlist:
        before = _Listed(_trained(con, model, progress), [], 0)
    lists, names = before.lists, list(before.names)
    with progress.start("index vectors", model.vectors - len(names)) as task:
        for sha256s, matrix in vector_batches(con, model.model_id, after=before.seal):
            lists.add(np.ascontiguousarray(matrix))
            names += sha256s
            task.advance(len(sha256s))
    table = pa.table({"sha256": pa.array(names, pa.string())}).replace_schema_metadata({_SEAL: str(model.seal)})
    with published_folder(folder) as made:
        faiss.write_index(lists, str(made / _LISTS))
        pq.write_table(table, made / INDEX_NAMES)
    return _Listed(lists, names, model.seal)


def _read(folder: Path) -> _Listed | None:
    import faiss  # noqa: PLC0415

    if not (folder / INDEX_NAMES).is_file():
        return None
    table = pq.read_table(folder / INDEX_NAMES)
    lists: Any = faiss.read_index(str(folder / _LISTS))
    lists.nprobe = _PROBED
    return _Listed(lists, table.column("sha256").to_pylist(), int(table.schema.metadata[_SEAL.encode()]))


def _trained(con: Connection, model: EmbeddedModel, progress: Progress) -> Any:
    """Empty lists, their cells found by k-means over some of the vectors: the same ones every time."""
    import faiss  # noqa: PLC0415

    cells, chance = _cells(model.vectors), np.random.default_rng(0)
    share = min(1.0, cells * _PER_CELL / model.vectors)
    some = [matrix[chance.random(len(matrix)) <= share] for _, matrix in vector_batches(con, model.model_id)]
    lists: Any = faiss.index_factory(model.width, f"IVF{cells},SQ8", faiss.METRIC_INNER_PRODUCT)
    lists.cp.niter, lists.cp.max_points_per_centroid, lists.cp.min_points_per_centroid = _ITERATIONS, _PER_CELL, 1
    lists.nprobe = _PROBED
    with progress.start(f"learn {cells:,} cells") as task:
        lists.train(np.concatenate(some))
        task.advance(cells)
    return lists


def _cells(vectors: int) -> int:
    return max(1, min(int(4 * vectors**0.5), vectors // _LEAST_PER_CELL))


def _slug(model_id: str) -> str:
    words = re.sub(r"[^A-Za-z0-9.-]+", "-", model_id).strip("-.")[:60]
    return f"{words}-{hashlib.sha256(model_id.encode()).hexdigest()[:8]}"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process makes an index in this workspace."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
