"""From the ledger's rows to what an export holds."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from harvest.errors import CheckFailed, UsageError
from harvest.export.base import Entry, ExportedFile, ExportSettings
from harvest.export.registry import FORMATS
from harvest.ledger import (
    Connection,
    DerivedRow,
    ImageRow,
    SightingRow,
    StageRun,
    captions_of,
    derived,
    exported,
    images,
    latest_stage,
    provenance,
    selected,
)
from harvest.workspace import Workspace

__all__ = [
    "Gathered",
    "GatheredAgain",
    "exported_digests",
    "gather",
    "gather_again",
    "input_digest",
    "runs_of",
    "sightings_of",
]

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
    *,
    recipe: str,
) -> Gathered:
    """Every selected image with its file of the asked size; `digests` and `size_digests` as in `run_exports`.

    `recipe` is the name of the one whose captions they have. What was taken down is not selected, whatever the
    decisions say. Raises CheckFailed for an image nobody has met, UsageError where the recipe's captions are wanted and
    not made yet.
    """
    kept = selected(con, digests)
    sized = _sized(con, settings.size, size_digests)
    stems = _stems([image.sha256 for image in kept])
    chosen = []
    for image in kept:
        row = sized.get(image.sha256)
        if settings.size is None or row is not None:
            path, digest = (row.path, row.derived_sha256) if row else (image.path, image.sha256)
            chosen.append(_Chosen(image, workspace.root / path, digest, stems[image.sha256]))
    entries = _entries(con, recipe, settings, chosen)
    return Gathered(entries=entries, left_out=len(kept) - len(entries))


@dataclass(frozen=True, slots=True, kw_only=True)
class GatheredAgain:
    """What is left of an export that was made before, and the settings that it was made by."""

    entries: tuple[Entry, ...]
    settings: ExportSettings


def gather_again(con: Connection, workspace: Workspace, export: str, last: StageRun) -> GatheredAgain | None:
    """The images of an export that were not taken down since, with the very files that it had of them.

    None where `last`, the stage run that made it, does not say by which settings.
    """
    form = FORMATS.get(last.detail.get("format", ""))
    if form is None or "settings" not in last.detail or "recipe" not in last.detail:
        return None
    settings = form.settings(**last.detail["settings"])
    rows = {row.sha256: row for row in exported(con, export)}
    made = _rows(
        con,
        "SELECT derived_sha256, min(path) AS path FROM derived SEMI JOIN wanted ON derived_sha256 = wanted.sha256 "
        "GROUP BY derived_sha256",
        [row.derived_sha256 for row in rows.values()],
    )
    paths = {row["derived_sha256"]: row["path"] for row in made}
    stems = _stems(sorted(rows))
    chosen = []
    for image in images(con):
        row = rows.get(image.sha256)
        if row is None:
            continue
        source = workspace.root / (
            image.path if row.derived_sha256 == image.sha256 else paths.get(row.derived_sha256, "")
        )
        if row.derived_sha256 != image.sha256 and not source.is_file():
            source = workspace.exports / export / row.path
        chosen.append(_Chosen(image, source, row.derived_sha256, stems[image.sha256]))
    return GatheredAgain(entries=_entries(con, last.detail["recipe"]["name"], settings, chosen), settings=settings)


class _Chosen(NamedTuple):
    """An image, the file of it that is exported with its digest, and its name there."""

    image: ImageRow
    source: Path
    digest: str
    stem: str


def _entries(con: Connection, recipe: str, settings: ExportSettings, chosen: Sequence[_Chosen]) -> tuple[Entry, ...]:
    wanted = [each.image.sha256 for each in chosen]
    origins, places = provenance(con, wanted), _places(con, wanted)
    captions = _captions(con, recipe, settings, origins)
    entries = []
    for image, source, digest, stem in chosen:
        origin = origins.get(image.sha256)
        if origin is None:
            raise CheckFailed(f"image {image.sha256[:16]} has no sighting; `harvest audit` tells what else is untraced")
        caption, caption_origin = captions.get(image.sha256, (None, None))
        entries.append(
            Entry(
                stem=stem,
                source=source,
                digest=digest,
                image=image,
                provenance=origin,
                caption=caption,
                caption_origin=caption_origin,
                places=places.get(image.sha256, 0),
            )
        )
    return tuple(entries)


def _captions(
    con: Connection, recipe: str, settings: ExportSettings, origins: Mapping[str, SightingRow]
) -> dict[str, tuple[str, str]]:
    """By sha256, the caption and where its words are from; images without one are not in it."""
    if settings.captions == "recipe":
        if latest_stage(con, "caption", recipe) is None:
            raise UsageError(
                f"export {settings.folder}: the captions of {recipe} are not made yet; run `harvest caption` first, or "
                "say `captions: title` or `captions: none` under `export:`"
            )
        return {sha256: (row.caption, row.origin) for sha256, row in captions_of(con, recipe).items()}
    if settings.captions != "title":
        return {}
    titles = {sha256: " ".join((origin.title or "").split()) for sha256, origin in origins.items()}
    return {sha256: (title, "title") for sha256, title in titles.items() if title}


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
