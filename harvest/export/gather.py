"""From the ledger's rows to what an export holds."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from harvest.errors import CheckFailed
from harvest.export.base import Entry, ExportedFile, ExportSettings
from harvest.ledger import Connection, DerivedRow, derived, provenance, selected
from harvest.workspace import Workspace

__all__ = ["Gathered", "exported_digests", "gather", "input_digest", "runs_of", "sightings_of"]

_MET = "outcome IN ('stored', 'known', 'unchanged')"
_STEM = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The entries in the order of their sha256, and how many selected images have no file of the asked size."""

    entries: tuple[Entry, ...]
    left_out: int


def gather(
    con: Connection,
    workspace: Workspace,
    settings: ExportSettings,
    digests: Mapping[str, str],
    size_digests: Mapping[int, str] | None,
) -> Gathered:
    """Every selected image with its file of the asked size; `digests` and `size_digests` as in `run_exports`.

    What was taken down is not exported, whatever the decisions say. Raises CheckFailed for an image nobody has met.
    """
    removed = {sha256 for (sha256,) in con.execute("SELECT sha256 FROM takedowns").fetchall()}
    images = [image for image in selected(con, digests) if image.sha256 not in removed]
    wanted = [image.sha256 for image in images]
    origins = provenance(con, wanted)
    sized = _sized(con, settings.size, size_digests)
    places = _places(con, wanted)
    stems = _stems(wanted)
    entries = []
    for image in images:
        row = sized.get(image.sha256)
        if settings.size is not None and row is None:
            continue
        origin = origins.get(image.sha256)
        if origin is None:
            raise CheckFailed(f"image {image.sha256[:16]} has no sighting; `harvest audit` tells what else is untraced")
        entries.append(
            Entry(
                stem=stems[image.sha256],
                source=workspace.root / (row.path if row else image.path),
                digest=row.derived_sha256 if row else image.sha256,
                image=image,
                provenance=origin,
                caption=" ".join(origin.title.split()) if settings.captions == "title" and origin.title else None,
                places=places.get(image.sha256, 0),
            )
        )
    return Gathered(entries=tuple(entries), left_out=len(images) - len(entries))


def input_digest(entries: Sequence[Entry]) -> str:
    """Hex sha256 over all that an export of these entries is made from."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(json.dumps([entry.stem, entry.source.suffix, entry.digest, entry.record()]).encode())
    return digest.hexdigest()


def exported_digests(con: Connection, export: str) -> dict[str, str]:
    """Hex sha256 by path of the files that the ledger has for one export."""
    rows = con.execute("SELECT path, derived_sha256 FROM exports WHERE export = $export", {"export": export})
    return dict(rows.fetchall())


def sightings_of(con: Connection, files: Sequence[ExportedFile]) -> list[dict[str, Any]]:
    """Every sighting of the exported images, as PROVENANCE.jsonl tells them."""
    return _rows(
        con,
        f"""SELECT sha256, run_id, seq, source, source_id, image_url, page_url, license, license_raw, outcome,
                   http_status, etag, last_modified, {_utc("fetched_at")}
            FROM sightings SEMI JOIN wanted USING (sha256) WHERE {_MET} ORDER BY sha256, run_id, seq""",
        [file.entry.image.sha256 for file in files],
    )


def runs_of(con: Connection, files: Sequence[ExportedFile]) -> list[dict[str, Any]]:
    """Every run that met one of the exported images, as RUNS.jsonl tells them."""
    return _rows(
        con,
        f"""SELECT run_id, source, spider, config_digest, code_version, {_utc("started_at")}, {_utc("finished_at")},
                   outcome, journal_digest
            FROM runs WHERE run_id IN (SELECT run_id FROM sightings SEMI JOIN wanted USING (sha256) WHERE {_MET})
            ORDER BY run_id""",
        [file.entry.image.sha256 for file in files],
    )


def _sized(con: Connection, size: int | None, size_digests: Mapping[int, str] | None) -> dict[str, DerivedRow]:
    if size is None:
        return {}
    if size_digests is not None:
        return derived(con, size, size_digests[size]) if size in size_digests else {}
    newest = con.execute(
        "SELECT recipe_digest FROM derived_rows WHERE size = $size GROUP BY ALL ORDER BY max(rowid) DESC LIMIT 1",
        {"size": size},
    ).fetchone()
    return derived(con, size, newest[0]) if newest else {}


def _places(con: Connection, wanted: list[str]) -> dict[str, int]:
    rows = _rows(
        con,
        f"""SELECT sha256, count(DISTINCT (source, source_id, image_url)) AS places
            FROM sightings SEMI JOIN wanted USING (sha256) WHERE {_MET} GROUP BY sha256""",
        wanted,
    )
    return {row["sha256"]: row["places"] for row in rows}


def _rows(con: Connection, sql: str, wanted: list[str]) -> list[dict[str, Any]]:
    con.register("wanted", pa.table({"sha256": pa.array(wanted, pa.string())}))
    try:
        cursor = con.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    finally:
        con.unregister("wanted")


def _utc(column: str) -> str:
    return f"strftime({column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') AS {column}"


def _stems(wanted: list[str]) -> dict[str, str]:
    """The first 16 digits of each sha256; all 64 where two images share them."""
    short: dict[str, int] = {}
    for sha256 in wanted:
        short[sha256[:_STEM]] = short.get(sha256[:_STEM], 0) + 1
    return {sha256: sha256[:_STEM] if short[sha256[:_STEM]] == 1 else sha256 for sha256 in wanted}
