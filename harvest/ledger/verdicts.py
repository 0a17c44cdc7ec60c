"""Verdicts: which images a stage has still to judge, by which vectors, and what all judging came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harvest.ledger.transactions import Connection

__all__ = ["StageTally", "Tally", "count_embeddings", "dropped", "images_among", "tally", "vector_block"]

_OF_STAGES = "decisions JOIN (SELECT unnest({0}) AS stage, unnest({1}) AS recipe_digest) USING (stage, recipe_digest)"


def images_among(
    con: Connection,
    *,
    kept_by: Mapping[str, str],
    not_dropped_by: Mapping[str, str],
    undecided_by: Mapping[str, str] | None = None,
) -> NDArray[np.bytes_]:
    """The sha256s, (n,) of 64 bytes, in order, of the images that pass stages given as stage -> recipe_digest.

    Every stage of `kept_by` keeps them, none of `not_dropped_by` drops them, and none of `undecided_by` has a verdict
    on them.
    """
    statement = f"""
        SELECT sha256 FROM images_here
        {"SEMI" if kept_by else "ANTI"} JOIN (
            SELECT sha256 FROM {_OF_STAGES.format("$kept", "$kept_digests")} WHERE verdict = 'keep'
            GROUP BY sha256 HAVING count(*) = len($kept)
        ) AS kept USING (sha256)
        ANTI JOIN (
            SELECT sha256 FROM {_OF_STAGES.format("$dropped", "$dropped_digests")} WHERE verdict = 'drop'
        ) AS dropped USING (sha256)
        ANTI JOIN (SELECT sha256 FROM {_OF_STAGES.format("$decided", "$decided_digests")}) AS decided USING (sha256)
        ORDER BY sha256"""  # noqa: S608
    asked = {"kept": kept_by, "dropped": not_dropped_by, "decided": undecided_by or {}}
    values = {name: list(stages.keys()) for name, stages in asked.items()}
    values |= {f"{name}_digests": list(stages.values()) for name, stages in asked.items()}
    column = con.sql(statement, params=values).to_arrow_table().column("sha256")
    return np.asarray(column.to_numpy(), dtype="S64")


def dropped(con: Connection, stage: str, recipe_digest: str) -> set[str]:
    """The sha256s that a stage dropped."""
    statement = "SELECT sha256 FROM decisions WHERE stage = ? AND recipe_digest = ? AND verdict = 'drop'"
    return {sha256 for (sha256,) in con.execute(statement, [stage, recipe_digest]).fetchall()}


def count_embeddings(con: Connection) -> int:
    """How many vectors there are, of all models: the end of `vector_block`."""
    return int(con.execute("SELECT coalesce(max(rowid) + 1, 0) FROM embeddings").fetchall()[0][0])


def vector_block(con: Connection, model: str, first: int, count: int) -> tuple[NDArray[np.bytes_], NDArray[np.float32]]:
    """The vectors of `model` among the rows `first` to `first + count` of all: sha256s, (n,) of 64 bytes; (n, d).

    Rows never go away or change places, so that blocks may be read by one connection each.
    """
    table = con.sql(
        "SELECT sha256, vector FROM embeddings WHERE model = $model AND rowid >= $first AND rowid < $first + $count",
        params={"model": model, "first": first, "count": count},
    ).to_arrow_table()
    values = table.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    sha256s = np.asarray(table.column("sha256").to_numpy(), dtype="S64")
    return sha256s, np.asarray(values, np.float32).reshape(len(sha256s), -1 if len(sha256s) else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTally:
    """The verdicts of one stage. `only` of the dropped ones no other stage drops.

    `thresholds` are the least and the greatest number that values were held against, None where there was none.
    """

    kept: int = 0
    dropped: int = 0
    only: int = 0
    thresholds: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many images no stage dropped, how many at least one did, and what each stage did."""

    kept: int
    dropped: int
    by_stage: Mapping[str, StageTally]


def tally(con: Connection, stages: Mapping[str, str]) -> Tally:
    """Count the verdicts of these stages (stage -> recipe_digest)."""
    among = _OF_STAGES.format("?", "?")
    named = [list(stages.keys()), list(stages.values())]
    # By image first: how many stages drop it, and which one where that is one alone.
    rows = con.execute(
        f"""SELECT drops, CASE drops WHEN 1 THEN dropper END AS only, count(*)
            FROM (SELECT count(*) FILTER (verdict = 'drop') AS drops,
                         any_value(stage) FILTER (verdict = 'drop') AS dropper FROM {among} GROUP BY sha256)
            GROUP BY ALL""",  # noqa: S608
        named,
    ).fetchall()
    only = {stage: count for drops, stage, count in rows if drops == 1}
    kept = sum(count for drops, _, count in rows if not drops)
    counted = con.execute(
        f"""SELECT stage, count(*) FILTER (verdict = 'keep'), count(*) FILTER (verdict = 'drop'),
                   min(threshold), max(threshold)
            FROM {among} GROUP BY stage""",  # noqa: S608
        named,
    ).fetchall()
    by_stage = {stage: StageTally() for stage in stages} | {
        stage: StageTally(
            kept=kept, dropped=dropped, only=only.get(stage, 0), thresholds=None if least is None else (least, most)
        )
        for stage, kept, dropped, least, most in counted
    }
    return Tally(kept=kept, dropped=sum(count for drops, _, count in rows if drops), by_stage=by_stage)
