"""Results that were made elsewhere, as tables in Arrow: what is missing here, and how they become rows.

Rows of images that are not here, or were taken down, are left out; rows that are here stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest.errors import LedgerError
from harvest.ledger.insert import insert_columns, insert_selected
from harvest.ledger.transactions import Connection, registered
from harvest.ledger.writes import DERIVED_MAKINGS

__all__ = ["RESULT_TABLES", "holders", "known_among", "new_copies", "take_results", "work_columns"]

_TEXT = pa.string()

#: The tables of a result and their columns. `derived` has the bytes of each copy, and `faults` say what could not be
#: made into a vector of `model` ('' where no vector was wanted), and why.
RESULT_TABLES: Mapping[str, pa.Schema] = {
    "embeddings": pa.schema([("sha256", _TEXT), ("model", _TEXT), ("vector", pa.list_(pa.float32()))]),
    "fingerprints": pa.schema(
        [("sha256", _TEXT), ("method", _TEXT), ("version", _TEXT), ("value", _TEXT), ("quality", pa.float64())]
    ),
    "scores": pa.schema([("sha256", _TEXT), ("scorer", _TEXT), ("value", pa.float64()), ("detail", _TEXT)]),
    "faces": pa.schema([("sha256", _TEXT), ("detector", _TEXT), ("faces", pa.int32()), ("boxes", _TEXT)]),
    "derived": pa.schema(
        [
            ("sha256", _TEXT),
            ("size", pa.int32()),
            ("mode", _TEXT),
            ("path", _TEXT),
            ("bytes", pa.int64()),
            ("derived_sha256", _TEXT),
            ("recipe_digest", _TEXT),
            ("frame", pa.int32()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("place", pa.float64()),
            ("body", pa.binary()),
        ]
    ),
    "faults": pa.schema([("sha256", _TEXT), ("model", _TEXT), ("kind", _TEXT), ("words", _TEXT)]),
}
# What makes a row the one that it is, beside its image.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "embeddings": ("model",),
    "fingerprints": ("method", "version"),
    "scores": ("scorer",),
    "faces": ("detector",),
    "derived": ("size", "recipe_digest"),
    "decisions": ("stage", "recipe_digest"),
}


def work_columns(con: Connection) -> pa.Table:
    """All images as workers look at them, ordered by sha256, taken-down ones left out.

    Columns: sha256, path, phash_version, and title and image_url of the sighting that answers for the image.
    """
    return con.sql("""
        SELECT i.sha256, i.path, i.format, i.frames, i.phash_version, p.title, p.image_url
        FROM images_here i LEFT JOIN provenance p USING (sha256) ORDER BY i.sha256""").to_arrow_table()


def holders(con: Connection, table: str, **key: str | int) -> pa.ChunkedArray:
    """The sha256s that have a row in `table` under a key: `holders(con, "embeddings", model=identity)`, ordered."""
    if tuple(key) != _KEYS[table]:
        raise ValueError(f"rows of {table} are told apart by {_KEYS[table]}, not {tuple(key)}")
    conditions = " AND ".join(f'"{name}" = ?' for name in key)
    statement = f"SELECT sha256 FROM {table} WHERE {conditions} ORDER BY sha256"  # noqa: S608 - names of our own
    return con.sql(statement, params=list(key.values())).to_arrow_table().column("sha256")


def known_among(con: Connection, sha256s: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """Those of some images that are here, and those that never were; what is in neither was taken down."""
    import pyarrow.compute as pc  # noqa: PLC0415 - seven megabytes that few commands need

    with registered(con, "incoming", pa.table({"sha256": pc.unique(sha256s)})):
        here = con.sql("SELECT sha256 FROM incoming SEMI JOIN images_here USING (sha256)").to_arrow_table()
        strange = con.sql("""
            SELECT sha256 FROM incoming ANTI JOIN images USING (sha256) ANTI JOIN takedowns USING (sha256)
        """).to_arrow_table()
    return here.column("sha256").combine_chunks(), strange.column("sha256").combine_chunks()


def take_results(con: Connection, table: str, rows: pa.Table) -> int:
    """Add rows of a result's `table`, all but its faults; how many were new. Those that are here stay.

    The files of sized copies lie where they say. Raises LedgerError for vectors that cannot be of their model.
    """
    import pyarrow.compute as pc  # noqa: PLC0415 - seven megabytes that few commands need

    if table == "derived":
        return insert_selected(con, "derived_rows", rows.drop_columns(["body"]), *DERIVED_MAKINGS)
    if table == "embeddings":
        for model in pc.unique(rows.column("model")).to_pylist():
            vectors = rows.filter(pc.equal(rows.column("model"), model)).column("vector")
            _check_vectors(con, model, vectors.combine_chunks())
    return insert_columns(con, table, rows)


def _check_vectors(con: Connection, model: str, vectors: pa.ListArray) -> None:
    import pyarrow.compute as pc  # noqa: PLC0415 - seven megabytes that few commands need

    here = con.execute("SELECT len(vector) FROM embeddings WHERE model = ? LIMIT 1", [model]).fetchall()
    widths = set(pc.unique(pc.list_value_length(vectors)).to_pylist()) | {width for (width,) in here}
    if len(widths) != 1:
        raise LedgerError(
            f"{model}: vectors of {' and '.join(map(str, sorted(widths)))} numbers; a model has one width"
        )
    lengths = np.linalg.norm(_matrix(vectors, widths.pop()), axis=1)
    if not np.allclose(lengths, 1, atol=1e-2):
        raise LedgerError(f"{model}: vectors that are not of unit length are none of this model")


def _matrix(vectors: pa.ListArray, width: int) -> NDArray[np.float32]:
    return np.asarray(vectors.flatten().to_numpy(zero_copy_only=False), dtype=np.float32).reshape(-1, width)


def new_copies(con: Connection, rows: pa.Table) -> pa.Table:
    """The sized copies of which there is no other one in force, among rows as a result has them."""
    with registered(con, "incoming", rows):
        return con.sql("""
            SELECT incoming.* FROM incoming ANTI JOIN derived USING (sha256, size, recipe_digest)
            UNION ALL
            SELECT incoming.* FROM incoming
            SEMI JOIN derived USING (sha256, size, recipe_digest, mode, path, bytes, derived_sha256)
        """).to_arrow_table()
