"""From the ledger's rows to what an export holds."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from harvest.config.reader import Section
from harvest.errors import CheckFailed, UsageError
from harvest.export.base import Augmentation, Entry, ExportedFile, ExportSettings
from harvest.export.boxes import Box, Placement, boxes_of, placement
from harvest.export.registry import FORMATS
from harvest.ledger import (
    Connection,
    ExportRow,
    ImageRow,
    SightingRow,
    StageRun,
    augmented_of,
    caption_facts,
    captions_of,
    derived,
    exported,
    images,
    latest_stage,
    provenance,
    selected,
    splits_of,
)
from harvest.ledger.rows import MEMBER
from harvest.workspace import Workspace

__all__ = [
    "Gathered",
    "GatheredAgain",
    "Wording",
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
class Wording:
    """Whose captions the images have, that of the recipe called so, and which words models found for them.

    `labelled_by` are (model, vocabulary) as in the ledger's `labels`; of their words those with a share of at least
    `min_share` count, at most `most` an image.
    """

    recipe: str
    labelled_by: tuple[tuple[str, str], ...] = ()
    min_share: float = 0.0
    most: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The entries in the order of their sha256, and how many selected images have no file of the asked size.

    `size_digest` is the recipe digest of the sized copies.
    """

    entries: tuple[Entry, ...]
    left_out: int
    size_digest: str | None


def gather(
    con: Connection,
    workspace: Workspace,
    settings: ExportSettings,
    digests: Mapping[str, str],
    size_digests: Mapping[int, str] | None,
    *,
    wording: Wording,
) -> Gathered:
    """Every selected image with its file of the asked size; `digests` and `size_digests` as in `run_exports`.

    What was taken down is not selected, whatever the decisions say. Raises CheckFailed for an image nobody has met,
    UsageError where the recipe's captions are wanted and not made yet.
    """
    kept = selected(con, digests)
    return _gathered(con, workspace, settings, kept, _size_digest(con, settings.size, size_digests), wording)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatheredAgain:
    """What is left of an export that was made before, and what it was made by."""

    entries: tuple[Entry, ...]
    settings: ExportSettings
    wording: Wording
    size_digest: str | None


def gather_again(con: Connection, workspace: Workspace, export: str, last: StageRun) -> GatheredAgain | None:
    """The images of an export that were not taken down since, with the very files that it had of them.

    None where `last`, the stage run that made it, does not say by which settings.
    """
    form = FORMATS.get(last.detail.get("format", ""))
    if form is None or "settings" not in last.detail or "recipe" not in last.detail:
        return None
    settings = Section(workspace.ledger, f"export {export}", last.detail["settings"]).read(form.settings)
    said = last.detail.get("wording", {"recipe": last.detail["recipe"]["name"]})
    wording = Section(workspace.ledger, f"export {export}", said).read(Wording)
    size_digest = last.detail.get("size_digest") or _size_digest(con, settings.size, None)
    rows = {(row.sha256, row.derived_sha256): row for row in exported(con, export)}
    held = {sha256 for sha256, _ in rows}
    kept = [image for image in images(con) if image.sha256 in held]
    found = _gathered(con, workspace, settings, kept, size_digest, wording)
    entries = [_with_file(entry, workspace.exports / export, rows) for entry in found.entries]
    return GatheredAgain(entries=tuple(entries), settings=settings, wording=wording, size_digest=size_digest)


def _with_file(entry: Entry, folder: Path, rows: Mapping[tuple[str, str], ExportRow]) -> Entry:
    """The entry with the file that the export itself has of it, where the one it was made from is gone."""
    row = rows.get((entry.image.sha256, entry.digest))
    if row is None or entry.digest == entry.image.sha256 or entry.source.is_file():
        return entry
    return replace(entry, source=folder / row.path)


def _gathered(  # noqa: PLR0917 - what two callers have in common
    con: Connection,
    workspace: Workspace,
    settings: ExportSettings,
    kept: Sequence[ImageRow],
    size_digest: str | None,
    wording: Wording,
) -> Gathered:
    sized = derived(con, settings.size, size_digest) if settings.size is not None and size_digest else {}
    parts = _parts(con, settings, wording.recipe)
    kept = [image for image in kept if not settings.splits or parts.get(image.sha256) in settings.splits]
    stems = _stems([image.sha256 for image in kept])
    chosen = []
    for image in kept:
        row = sized.get(image.sha256)
        if settings.size is None or row is not None:
            path, digest = (row.path, row.derived_sha256) if row else (image.path, image.sha256)
            place = placement(image.width, image.height, mode=row.mode, px=row.size) if row else None
            whole = None if row else (image.width, image.height)
            source = workspace.root / path
            chosen.append(_Chosen(image, source, digest, stems[image.sha256], place, whole, parts.get(image.sha256)))
    entries = _entries(con, wording, settings, chosen)
    variants = _variants(con, workspace, wording.recipe, entries) if settings.augment else {}
    return Gathered(
        entries=tuple(every for entry in entries for every in (entry, *variants.get(entry.stem, ()))),
        left_out=len(kept) - len(entries),
        size_digest=size_digest,
    )


