"""Nearest vectors: a question asked of all vectors of a model at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from harvest.ledger.transactions import Connection

__all__ = [
    "VECTORS_HERE",
    "CatalogueRow",
    "EmbeddedModel",
    "Near",
    "catalogued",
    "embedded_models",
    "nearest",
    "vector_batches",
    "vectors_of",
]

VECTORS_HERE = "model = $model AND sha256 NOT IN (SELECT sha256 FROM takedowns)"
"""Which rows of `embeddings` count, as SQL: those of one model, of images that were not taken down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedModel:
    """A model that the ledger has vectors of. `name` is what recipes call it, None where no stage run tells; `seal` is
    that of the vectors that came last.
    """

    model_id: str
    name: str | None
    vectors: int
    width: int
    seal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """An image and its cosine with what was asked for."""

    sha256: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueRow:
    """An image that is here, with what the sighting that answers for it says (view `catalogue`)."""

    sha256: str
    path: str
    width: int
    height: int
    title: str | None
    creator: str | None
    license: str | None
    source: str | None
    page_url: str | None


def catalogued(con: Connection, sha256s: Collection[str]) -> dict[str, CatalogueRow]:
    """By sha256, those of the images `sha256s` that are here."""
    names = [field.name for field in fields(CatalogueRow)]
    statement = f"SELECT {', '.join(names)} FROM catalogue WHERE sha256 IN (SELECT unnest(?))"  # noqa: S608
    rows = con.execute(statement, [list(sha256s)]).fetchall()
    return {row[0]: CatalogueRow(**dict(zip(names, row, strict=True))) for row in rows}


def embedded_models(con: Connection) -> list[EmbeddedModel]:
    """The models of the ledger's vectors, those with the most vectors first."""
    rows = con.execute(
        """WITH called AS (
               SELECT detail->>'model' AS model, arg_max(name, stage_run) AS name FROM stage_runs
               WHERE stage = 'embed' GROUP BY 1
           )
           SELECT model, any_value(called.name), count(*), max(len(vector)), max(coalesce(seal, 1))
           FROM embeddings LEFT JOIN called USING (model)
           WHERE sha256 NOT IN (SELECT sha256 FROM takedowns) GROUP BY model ORDER BY count(*) DESC, model"""
    ).fetchall()
    names = [field.name for field in fields(EmbeddedModel)]
    return [EmbeddedModel(**dict(zip(names, row, strict=True))) for row in rows]


def nearest(
    con: Connection,
    model: str,
    query: NDArray[np.float32],
    *,
    top: int,
    after: int = 0,
    stages: Mapping[str, str] | None = None,
) -> list[Near]:
    """The `top` images whose vectors of `model` have the largest cosine with the unit vector `query` (d,), best first.

    Exact: every vector is looked at, by DuckDB on all cores, which is faster than bringing them here for a matrix
    product. Only vectors with a seal above `after` count, and only images that all `stages` (stage -> recipe_digest)
    keep.
    """
    kept = """AND sha256 IN (
        SELECT sha256 FROM decisions
        JOIN (SELECT unnest($stages) AS stage, unnest($digests) AS recipe_digest) USING (stage, recipe_digest)
        GROUP BY sha256 HAVING count(*) FILTER (verdict = 'keep') = len($stages) AND bool_and(verdict = 'keep'))"""
    statement = f"""
        SELECT sha256, list_inner_product(vector, $query::FLOAT[]) AS score FROM embeddings
        WHERE {VECTORS_HERE} AND coalesce(seal, 1) > $after {kept if stages else ""}
        ORDER BY score DESC, sha256 LIMIT $top"""  # noqa: S608
    values: dict[str, object] = {"model": model, "query": [float(value) for value in query], "top": top, "after": after}
    if stages:
        values |= {"stages": list(stages.keys()), "digests": list(stages.values())}
    rows = con.execute(statement, values).fetchall()
    return [Near(sha256=sha256, score=float(score)) for sha256, score in rows]


def vectors_of(con: Connection, model: str, sha256s: Collection[str]) -> dict[str, NDArray[np.float32]]:
    """The vectors of `model`, each (d,), of those of the images `sha256s` that have one."""
    rows = con.execute(
        f"SELECT sha256, vector FROM embeddings WHERE {VECTORS_HERE} AND sha256 IN (SELECT unnest($sha256s))",  # noqa: S608
        {"model": model, "sha256s": list(sha256s)},
    ).fetchall()
    return {sha256: np.asarray(vector, np.float32) for sha256, vector in rows}


def vector_batches(con: Connection, model: str, *, after: int = 0) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """The vectors of `model` with a seal above `after`, with their images' sha256, some thousand at a time: (n, d)."""
    statement = (
        f"SELECT sha256, vector FROM embeddings WHERE {VECTORS_HERE} AND coalesce(seal, 1) > $after ORDER BY sha256"  # noqa: S608
    )
    # A cursor of its own: a relation may not start while the connection has an answer that nobody read to its end.
    with closing(con.cursor()) as cursor:
        for batch in cursor.sql(statement, params={"model": model, "after": after}).to_arrow_reader(16_384):
            values = batch.column(1).flatten().to_numpy(zero_copy_only=False)
            yield batch.column(0).to_pylist(), values.reshape(len(batch), -1)
