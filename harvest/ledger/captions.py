"""Captions for training: what they are made of, and the newest of each recipe."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest.ledger.insert import insert_columns
from harvest.ledger.transactions import Connection, registered, transaction
from harvest.ledger.writes import record_stage

__all__ = ["CaptionFacts", "CaptionRow", "FoundLabel", "caption_facts", "captions_of", "files_named", "write_captions"]

_BATCH = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionRow:
    """What an image is called in training; `origin` is `template:...`, `file:...`, or `sidecar`."""

    sha256: str
    caption: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLabel:
    """A word that a model found for an image, `path` from the root of its vocabulary, and its share in [0, 1]."""

    label: str
    path: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionFacts:
    """What is known of an image that a caption may say.

    `labels` are those that people gave by hand (`by_hand`), then the source's, each once; `found` those of models;
    `written` a caption that lay beside the original.
    """

    sha256: str
    title: str | None
    description: str | None
    tags: Sequence[str]
    labels: Sequence[str]
    creator: str | None
    source: str | None
    license: str | None
    taken_at: str | None
    published_at: str | None
    written: str | None
    found: Sequence[FoundLabel]
    by_hand: Sequence[str] = ()


def caption_facts(
    con: Connection, sha256s: NDArray[np.bytes_], labelled_by: Sequence[tuple[str, str]]
) -> Iterator[list[CaptionFacts]]:
    """Facts on the images `sha256s`, in order of sha256, some thousand at a time.

    `found` are the labels of each (model, vocabulary) of `labelled_by`, in their order, best first.
    """
    wanted = pa.table({"sha256": pa.array(sha256s).cast(pa.string())})
    models, vocabularies = [model for model, _ in labelled_by], [vocabulary for _, vocabulary in labelled_by]
    by = pa.table(
        {
            "model": pa.array(models, pa.string()),
            "vocabulary": pa.array(vocabularies, pa.string()),
            "turn": pa.array(range(len(labelled_by)), pa.int32()),
        }
    )
    statement = """
        SELECT sha256, p.title, p.description, coalesce(p.tags, []) AS tags,
               coalesce(g.given, []) AS by_hand, coalesce(p.labels, []) AS labels,
               p.creator, p.source, p.license, p.taken_at, p.published_at, p.raw->>'caption' AS written,
               coalesce(f.found, []) AS found
        FROM wanted LEFT JOIN provenance p USING (sha256) LEFT JOIN (
            SELECT sha256, list({'label': label, 'path': path, 'score': score} ORDER BY turn, rank) AS found
            FROM labels JOIN labelled_by USING (model, vocabulary) SEMI JOIN wanted USING (sha256) GROUP BY sha256
        ) f USING (sha256) LEFT JOIN (
            SELECT sha256, list(label ORDER BY label) AS given FROM given_labels GROUP BY sha256
        ) g USING (sha256) ORDER BY sha256"""
    with closing(con.cursor()) as cursor:  # of its own: its answer is read while others ask
        cursor.register("wanted", wanted)
        cursor.register("labelled_by", by)
        for batch in cursor.sql(statement).to_arrow_reader(_BATCH):
            yield [_facts(row) for row in batch.to_pylist()]


def _facts(row: Mapping[str, Any]) -> CaptionFacts:
    labels = list(dict.fromkeys([*row["by_hand"], *row["labels"]]))
    return CaptionFacts(**{**row, "labels": labels, "found": [FoundLabel(**found) for found in row["found"]]})


def files_named(con: Connection, stems: Collection[str]) -> list[tuple[str, str]]:
    """(stem, sha256) of images, each pair once, that have a file called so, whatever it ends in: a sized copy, one of
    an export, the file at the source; or that have it as their id there, with its ending or without.
    """
    with registered(con, "asked", pa.table({"stem": pa.array(list(stems), pa.string())})):
        return con.execute(
            """SELECT DISTINCT stem, sha256 FROM (
                   SELECT sha256, parse_filename(path, true) AS stem FROM derived
                   UNION ALL SELECT sha256, parse_filename(path, true) FROM exports
                   UNION ALL
                   SELECT sha256, unnest([source_id, regexp_replace(source_id, '[.][^./]+$', '')])
                   FROM sightings WHERE sha256 IS NOT NULL
                   UNION ALL
                   SELECT sha256, parse_filename(url_decode(regexp_replace(image_url, '[?#].*$', '')), true)
                   FROM sightings WHERE sha256 IS NOT NULL
               ) SEMI JOIN asked USING (stem) SEMI JOIN images_here USING (sha256) ORDER BY ALL"""
        ).fetchall()


def write_captions(
    con: Connection,
    *,
    name: str,
    recipe_digest: str,
    input_digest: str,
    columns: pa.Table,
    detail: Mapping[str, Any],
) -> None:
    """Put captions of the recipe `name` in force, in place of the earlier ones, which stay as history.

    `columns` are those of a CaptionRow.
    """
    with transaction(con):
        run = record_stage(con, "caption", name, recipe_digest, input_digest, detail)
        count = len(columns)
        columns = columns.append_column("stage_run", pa.array(np.full(count, run, np.int64)))
        insert_columns(con, "caption_rows", columns.append_column("name", pa.repeat(name, count)))


def captions_of(con: Connection, name: str) -> dict[str, CaptionRow]:
    """By sha256, the captions in force of the recipe `name`."""
    rows = con.execute("SELECT sha256, caption, origin FROM captions WHERE name = ?", [name]).fetchall()
    return {sha256: CaptionRow(sha256=sha256, caption=caption, origin=origin) for sha256, caption, origin in rows}
