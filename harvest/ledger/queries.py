"""What the rest of the program asks the ledger. Every list has a fixed order, so that equal ledgers answer equally."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest.items import EvidenceRef, Signal
from harvest.ledger.database import Connection
from harvest.ledger.nearest import VECTORS_HERE, vector_batches
from harvest.ledger.rows import (
    DecisionRow,
    DerivedRow,
    DuplicateRow,
    ExportRow,
    ImageRow,
    LayoutRow,
    RunRow,
    SightingRow,
    StageRun,
)
from harvest.ledger.transactions import registered

__all__ = [
    "count_images",
    "count_vectors",
    "decided",
    "decisions",
    "derived",
    "derived_frames",
    "duplicates",
    "exported",
    "focus_points",
    "images",
    "last_run",
    "latest_stage",
    "latest_stages",
    "layout_of",
    "opt_outs",
    "provenance",
    "runs",
    "selected",
    "sightings_of",
    "vectors",
    "without_vectors",
]

Row = TypeVar("Row")

# Python's binding needs a further package to hand out TIMESTAMPTZ; text needs none and is what the rows hold.
_ISO = "strftime({0}, '%Y-%m-%dT%H:%M:%S.%fZ') AS {0}"
_MOMENTS = frozenset({"decided_at", "fetched_at", "finished_at", "first_seen", "started_at"})


def _signals(text: str) -> tuple[Signal, ...]:
    return tuple(Signal(**signal) for signal in json.loads(text))


def _references(text: str | None) -> tuple[EvidenceRef, ...]:
    return tuple(EvidenceRef(**reference) for reference in json.loads(text or "[]"))


def _mapping(text: str | None) -> dict[str, Any]:
    return dict(json.loads(text)) if text else {}


_DECODE: Mapping[str, Callable[[Any], Any]] = {
    "opt_out": _signals,
    "raw": _mapping,
    "detail": _mapping,
    "tags": tuple,
    "labels": lambda labels: tuple(labels or ()),
    "carrier": _mapping,
    "evidence": _references,
}


def _columns(row: type[Any]) -> str:
    """The SELECT list that fills the dataclass `row`, moments as text."""
    return ", ".join(_ISO.format(f.name) if f.name in _MOMENTS else f'"{f.name}"' for f in fields(row))


def _rows(con: Connection, row: type[Row], statement: str, parameters: object = None) -> list[Row]:
    """Run `statement`, which selects `_columns(row)` in their order."""
    names = [f.name for f in fields(row)]  # type: ignore[arg-type]
    decoders = [(index, _DECODE[name]) for index, name in enumerate(names) if name in _DECODE]
    answer: list[Row] = []
    for values in con.execute(statement, parameters).fetchall():
        cells = list(values)
        for index, decode in decoders:
            cells[index] = decode(cells[index])
        answer.append(row(**dict(zip(names, cells, strict=True))))
    return answer


def runs(con: Connection) -> list[RunRow]:
    """Every crawl, oldest first."""
    return _rows(con, RunRow, f"SELECT {_columns(RunRow)} FROM runs ORDER BY runs.started_at, run_id")  # noqa: S608


def last_run(con: Connection, source: str) -> RunRow | None:
    """The crawl of `source` that began last."""
    statement = (
        f"SELECT {_columns(RunRow)} FROM runs WHERE source = ? ORDER BY runs.started_at DESC, run_id DESC LIMIT 1"  # noqa: S608
    )
    return next(iter(_rows(con, RunRow, statement, [source])), None)


def images(con: Connection) -> list[ImageRow]:
    """Every image that was not taken down, ordered by sha256."""
    return _rows(con, ImageRow, f"SELECT {_columns(ImageRow)} FROM images_here ORDER BY sha256")  # noqa: S608


def count_images(con: Connection) -> int:
    """How many images there are that were not taken down."""
    return int(con.execute("SELECT count(*) FROM images_here").fetchall()[0][0])


def selected(con: Connection, stages: Mapping[str, str]) -> list[ImageRow]:
    """The images that every stage of `stages` (stage -> recipe_digest) decided to keep, ordered by sha256.

    An image that a stage has not decided on yet is not selected; without stages, all images are. What was taken down
    never is.
    """
    if not stages:
        return images(con)
    statement = f"""
        SELECT {_columns(ImageRow)} FROM images_here WHERE sha256 IN (
            SELECT sha256 FROM decisions
            JOIN (SELECT unnest(?) AS stage, unnest(?) AS recipe_digest) USING (stage, recipe_digest)
            GROUP BY sha256 HAVING count(*) FILTER (verdict = 'keep') = ? AND count(*) FILTER (verdict <> 'keep') = 0
        ) ORDER BY sha256"""  # noqa: S608 - the names are a dataclass's own
    return _rows(con, ImageRow, statement, [list(stages.keys()), list(stages.values()), len(stages)])


def provenance(con: Connection, sha256s: Collection[str] | None = None) -> dict[str, SightingRow]:
    """By sha256, the sighting that answers for the image: the one that knows most (view `provenance`).

    `sha256s` limits the answer to these images; images that nobody saw are not in it.
    """
    limit, parameters = ("", []) if sha256s is None else ("WHERE sha256 IN (SELECT unnest(?))", [list(sha256s)])
    statement = f"SELECT {_columns(SightingRow)} FROM provenance {limit} ORDER BY sha256"  # noqa: S608
    return {row.sha256: row for row in _rows(con, SightingRow, statement, parameters) if row.sha256}


def sightings_of(con: Connection, sha256: str) -> list[SightingRow]:
    """Every time these bytes were met, oldest first."""
    statement = f"""SELECT {_columns(SightingRow)} FROM sightings WHERE sha256 = ?
        ORDER BY sightings.fetched_at NULLS LAST, run_id, seq"""  # noqa: S608
    return _rows(con, SightingRow, statement, [sha256])


def opt_outs(con: Connection) -> dict[str, list[Signal]]:
    """By sha256, every distinct refusal that any sighting of these bytes carried, ordered."""
    found: dict[str, list[Signal]] = {}
    statement = """
        SELECT DISTINCT sha256, signal->>'kind' AS kind, signal->>'value' AS value, signal->>'where' AS place
        FROM (SELECT sha256, unnest(from_json(opt_out, '["JSON"]')) AS signal
              FROM sightings WHERE sha256 IS NOT NULL AND opt_out <> '[]')
        ORDER BY ALL"""
    for sha256, kind, value, place in con.execute(statement).fetchall():
        found.setdefault(sha256, []).append(Signal(kind=kind, value=value, where=place))
    return found


def vectors(con: Connection, model: str) -> tuple[list[str], NDArray[np.float32]]:
    """The sha256s that have a vector of `model`, in order, and the vectors, shape (n, d), unit length.

    Raises ValueError when the vectors of one model differ in length.
    """
    widths = "count(*), coalesce(max(len(vector)), 0), coalesce(min(len(vector)), 0)"
    statement = f"SELECT {widths} FROM embeddings WHERE {VECTORS_HERE}"  # noqa: S608
    ((count, width, least),) = con.execute(statement, {"model": model}).fetchall()
    if width != least:
        raise ValueError(f"vectors of {model} have {least} to {width} dimensions")
    sha256s: list[str] = []
    matrix = np.empty((count, width), dtype=np.float32)
    for names, batch in vector_batches(con, model):  # so that a million vectors are never held twice
        matrix[len(sha256s) : len(sha256s) + len(names)] = batch
        sha256s.extend(names)
    return sha256s, matrix


def without_vectors(con: Connection, models: Mapping[str, str], *, left_out: Collection[str] = ()) -> pa.Table:
    """The images that lack a vector of any of `models`: columns sha256, path and lacking (a list of models).

    Ordered by sha256. Not among them are images in `left_out`, those that were taken down, and, for each model, those
    on which the stage `embed` has a verdict under the recipe digest that `models` names for it: nothing decodes there.
    """
    names = {"model": list(models), "digest": list(models.values())}
    wanted = pa.table({name: pa.array(values, pa.string()) for name, values in names.items()})
    passed = pa.table({"sha256": pa.array(list(left_out), pa.string())})
    with registered(con, "wanted", wanted), registered(con, "passed_over", passed):
        return con.sql(
            """SELECT i.sha256, i.path, list(w.model ORDER BY w.model) AS lacking
               FROM images_here i CROSS JOIN wanted w
               ANTI JOIN passed_over p ON p.sha256 = i.sha256
               ANTI JOIN embeddings e ON e.sha256 = i.sha256 AND e.model = w.model
               ANTI JOIN decisions d ON d.sha256 = i.sha256 AND d.stage = 'embed' AND d.recipe_digest = w.digest
               GROUP BY i.sha256, i.path ORDER BY i.sha256"""
        ).to_arrow_table()


def count_vectors(con: Connection, model: str) -> int:
    """How many images that were not taken down have a vector of `model`."""
    statement = "SELECT count(*) FROM embeddings SEMI JOIN images_here USING (sha256) WHERE model = ?"
    return int(con.execute(statement, [model]).fetchall()[0][0])


def decided(con: Connection, stage: str, recipe_digest: str) -> set[str]:
    """The sha256s on which a stage has a verdict, of either kind."""
    statement = "SELECT sha256 FROM decisions WHERE stage = ? AND recipe_digest = ?"
    return {sha256 for (sha256,) in con.execute(statement, [stage, recipe_digest]).fetchall()}


def decisions(con: Connection, stages: Mapping[str, str]) -> list[DecisionRow]:
    """The verdicts of these stages (stage -> recipe_digest), ordered by sha256 and stage."""
    statement = f"""SELECT {_columns(DecisionRow)} FROM decisions
        JOIN (SELECT unnest(?) AS stage, unnest(?) AS recipe_digest) USING (stage, recipe_digest)
        ORDER BY sha256, stage"""  # noqa: S608
    return _rows(con, DecisionRow, statement, [list(stages.keys()), list(stages.values())])


def derived(con: Connection, size: int, recipe_digest: str) -> dict[str, DerivedRow]:
    """By sha256, the copies of one size that one recipe made, in order of sha256."""
    statement = f"""SELECT {_columns(DerivedRow)} FROM derived
        WHERE size = ? AND recipe_digest = ? ORDER BY sha256"""  # noqa: S608
    return {row.sha256: row for row in _rows(con, DerivedRow, statement, [size, recipe_digest])}


def derived_frames(con: Connection, size: int) -> dict[tuple[str, str], DerivedRow]:
    """By sha256 and recipe digest, the copies of one size that are further frames of their images."""
    statement = f"""SELECT {_columns(DerivedRow)} FROM derived
        WHERE size = ? AND frame > 0 ORDER BY sha256, frame"""  # noqa: S608
    return {(row.sha256, row.recipe_digest): row for row in _rows(con, DerivedRow, statement, [size])}


def focus_points(con: Connection) -> dict[str, tuple[float, float]]:
    """By sha256, the focus that the last sighting to name one has of an image: shares of its width and height."""
    statement = """
        SELECT sha256, (focus->>0)::DOUBLE, (focus->>1)::DOUBLE FROM (
            SELECT sha256, arg_max(raw->'focus', run_id || printf('/%012d', seq)) AS focus FROM sightings
            WHERE sha256 IS NOT NULL AND json_array_length(raw->'focus') = 2 GROUP BY sha256
        ) ORDER BY sha256"""
    return {sha256: (x, y) for sha256, x, y in con.execute(statement).fetchall()}


def duplicates(con: Connection, name: str | None = None) -> list[DuplicateRow]:
    """The groups of copies in force, of the dedupe called `name` or of all; ordered by group, keeper first."""
    return _newest(
        con, DuplicateRow, "duplicate_rows", stage="dedupe", name=name, order="group_id, keeper DESC, sha256"
    )


def layout_of(con: Connection, name: str) -> list[LayoutRow]:
    """The places of the layout `name` in force, row by row."""
    return _newest(con, LayoutRow, "layout_rows", stage="layout", name=name, order='"row", col, sha256')


def exported(con: Connection, name: str) -> list[ExportRow]:
    """The files of the export `name` in force, ordered by path."""
    return _newest(con, ExportRow, "export_rows", stage="export", name=name, order="path")


def _newest(con: Connection, row: type[Row], table: str, *, stage: str, name: str | None, order: str) -> list[Row]:
    statement = f"""SELECT {_columns(row)} FROM {table} WHERE stage_run IN (
            SELECT stage_run FROM latest_stage_runs WHERE stage = ? AND name = coalesce(?, name)
        ) ORDER BY {order}"""  # noqa: S608
    return _rows(con, row, statement, [stage, name])


def latest_stage(con: Connection, stage: str, name: str) -> StageRun | None:
    """The newest finished run of a stage over the set called `name`."""
    statement = f"SELECT {_columns(StageRun)} FROM latest_stage_runs WHERE stage = ? AND name = ?"  # noqa: S608
    return next(iter(_rows(con, StageRun, statement, [stage, name])), None)


def latest_stages(con: Connection) -> list[StageRun]:
    """The newest finished run of every stage and name, in the order in which they finished."""
    return _rows(con, StageRun, f"SELECT {_columns(StageRun)} FROM latest_stage_runs ORDER BY stage_run")  # noqa: S608
