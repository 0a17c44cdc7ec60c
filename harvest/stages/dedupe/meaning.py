"""The layer of vectors: every image's nearest ones by a model, new images compared with all known ones."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest.config.dedupe import DedupeConfig, EmbeddingConfig
from harvest.errors import Broken
from harvest.images.decode import decode_rgb
from harvest.ledger import (
    compared_values,
    near_values,
    open_ledger,
    transaction,
    vectors,
    without_vectors,
    write_comparison,
    write_embeddings,
)
from harvest.processes import batches, in_processes
from harvest.progress import Progress
from harvest.stages.dedupe.alignment import DIHEDRAL
from harvest.stages.dedupe.embedding import NEIGHBOURS, STRUCTURE, candidates, structure
from harvest.stages.dedupe.groups import Layer
from harvest.stages.dedupe.pictures import Pictures
from harvest.stages.dedupe.register import SIDE, portrait
from harvest.stages.vectors import embed_images, model_id
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["embedding_layer"]

_BATCH = 2_000


def embedding_layer(
    workspace: Workspace, config: DedupeConfig, pictures: Pictures, progress: Progress
) -> tuple[Layer, dict[str, int]]:
    """The layer that the recipe's embedding proposes, and what it cost: images read and compared.

    Images without a vector get one first. Distances are 1 - cosine. Raises WeightsMissing or ComponentMissing for a
    CLIP model that is not here.
    """
    assert config.embedding is not None
    embedding = config.embedding
    identity, read = _embedded(workspace, embedding, progress)
    turns = DIHEDRAL[config.dihedral] if identity == STRUCTURE else ("upright",)
    version = f"{identity}/k{NEIGHBOURS}" + (f"/{config.dihedral}" if len(turns) > 1 else "")
    radius = 1 - embedding.min_similarity
    with open_ledger(workspace) as con:
        sha256s, matrix = vectors(con, identity)
        done = compared_values(con, "embedding", version, radius).column("value").to_numpy().astype("S64")
    there = pictures.numbers(pa.chunked_array([pa.array(sha256s, pa.string())]))
    usable = (there >= 0) & (np.abs(matrix).sum(axis=1) > 0)  # no structure at all is like nothing
    there, matrix = there[usable], matrix[usable]
    known = np.isin(pictures.names[there], done)
    order = np.argsort(~known, kind="stable")
    numbers = there[order]
    with progress.start("compare vectors", int((~known).sum())) as task:
        found = candidates(
            matrix[order], embedding.min_similarity, known=int(known.sum()), turns=turns, advance=task.advance
        )
    one, other, distance = numbers[found.first], numbers[found.second], 1 - found.similarity.astype(np.float64)
    fresh = numbers[int(known.sum()) :]
    if len(fresh):
        _remember(
            workspace, pictures, version, radius, fresh, (np.minimum(one, other), np.maximum(one, other), distance)
        )
    with open_ledger(workspace) as con:
        table = near_values(con, "embedding", version, radius)
    one, other = (pictures.numbers(table.column(name)) for name in ("value", "other"))
    here = (one >= 0) & (other >= 0)
    label = np.full(len(pictures), -1, np.int32)
    label[numbers] = np.arange(len(numbers))
    distances = table.column("distance").to_numpy()[here]
    words = {"kind": "embedding", "method": identity, "threshold": radius}
    layer = Layer.of_pairs(label, label[one[here]], label[other[here]], distances, **words)
    return layer, {"read": read, "compared": len(fresh)}


def _embedded(workspace: Workspace, embedding: EmbeddingConfig, progress: Progress) -> tuple[str, int]:
    """The name under which the model's vectors are kept, once all images have one, and how many were made."""
    if embedding.model != STRUCTURE.partition("/")[0]:
        done = embed_images(workspace, embedding.model, progress=progress).done
        return model_id(workspace, embedding.model), done
    with open_ledger(workspace) as con:
        missing = without_vectors(con, {STRUCTURE: ""})
    names, paths = (missing.column(name).to_pylist() for name in ("sha256", "path"))
    sketch = partial(_structure, Store(workspace.root))
    made = 0
    with progress.start("describe structure", len(missing)) as task:
        results = zip(names, in_processes(sketch, paths), strict=True)
        for batch in batches(results, _BATCH):
            seen = [(sha256, vector) for sha256, vector in batch if vector is not None]
            if seen:
                with open_ledger(workspace, write=True) as con:
                    write_embeddings(con, STRUCTURE, [sha256 for sha256, _ in seen], np.stack([v for _, v in seen]))
            made += len(seen)
            task.advance(len(batch))
    return STRUCTURE, made


def _structure(store: Store, path: str) -> NDArray[np.float32] | None:
    try:
        return structure(portrait(decode_rgb(store.local(path), longest=SIDE)))
    except (Broken, OSError):
        return None


def _remember(  # noqa: PLR0917 - pairs and what they belong to
    workspace: Workspace,
    pictures: Pictures,
    version: str,
    radius: float,
    fresh: NDArray[np.int64],
    near: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
) -> None:
    sha256s = pictures.table.column("sha256")
    values = {"value": sha256s.take(near[0]), "other": sha256s.take(near[1]), "distance": pa.array(near[2])}
    with open_ledger(workspace, write=True) as con, transaction(con):
        write_comparison(
            con,
            method="embedding",
            version=version,
            radius=radius,
            values=sha256s.take(pa.array(fresh)),
            near=pa.table(values),
        )
