"""Images as an export holds them: each with its file, its words and the sighting that answers for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harvest.errors import CheckFailed, UsageError
from harvest.export.base import Augmentation, Entry, ExportSettings
from harvest.export.boxes import Box, Placement, boxes_of
from harvest.export.told import places_of
from harvest.ledger import (
    CaptionFacts,
    Connection,
    ImageRow,
    SightingRow,
    augmented_of,
    caption_facts,
    captions_of,
    latest_stage,
    provenance,
)
from harvest.workspace import Workspace

__all__ = ["Chosen", "Wording", "changes_of", "entries_of", "variants_of"]


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


class Chosen(NamedTuple):
    """An image, the file of it that is exported with its digest, its name there, and how the picture lies in it.

    `made` are the file's width and height, None where nobody noted them; `place` is None for the picture as it came,
    and where nobody knows how it lies.
    """

    image: ImageRow
    source: Path
    digest: str
    stem: str
    place: Placement | None
    made: tuple[int | None, int | None]
    split: str | None
    changes: tuple[str, ...]

    @property
    def size(self) -> tuple[int | None, int | None]:
        """Width and height of the file, where they are known."""
        return (self.place.width, self.place.height) if self.place else self.made

    def boxes(self, drawn: tuple[Box, ...]) -> tuple[Box, ...]:
        """Those that were drawn in the picture, as they lie in the file; none where nobody knows how."""
        if self.digest == self.image.sha256:
            return drawn
        return self.place.placed(drawn) if self.place else ()


def changes_of(mode: str, px: int) -> tuple[str, ...]:
    """What making a sized copy did to a picture, in words; attribution has to say it."""
    squares = {"crop": "cropped to a square", "fit": "padded to a square", "squash": "squashed to a square"}
    done = () if mode == "longest" else (squares.get(mode, mode),)
    return (*done, f"resized to {px} px")


def entries_of(
    con: Connection, wording: Wording, settings: ExportSettings, chosen: Sequence[Chosen]
) -> tuple[Entry, ...]:
    """The entries of what was chosen, in its order. Raises CheckFailed for an image nobody has met, UsageError where
    the recipe's captions are wanted and not made yet.
    """
    wanted = [each.image.sha256 for each in chosen]
    origins, places = provenance(con, wanted), places_of(con, wanted)
    captions = _captions(con, wording.recipe, settings, origins)
    words = _labels(con, wording, settings, wanted)
    entries = []
    for each in chosen:
        image = each.image
        origin = origins.pop(image.sha256, None)
        if origin is None:
            raise CheckFailed(f"image {image.sha256[:16]} has no sighting; `harvest audit` tells what else is untraced")
        caption, caption_origin = captions.get(image.sha256, (None, None))
        labels = words.get(image.sha256, _Labels())
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
                labels=labels.all,
                by_hand=labels.by_hand,
                width=width,
                height=height,
                boxes=each.boxes(boxes_of(origin.raw)),
                split=each.split,
                changes=each.changes,
            )
        )
    return tuple(entries)


def variants_of(con: Connection, workspace: Workspace, recipe: str, entries: Sequence[Entry]) -> dict[str, list[Entry]]:
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
                changes=(*parent.changes, f"altered for training, variant {row.variant}"),
                augmentation=Augmentation(variant=row.variant, parameters=row.parameters),
            )
            found.setdefault(parent.stem, []).append(variant)
    return found


class _Labels(NamedTuple):
    """What an image is of, and those of the words that people gave by hand."""

    all: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()


def _labels(con: Connection, wording: Wording, settings: ExportSettings, sha256s: Sequence[str]) -> dict[str, _Labels]:
    """By sha256, what the images are of: people's words, then the source's, or a model's, the best one first."""
    if settings.labels == "none":
        return {}
    by = wording.labelled_by if settings.labels == "model" else ()
    facts = chain.from_iterable(caption_facts(con, np.array(sorted(sha256s), dtype="S64"), by))
    if settings.labels == "source":
        return {each.sha256: _Labels(tuple(each.labels), tuple(each.by_hand)) for each in facts}
    return {each.sha256: _Labels(_found(each, wording), tuple(each.by_hand)) for each in facts}


def _found(facts: CaptionFacts, wording: Wording) -> tuple[str, ...]:
    """People's words, all of them; the best of the model's as far as there is room beside these."""
    found = [word.label for word in facts.found if word.score >= wording.min_share]
    words = tuple(dict.fromkeys([*facts.by_hand, *found]))
    return words[: max(wording.most, len(facts.by_hand))]


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
