"""What an export format is, and what it is given to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harvest.config.reader import setting
from harvest.ledger.rows import ImageRow, SightingRow
from harvest.licences import credit_line, licence

__all__ = ["UNKNOWN", "Entry", "ExportFormat", "ExportSettings", "ExportedFile", "RecipeFacts"]

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """What every `export:` section may say; a format with more to say reads a subclass of this.

    `size` is one of the recipe's sizes, None for the original bytes. `name` is the folder's name under `exports/`.
    `captions` are those of the `recipe`, the images' `title`s or `none`; unless said otherwise, those of a recipe that
    has captions, and titles of one that has not.
    """

    format: str
    size: int | None = setting(None, gt=0)
    name: str | None = setting(
        None, pattern=r"^[a-z0-9][a-z0-9._-]*$", expected="a name of small letters, digits, '.', '_' and '-'"
    )
    captions: str | None = setting(None, choices=("recipe", "title", "none"))

    @property
    def folder(self) -> str:
        """The folder's name: as asked, else told from the format and the size."""
        return self.name or f"{self.format}-{self.size or 'originals'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeFacts:
    """What an export tells of the recipe that it was made by, and keeps so that it can be made again without it."""

    name: str
    title: str | None
    description: str | None
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One image to export: the file that is copied, and the sighting that answers for it.

    `stem` names the image's files and is unique in the export. `digest` is the hex sha256 that `source` must have.
    `caption_origin` says where the caption's words are from: `title`, or as the ledger's captions have it. `places`
    counts the distinct (source, id, URL) at which these bytes were met.
    """

    stem: str
    source: Path
    digest: str
    image: ImageRow
    provenance: SightingRow
    caption: str | None
    caption_origin: str | None
    places: int

    @property
    def credit(self) -> str:
        """The attribution line."""
        origin = self.provenance
        return credit_line(origin.title, origin.creator, origin.license, origin.page_url)

    def record(self) -> dict[str, Any]:
        """What the manifest says of this image: nothing that another run over the same inputs would say otherwise."""
        origin = self.provenance
        known = licence(origin.license) if origin.license else None
        return {
            "original_sha256": self.image.sha256,
            "source": origin.source,
            "source_id": origin.source_id,
            "image_url": origin.image_url,
            "page_url": origin.page_url,
            "title": origin.title,
            "creator": origin.creator or UNKNOWN,
            "creator_url": origin.creator_url,
            "license": origin.license,
            "license_url": origin.license_url or (known.uri if known else None),
            "license_raw": origin.license_raw,
            "published_at": origin.published_at,
            "taken_at": origin.taken_at,
            "captured_at": origin.captured_at,
            "caption": self.caption,
            "caption_origin": self.caption_origin,
            "credit": self.credit,
            "sightings": self.places,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """One image file as it was written; `path` is relative to the export's folder, with forward slashes."""

    path: str
    sha256: str
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """How a training tool wants its files.

    `write(folder, entries, settings)` puts the images and the tool's own index files into the empty `folder` and
    yields one ExportedFile an image, in the order of `entries`. The paper trail beside them is not its concern.
    `version` goes up when the same entries come out as other bytes, so that old exports are made anew.
    """

    name: str
    version: int
    write: Callable[[Path, Sequence[Entry], ExportSettings], Iterator[ExportedFile]]
    settings: type[ExportSettings] = ExportSettings
