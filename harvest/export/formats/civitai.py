"""A flat zip as Civitai's trainer takes it: PNG and JPEG, a text file of the same stem beside each, and nothing else.

https://education.civitai.com/using-civitai-the-on-site-lora-trainer/
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from harvest.config.reader import Section
from harvest.config.recipe import Recipe
from harvest.export.archives import StoredZip
from harvest.export.base import Entry, ExportedFile, ExportFormat, ExportSettings
from harvest.export.members import member_path
from harvest.export.pictures import picture_of
from harvest.export.trainers.lora import with_trigger
from harvest.processes import in_threads
from harvest.wording import one_line

__all__ = ["CIVITAI", "CivitaiSettings"]

_AHEAD = 8
_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True, slots=True, kw_only=True)
class CivitaiSettings(ExportSettings):
    """`trigger` is a word that every caption holds, by default that of the recipe's captions."""

    trigger: str | None = None


def _complete(recipe: Recipe, section: Section, settings: CivitaiSettings) -> CivitaiSettings:  # noqa: ARG001
    trigger = settings.trigger or (recipe.captions.trigger if recipe.captions else None)
    return replace(settings, trigger=one_line(trigger or "") or None)


def _write(folder: Path, entries: Sequence[Entry], settings: CivitaiSettings) -> Iterator[ExportedFile]:
    archive = f"{settings.folder}.zip"
    with StoredZip(folder / archive) as target:
        pictures = in_threads(partial(picture_of, suffixes=_SUFFIXES), entries, ahead=_AHEAD)
        for entry, picture in zip(entries, pictures, strict=True):
            name = f"{entry.stem}{picture.suffix}"
            target.add(name, picture.body)
            caption = with_trigger(entry.caption, settings.trigger) or settings.trigger
            if caption:
                target.add(f"{entry.stem}.txt", f"{caption}\n".encode())
            digest = hashlib.sha256(picture.body).hexdigest()
            yield ExportedFile(path=member_path(archive, name), sha256=digest, entry=entry)


CIVITAI = ExportFormat(
    name="civitai", version=1, only_training=True, write=_write, settings=CivitaiSettings, complete=_complete
)
