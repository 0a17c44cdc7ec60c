"""What an export format is, and what it is given to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from harvest.config.about import AboutConfig
from harvest.config.reader import Section, setting
from harvest.config.recipe import Recipe
from harvest.export.boxes import Box
from harvest.ledger.rows import ImageRow, SightingRow
from harvest.licences import credit_line, licence

__all__ = [
    "SPLITS",
    "UNKNOWN",
    "Augmentation",
    "Entry",
    "ExportFormat",
    "ExportSettings",
    "ExportedFile",
    "RecipeFacts",
    "Rule",
    "SourceFacts",
    "TrainingSize",
    "no_instructions",
]

UNKNOWN = "unknown"
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """What every `export:` section may say; a format with more to say reads a subclass of this.

    `size` is one of the recipe's sizes, None for the original bytes. `name` is the folder's name under `exports/`.
    `captions` are those of the `recipe`, the images' `title`s or `none`; unless said otherwise, those of a recipe that
    has captions, and titles of one that has not. `labels` are those that people gave by hand, then those of the
    `source`, or the best words that the recipe's `labels` filters found (`model`); or `none`. `splits` keeps the images
    of these parts of the recipe's split; without it, all images are there, in whatever part. With `augment`, the
    variants that were made of the exported files are there too. `to` is a store that the finished folder is published
    to as well, a folder or a URL that fsspec knows (harvest.export.remote); its credentials come from the environment.
    `at_least` is how many images there should be, where that is another number than the policy's.
    """

    format: str
    size: int | None = setting(None, gt=0)
    name: str | None = setting(
        None, pattern=r"^[a-z0-9][a-z0-9._-]*$", expected="a name of small letters, digits, '.', '_' and '-'"
    )
    captions: str | None = setting(None, choices=("recipe", "title", "none"))
    labels: str = setting("source", choices=("source", "model", "none"))
    splits: tuple[str, ...] = setting((), choices=SPLITS)
    augment: bool = False
    to: str | None = None
    at_least: int | None = setting(None, ge=0)

    @property
    def folder(self) -> str:
        """The folder's name: as asked, else told from the format and the size."""
        return self.name or f"{self.format}-{self.size or 'originals'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """A source of the recipe: the name of its file, without the ending, and the digest of what it says."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeFacts:
    """What an export tells of the recipe that it was made by, and keeps so that it can be made again without it.

    `text` is the recipe's YAML to the letter, None where nobody kept it.
    """

    name: str
    title: str | None
    description: str | None
    digest: str
    text: str | None = None
    sources: tuple[SourceFacts, ...] = ()
    policy_digest: str | None = None
    about: AboutConfig = field(default_factory=AboutConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How a file was made of another one: the number of this variant, and the parameters that it was made by."""

    variant: int
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One image to export: the file that is copied, and the sighting that answers for it.

    `stem` names the image's files and is unique in the export. `digest` is the hex sha256 that `source` must have.
    `caption_origin` says where the caption's words are from: `title`, or as the ledger's captions have it. `places`
    counts the distinct (source, id, URL) at which these bytes were met. `labels` are what the image is of, the first
    one first, `by_hand` those of them that people gave here; `split` is one of SPLITS, None where the recipe makes
    none. `width` and `height` are those of `source` in pixels, None where they are not known, and `boxes` lie in them;
    `changes` are the words for what was done to the picture. An augmented file is an entry of its own, with its
    parent's image and provenance and a stem `<stem>-a<variant>`. `regularises` holds for pictures that are no part of
    the set, but lie beside it so that a model does not forget what else there is of the kind.
    """

    stem: str
    source: Path
    digest: str
    image: ImageRow
    provenance: SightingRow
    caption: str | None
    caption_origin: str | None
    places: int
    labels: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    split: str | None = None
    width: int | None = None
    height: int | None = None
    boxes: tuple[Box, ...] = ()
    changes: tuple[str, ...] = ()
    augmentation: Augmentation | None = None
    regularises: bool = False

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
            "made_from_sha256": self.digest,
            "changes": list(self.changes),
            "width": self.width,
            "height": self.height,
            "labels": list(self.labels),
            **({"labels_by_hand": list(self.by_hand)} if self.by_hand else {}),
            "boxes": [box.record() for box in self.boxes],
            "split": self.split,
            "augmentation": _told(self.augmentation),
            **({"regularises": True} if self.regularises else {}),
        }


def _told(augmentation: Augmentation | None) -> dict[str, Any] | None:
    return {"variant": augmentation.variant, **augmentation.parameters} if augmentation else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """One image file as it was written; `path` is relative to the export's folder, with forward slashes.

    An image that lies in an archive with others has a path by `harvest.export.members.member_path`, and `sha256` is
    that of its own bytes there.
    """

    path: str
    sha256: str
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSize:
    """The size in pixels at which a set is trained, and whether an image needs that area or that shorter side."""

    px: int
    by_area: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a format cannot do with these images, and what to do about it. One that does not bind is only told."""

    message: str
    images: int
    binds: bool = True


def no_instructions(folder: Path, settings: ExportSettings, recipe: RecipeFacts) -> Sequence[str]:  # noqa: ARG001
    """For formats that every tool reads without being told how."""
    return ()


def _as_read(recipe: Recipe, section: Section, settings: Settings) -> Settings:  # noqa: ARG001
    return settings


def _at_its_size(settings: ExportSettings) -> TrainingSize | None:
    return TrainingSize(px=settings.size) if settings.size else None


Settings = TypeVar("Settings", bound=ExportSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat(Generic[Settings]):
    """How a training tool wants its files.

    `write(folder, entries, settings)` puts the images and the tool's own index files into the empty `folder` and
    yields one ExportedFile an image, in the order of `entries`. The paper trail beside them is not its concern.
    `version` goes up when the same entries come out as other bytes, so that old exports are made anew.
    `instructions(folder, settings, recipe)` are lines for whoever goes on from the finished folder: commands to train
    by, with its paths. They are printed after the export, and again when it was there already.

    `complete(recipe, section, settings)` fills in what the settings leave to the recipe, and raises `section.error` for
    what does not fit together. `rules(entries, settings)` tells, before anything is written, which images the tool
    would not take; `training_size(settings)` at which size it trains, None where that is nobody's concern. With
    `only_training`, it is given what the recipe's split has for training, unless `splits` says otherwise.
    """

    name: str
    version: int
    write: Callable[[Path, Sequence[Entry], Settings], Iterator[ExportedFile]]
    settings: type[Settings] = ExportSettings  # type: ignore[assignment]
    instructions: Callable[[Path, Settings, RecipeFacts], Sequence[str]] = no_instructions
    complete: Callable[[Recipe, Section, Settings], Settings] = _as_read
    rules: Callable[[Sequence[Entry], Settings], Iterable[Rule]] | None = None
    training_size: Callable[[Settings], TrainingSize | None] = _at_its_size
    only_training: bool = False
