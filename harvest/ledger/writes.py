"""What the stages write. Rows are added, never taken away; each call is all or nothing, and safe to repeat."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest.ledger.insert import insert, insert_columns, insert_selected, table_of
from harvest.ledger.rows import DecisionRow, DerivedRow, DuplicateRow, ExportRow, LayoutRow, StageRunRow
from harvest.ledger.transactions import Connection, transaction

__all__ = [
    "record_stage",
    "write_decisions",
    "write_derived",
    "write_duplicates",
    "write_embeddings",
    "write_export",
    "write_layout",
]


DERIVED_MAKINGS = (
    "SELECT incoming.*, coalesce(now.making, 0) + 1 AS making",
    """LEFT JOIN (
           SELECT sha256, size, recipe_digest, max(making) AS making,
                  arg_max((mode, path, bytes, derived_sha256), making) AS said
           FROM derived_rows SEMI JOIN incoming USING (sha256, size, recipe_digest) GROUP BY ALL
       ) AS now USING (sha256, size, recipe_digest)
       WHERE said IS DISTINCT FROM (mode, path, bytes, derived_sha256)""",
)


def write_decisions(con: Connection, rows: Collection[DecisionRow] | pa.Table) -> int:
    """Add verdicts, as rows or as columns of a DecisionRow's names; how many were new.

    The first of a (sha256, stage, digest) stands.
    """
    return insert_columns(con, "decisions", rows if isinstance(rows, pa.Table) else table_of(DecisionRow, rows))


def write_embeddings(con: Connection, model: str, sha256s: Sequence[str], vectors: NDArray[np.float32]) -> None:
    """Add unit vectors, shape (n, d), of the images `sha256s`. Those that are there stay.

    Raises ValueError when the numbers differ or a vector is not finite.
    """
    matrix = np.ascontiguousarray(vectors, dtype=np.float32)
    if matrix.ndim != 2 or len(matrix) != len(sha256s):
        raise ValueError(f"{len(sha256s)} images, but vectors of shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError(f"vectors of {model} hold values that are not finite")
    offsets = np.arange(len(matrix) + 1, dtype=np.int64) * matrix.shape[1]
    table = pa.table(
        {
            "sha256": pa.array(list(sha256s), pa.string()),
            "model": pa.array([model] * len(matrix), pa.string()),
            "vector": pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(matrix.reshape(-1))),
        }
    )
    insert_columns(con, "embeddings", table)


def write_derived(con: Connection, rows: Collection[DerivedRow]) -> None:
    """Add sized copies. A copy that was made again, and is another one, is in force in place of the earlier one."""
    insert_selected(con, "derived_rows", table_of(DerivedRow, rows), *DERIVED_MAKINGS)


def record_stage(  # noqa: PLR0917 - the key of a stage run, in its columns' order
    con: Connection, stage: str, name: str, recipe_digest: str, input_digest: str, detail: Mapping[str, Any]
) -> int:
    """Note that a stage over the whole set called `name` is finished; the number of the new stage run."""
    ((number,),) = con.execute("SELECT nextval('stage_run_ids')").fetchall()
    row = StageRunRow(
        stage_run=number,
        stage=stage,
        name=name,
        recipe_digest=recipe_digest,
        input_digest=input_digest,
        detail=json.dumps(detail, sort_keys=True),
    )
    insert(con, "stage_runs", StageRunRow, [row])
    return int(number)


def write_duplicates(
    con: Connection,
    *,
    name: str,
    recipe_digest: str,
    input_digest: str,
    rows: Collection[DuplicateRow],
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Put the groups of the dedupe called `name` in force, in place of the earlier ones, which stay as history."""
    with transaction(con):
        run = record_stage(con, "dedupe", name, recipe_digest, input_digest, detail or {})
        _insert_belonging(con, "duplicate_rows", run, DuplicateRow, rows)


def write_layout(
    con: Connection,
    *,
    name: str,
    recipe_digest: str,
    input_digest: str,
    rows: Collection[LayoutRow],
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Put the places of the layout `name` in force, in place of the earlier ones, which stay as history."""
    with transaction(con):
        run = record_stage(con, "layout", name, recipe_digest, input_digest, detail or {})
        _insert_belonging(con, "layout_rows", run, LayoutRow, rows)


def write_export(
    con: Connection,
    *,
    name: str,
    recipe_digest: str,
    input_digest: str,
    rows: Collection[ExportRow],
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Put the files of the export `name` in force, in place of the earlier ones, which stay as history."""
    with transaction(con):
        run = record_stage(con, "export", name, recipe_digest, input_digest, detail or {})
        _insert_belonging(con, "export_rows", run, ExportRow, rows)


def _insert_belonging(con: Connection, table: str, stage_run: int, row: type[Any], rows: Collection[Any]) -> None:
    columns = table_of(row, rows)
    insert_columns(con, table, columns.append_column("stage_run", pa.array([stage_run] * len(columns), pa.int64())))