def _parts(con: Connection, settings: ExportSettings, recipe: str) -> dict[str, str]:
    """By sha256, the part of the recipe's split. Raises UsageError where one is wanted and there is none."""
    parts = splits_of(con, recipe)
    if settings.splits and not parts:
        raise UsageError(
            f"export {settings.folder}: {recipe} is not split yet; run `harvest split` first, or leave `splits:` out "
            "under `export:`"
        )
    return parts


def _variants(con: Connection, workspace: Workspace, recipe: str, entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """By stem, the variants of the very files that are exported, with the words and the provenance of these."""
    parents = {(entry.image.sha256, entry.digest): entry for entry in entries}
    found: dict[str, list[Entry]] = {}
    for row in augmented_of(con, recipe):
        parent = parents.get((row.sha256, row.source_sha256))
        if parent is not None:
            variant = replace(
                parent,
                stem=f"{parent.stem}-a{row.variant}",
                source=workspace.root / row.path,
                digest=row.derived_sha256,
                width=row.width,
                height=row.height,
                boxes=(),  # where they lie in an altered picture, nobody knows
                augmentation=Augmentation(variant=row.variant, parameters=row.parameters),
            )
            found.setdefault(parent.stem, []).append(variant)
    return found


class _Chosen(NamedTuple):
    """An image, the file of it that is exported with its digest, its name there, and how the picture lies in it.

    `whole` is the file's width and height where it is the picture as it came; `place` is None then, and where nobody
    knows how it lies.
    """

    image: ImageRow
    source: Path
    digest: str
    stem: str
    place: Placement | None
    whole: tuple[int, int] | None
    split: str | None

    @property
    def size(self) -> tuple[int | None, int | None]:
        """Width and height of the file, where they are known."""
        return self.whole or ((self.place.width, self.place.height) if self.place else (None, None))

    def boxes(self, drawn: tuple[Box, ...]) -> tuple[Box, ...]:
        """Those that were drawn in the picture, as they lie in the file; none where nobody knows how."""
        if self.whole:
            return drawn
        return self.place.placed(drawn) if self.place else ()


def _entries(
    con: Connection, wording: Wording, settings: ExportSettings, chosen: Sequence[_Chosen]
) -> tuple[Entry, ...]:
    wanted = [each.image.sha256 for each in chosen]
    origins, places = provenance(con, wanted), _places(con, wanted)
    captions = _captions(con, wording.recipe, settings, origins)
    labels = _labels(con, wording, settings, origins)
    entries = []
    for each in chosen:
        image = each.image
        origin = origins.pop(image.sha256, None)
        if origin is None:
            raise CheckFailed(f"image {image.sha256[:16]} has no sighting; `harvest audit` tells what else is untraced")
        caption, caption_origin = captions.get(image.sha256, (None, None))
        width, height = each.size
        entries.append(
            Entry(
                stem=each.stem,
                source=each.source,
                digest=each.digest,
                image=image,
                provenance=replace(origin, raw={}),  # long lists of outlines, which nobody reads from here on
                caption=caption,
                caption_origin=caption_origin,
                places=places.get(image.sha256, 0),
                labels=labels.get(image.sha256, ()),
                width=width,
                height=height,
                boxes=each.boxes(boxes_of(origin.raw)),
                split=each.split,
            )
        )
    return tuple(entries)


def _labels(
    con: Connection, wording: Wording, settings: ExportSettings, origins: Mapping[str, SightingRow]
) -> dict[str, tuple[str, ...]]:
    """By sha256, what the images are of; the best word first where models found them."""
    if settings.labels == "source":
        return {sha256: origin.labels for sha256, origin in origins.items()}
    if settings.labels != "model":
        return {}
    found = {}
    for some in caption_facts(con, np.array(sorted(origins), dtype="S64"), wording.labelled_by):
        for facts in some:
            words = dict.fromkeys(word.label for word in facts.found if word.score >= wording.min_share)
            found[facts.sha256] = tuple(words)[: wording.most]
    return found


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
    """Hex sha256 by path of the images that the ledger has for one export, but of those in archives."""
    statement = "SELECT path, derived_sha256 FROM exports WHERE export = $export AND NOT contains(path, $member)"
    return dict(con.execute(statement, {"export": export, "member": MEMBER}).fetchall())


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


def _size_digest(con: Connection, size: int | None, size_digests: Mapping[int, str] | None) -> str | None:
    """The recipe digest of the copies of a size; the newest one's where nobody says which."""
    if size is None:
        return None
    if size_digests is not None:
        return size_digests.get(size)
    newest = con.execute(
        "SELECT recipe_digest FROM derived_rows WHERE size = $size GROUP BY ALL ORDER BY max(rowid) DESC LIMIT 1",
        {"size": size},
    ).fetchone()
    return newest[0] if newest else None


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
