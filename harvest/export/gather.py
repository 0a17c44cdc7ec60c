"""From the ledger's rows to what an export holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harvest.config.reader import Section
from harvest.errors import UsageError
from harvest.export.base import Entry, ExportSettings
from harvest.export.boxes import placement
from harvest.export.entries import Chosen, Wording, changes_of, entries_of, variants_of
from harvest.export.registry import FORMATS
from harvest.ledger import (
    Connection,
    ExportRow,
    ImageRow,
    StageRun,
    derived,
    exported,
    images,
    latest_stage,
    selected,
    splits_of,
)
from harvest.workspace import Workspace

__all__ = ["Gathered", "GatheredAgain", "gather", "gather_again", "gather_beside", "size_digest_of"]

_STEM = 16


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
    return _gathered(con, workspace, settings, kept, size_digest_of(con, settings.size, size_digests), wording)


def gather_beside(
    con: Connection,
    workspace: Workspace,
    settings: ExportSettings,
    sha256s: Collection[str],
    size_digest: str | None,
    *,
    wording: Wording,
    caption: str,
) -> tuple[Entry, ...]:
    """Images that lie beside the set and are no part of it, each called `caption`; originals where there is no size."""
    wanted = frozenset(sha256s)
    kept = [image for image in images(con) if image.sha256 in wanted]
    silent = replace(settings, captions="none", splits=(), augment=False)
    found = _gathered(con, workspace, silent, kept, size_digest, wording, or_original=True)
    return tuple(replace(entry, caption=caption, caption_origin="class", regularises=True) for entry in found.entries)


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
    size_digest = last.detail.get("size_digest") or size_digest_of(con, settings.size, None)
    rows = {(row.sha256, row.derived_sha256): row for row in exported(con, export)}
    beside = frozenset(last.detail.get("beside", {}).get("sha256s", ()))
    held = {sha256 for sha256, _ in rows} - beside
    kept = [image for image in images(con) if image.sha256 in held]
    entries = _gathered(con, workspace, settings, kept, size_digest, wording).entries
    if beside:
        called = last.detail["beside"]["caption"]
        entries += gather_beside(con, workspace, settings, beside, size_digest, wording=wording, caption=called)
    found = tuple(_with_file(entry, workspace.exports / export, rows) for entry in entries)
    return GatheredAgain(entries=found, settings=settings, wording=wording, size_digest=size_digest)


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
    *,
    or_original: bool = False,
) -> Gathered:
    sized = derived(con, settings.size, size_digest) if settings.size is not None and size_digest else {}
    parts = _parts(con, settings, wording.recipe)
    kept = [image for image in kept if not settings.splits or parts.get(image.sha256) in settings.splits]
    stems = _stems([image.sha256 for image in kept])
    chosen = []
    for image in kept:
        row = sized.get(image.sha256)
        if settings.size is None or row is not None or or_original:
            path, digest = (row.path, row.derived_sha256) if row else (image.path, image.sha256)
            place = placement(image.width, image.height, row) if row else None
            size = (row.width, row.height) if row else (image.width, image.height)
            source = workspace.root / path
            part, changes = parts.get(image.sha256), changes_of(row.mode, row.size) if row else ()
            chosen.append(Chosen(image, source, digest, stems[image.sha256], place, size, part, changes))
    entries = entries_of(con, wording, settings, chosen)
    if settings.augment and latest_stage(con, "augment", wording.recipe) is None:
        raise UsageError(f"export {settings.folder}: there are no variants yet; run `harvest augment` first")
    variants = variants_of(con, workspace, wording.recipe, entries) if settings.augment else {}
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


def size_digest_of(con: Connection, size: int | None, size_digests: Mapping[int, str] | None) -> str | None:
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


def _stems(wanted: list[str]) -> dict[str, str]:
    """The first 16 digits of each sha256; all 64 where two images share them."""
    short: dict[str, int] = {}
    for sha256 in wanted:
        short[sha256[:_STEM]] = short.get(sha256[:_STEM], 0) + 1
    return {sha256: sha256[:_STEM] if short[sha256[:_STEM]] == 1 else sha256 for sha256 in wanted}
