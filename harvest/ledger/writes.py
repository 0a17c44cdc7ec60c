"""What the stages write. Rows are added, never taken away; each call is all or nothing, and safe to repeat."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest.ledger.database import Connection, registered, transaction
from harvest.ledger.insert import table_of
from harvest.ledger.rows import DecisionRow, DerivedRow, DuplicateRow, ExportRow, LayoutRow

__all__ = [
    "record_stage",
    "write_decisions",
    "write_derived",
    "write_duplicates",
    "write_embeddings",
    "write_export",
    "write_layout",
]


def write_decisions(con: Connection, rows: Collection[DecisionRow]) -> None:
    """Add verdicts. The first verdict of a (sha256, stage, recipe_digest) stands."""
    _insert(
        con,
        DecisionRow,
        rows,
        """INSERT INTO decisions BY NAME
           SELECT * REPLACE (coalesce(decided_at::TIMESTAMPTZ, now()) AS decided_at) FROM incoming
           ON CONFLICT DO NOTHING""",
    )


def write_embeddings(con: Connection, model: str, sha256s: Sequence[str], vectors: NDArray[np.float32]) -> None:
    """Add unit vectors, shape (n, d), of the images `sha256s`. Those that are there stay.

    Raises ValueError when the numbers differ or a vector is not finite.
    """
    matrix = np.ascontiguousarray(vectors, dtype=np.float32)
    if matrix.ndim != 2 or len(matrix) != len(sha256s):
        raise ValueError(f"{len(sha256s)} images, but vectors of shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError(f"vectors of {model} hold values that are not finite")
    if not len(matrix):
        return
    offsets = np.arange(len(matrix) + 1, dtype=np.int64) * matrix.shape[1]
    table = pa.table(
        {
            "sha256": pa.array(list(sha256s), pa.string()),
            "vector": pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(matrix.reshape(-1))),
        }
    )
    with registered(con, "incoming", table):
        con.execute("INSERT INTO embeddings SELECT sha256, ?, vector FROM incoming ON CONFLICT DO NOTHING", [model])


def write_derived(con: Connection, rows: Collection[DerivedRow]) -> None:
    """Add sized copies; a copy that was made again replaces what was said of the file."""
    _insert(con, DerivedRow, rows, "INSERT OR REPLACE INTO derived BY NAME SELECT * FROM incoming")


def record_stage(  # noqa: PLR0917 - the key of a stage run, in its columns' order
    con: Connection, stage: str, name: str, recipe_digest: str, input_digest: str, detail: Mapping[str, Any]
) -> int:
    """Note that a stage over the whole set called `name` is finished; the number of the new stage run."""
    ((number,),) = con.execute(
        "INSERT INTO stage_runs (stage, name, recipe_digest, input_digest, detail) VALUES (?, ?, ?, ?, ?) "
        "RETURNING stage_run",
        [stage, name, recipe_digest, input_digest, json.dumps(detail, sort_keys=True)],
    ).fetchall()
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
        _insert(con, DuplicateRow, rows, _belonging("duplicate_rows", run))


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
        _insert(con, LayoutRow, rows, _belonging("layout_rows", run))


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
        _insert(con, ExportRow, rows, _belonging("export_rows", run))


def _belonging(table: str, stage_run: int) -> str:
    return f"INSERT INTO {table} BY NAME SELECT {stage_run} AS stage_run, * FROM incoming"  # noqa: S608


def _insert(con: Connection, row: type[Any], rows: Collection[Any], statement: str) -> None:
    """Run `statement` over the table `incoming`, which holds `rows`."""
    if not rows:
        return
    with registered(con, "incoming", table_of(row, rows)):
        con.execute(statement)
