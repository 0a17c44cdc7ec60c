"""What training asks of a dataset: which part of a split an image is in, and variants of the images to learn from."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

from harvest.ledger.insert import insert_columns, insert_selected, table_of
from harvest.ledger.transactions import Connection, transaction
from harvest.ledger.writes import record_stage

__all__ = [
    "AugmentedRow",
    "ParentRow",
    "SplitRow",
    "augmented_of",
    "bound_pairs",
    "earlier_splits",
    "made_variants",
    "not_augmented",
    "splits_of",
    "write_augmentation",
    "write_splits",
    "write_variants",
]

_MAKINGS = (
    "SELECT incoming.*, coalesce(now.making, 0) + 1 AS making",
    """LEFT JOIN (
           SELECT sha256, variant, recipe_digest, max(making) AS making,
                  arg_max((path, bytes, derived_sha256, source_sha256), making) AS said
           FROM augmented_rows SEMI JOIN incoming USING (sha256, variant, recipe_digest) GROUP BY ALL
       ) AS now USING (sha256, variant, recipe_digest)
       WHERE said IS DISTINCT FROM (path, bytes, derived_sha256, source_sha256)""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRow:
    """Where an image is: `split` is train, validation or test; images of one `part` are never torn apart.

    A part is named by the least sha256 of its images, among them those that are copies of one here. `label` is the
    first of those that the split is balanced by.
    """

    sha256: str
    split: str
    part: str
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentedRow:
    """One variant of the image `sha256`, pixels wide and high; `path` is relative to the workspace.

    `source_sha256` is of the file that was altered (the original, or a sized copy), `parameters` what was done to it.
    """

    sha256: str
    variant: int
    path: str
    bytes: int
    width: int
    height: int
    derived_sha256: str
    source_sha256: str
    parameters: Mapping[str, Any]
    recipe_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentRow:
    """How many variants an image has; `reason` says why it has none."""

    sha256: str
    variants: int
    reason: str | None = None


def write_splits(
    con: Connection,
    *,
    name: str,
    recipe_digest: str,
    input_digest: str,
    rows: Collection[SplitRow] | pa.Table,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Put the split of the recipe `name` in force, in place of the earlier one, which stays as history.

    `rows` may be columns of a SplitRow's names.
    """
    columns = rows if isinstance(rows, pa.Table) else table_of(SplitRow, rows)
    with transaction(con):
        run = record_stage(con, "split", name, recipe_digest, input_digest, detail or {})
        insert_columns(con, "split_rows", _belonging(columns, run, name))


def splits_of(con: Connection, name: str) -> dict[str, str]:
    """By sha256, in order, the part that an image of the recipe `name` is in: train, validation or test."""
    return dict(con.execute("SELECT sha256, split FROM splits WHERE name = ? ORDER BY sha256", [name]).fetchall())


def earlier_splits(con: Connection, name: str, recipe_digest: str) -> dict[str, str]:
    """By sha256, where an image was put last by a split of the recipe `name` under the same parameters.

    Images that have left the dataset since are among them, and find their way back.
    """
    rows = con.execute(
        """SELECT sha256, arg_max(split, stage_run) FROM split_rows JOIN stage_runs USING (stage_run, name)
           WHERE stage = 'split' AND name = ? AND recipe_digest = ? GROUP BY sha256""",
        [name, recipe_digest],
    ).fetchall()
    return dict(rows)


def bound_pairs(con: Connection, name: str, alike: float) -> Iterator[tuple[str, str]]:
    """Pairs of images that show the same: copies by the dedupe of the recipe `name`, also those that were dropped,
    and pictures that were laid over each other and agree by `alike` or more.
    """
    statement = """
        SELECT min(sha256) OVER (PARTITION BY group_id) AS sha256, sha256 AS other
        FROM duplicate_rows SEMI JOIN (FROM latest_stage_runs WHERE stage = 'dedupe' AND name = $name) USING (stage_run)
        UNION
        SELECT sha256, other FROM likenesses WHERE likeness >= $alike
        ORDER BY ALL"""
    with closing(con.cursor()) as cursor:
        for batch in cursor.sql(statement, params={"name": name, "alike": alike}).to_arrow_reader(65_536):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def write_variants(con: Connection, rows: Collection[AugmentedRow]) -> None:
    """Add variants. One that was made again, and is another one, is in force in place of the earlier one."""
    told = {
        "sha256": pa.array([row.sha256 for row in rows], pa.string()),
        "variant": pa.array([row.variant for row in rows], pa.int32()),
        "recipe_digest": pa.array([row.recipe_digest for row in rows], pa.string()),
        "path": pa.array([row.path for row in rows], pa.string()),
        "bytes": pa.array([row.bytes for row in rows], pa.int64()),
        "width": pa.array([row.width for row in rows], pa.int32()),
        "height": pa.array([row.height for row in rows], pa.int32()),
        "derived_sha256": pa.array([row.derived_sha256 for row in rows], pa.string()),
        "source_sha256": pa.array([row.source_sha256 for row in rows], pa.string()),
        "parameters": pa.array([json.dumps(dict(row.parameters), sort_keys=True) for row in rows], pa.string()),
    }
    insert_selected(con, "augmented_rows", pa.table(told), *_MAKINGS)


def made_variants(con: Connection, recipe_digest: str) -> dict[tuple[str, int], AugmentedRow]:
    """By sha256 and number, in order, every variant that was made under these parameters."""
    statement = f"""
        SELECT {_COLUMNS} FROM augmented_rows WHERE recipe_digest = ?
        QUALIFY row_number() OVER (PARTITION BY sha256, variant ORDER BY making DESC) = 1
        ORDER BY sha256, variant"""  # noqa: S608 - the names are a dataclass's own
    return {(row.sha256, row.variant): row for row in _variants(con, statement, [recipe_digest])}


def write_augmentation(
    con: Connection,
    *,
    name: str,
    recipe_digest: str,
    input_digest: str,
    rows: Collection[ParentRow],
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Put so many variants of these images in force for the recipe `name`; what was before stays as history."""
    with transaction(con):
        run = record_stage(con, "augment", name, recipe_digest, input_digest, detail or {})
        insert_columns(con, "augmented_parents", _belonging(table_of(ParentRow, rows), run, name))


def augmented_of(con: Connection, name: str) -> list[AugmentedRow]:
    """The variants in force of the recipe `name`, ordered by sha256 and number (view `augmented`).

    None is of an image that was taken down, nor of one that the recipe's split has in validation or test.
    """
    statement = f"SELECT {_COLUMNS} FROM augmented WHERE name = ? ORDER BY sha256, variant"  # noqa: S608
    return _variants(con, statement, [name])


def not_augmented(con: Connection, name: str) -> dict[str, str]:
    """By sha256, in order, why images of the recipe `name` have no variants."""
    statement = "SELECT sha256, reason FROM not_augmented WHERE name = ? ORDER BY sha256"
    return dict(con.execute(statement, [name]).fetchall())


_NAMES = tuple(field.name for field in fields(AugmentedRow))
_COLUMNS = ", ".join(_NAMES)


def _variants(con: Connection, statement: str, parameters: list[str]) -> list[AugmentedRow]:
    rows = (dict(zip(_NAMES, row, strict=True)) for row in con.execute(statement, parameters).fetchall())
    return [AugmentedRow(**{**row, "parameters": json.loads(row["parameters"])}) for row in rows]


def _belonging(columns: pa.Table, run: int, name: str) -> pa.Table:
    count = len(columns)
    columns = columns.append_column("stage_run", pa.array([run] * count, pa.int64()))
    return columns.append_column("name", pa.array([name] * count, pa.string()))
