"""What an export for LoRA training has to be told, whichever program trains."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from harvest.config.reader import Section, setting
from harvest.config.recipe import Recipe
from harvest.export.base import Entry, ExportSettings
from harvest.wording import one_line

__all__ = [
    "BASES",
    "MEANING",
    "Base",
    "LoraSettings",
    "RegularisationSettings",
    "TrainSettings",
    "caption_line",
    "complete_lora",
    "file_name",
    "keep_tokens",
    "with_trigger",
]


#: Filters by what pictures show: what one of them dropped may well be of the same kind, and nothing is wrong with it.
MEANING = ("aesthetic", "clip", "labels", "learned", "like", "outliers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A family of models: which one is trained on unless another is named, its file in ComfyUI, its size in pixels."""

    model: str
    checkpoint: str
    px: int


BASES = {
    "sd15": Base(
        model="stable-diffusion-v1-5/stable-diffusion-v1-5", checkpoint="v1-5-pruned-emaonly.safetensors", px=512
    ),
    "sdxl": Base(model="stabilityai/stable-diffusion-xl-base-1.0", checkpoint="sd_xl_base_1.0.safetensors", px=1024),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """Numbers of the command lines: a start to change by what one sees. `alpha` is half of `rank` unless said."""

    epochs: int = setting(10, ge=1)
    batch: int = setting(1, ge=1)
    rank: int = setting(16, ge=1)
    alpha: float | None = setting(None, gt=0)
    learning_rate: float = setting(1e-4, gt=0)
    seed: int = setting(0, ge=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegularisationSettings:
    """Pictures of the class, so that the model does not take the subject for all of its kind.

    They are images that the recipe's filters by meaning dropped (those named in `filters`, else all of MEANING), and
    all its other stages keep; or, of those that other stages keep, what `recipe` selects, the file of another one over
    the same workspace. None is within `max_distance` bits of the hash of an image that is trained on. There are `count`
    of them, by default as many as train. `caption` is what each is called, by default the settings' `class_word`.
    """

    count: int | None = setting(None, ge=1)
    filters: tuple[str, ...] = setting((), choices=MEANING)
    recipe: str | None = None
    caption: str | None = None
    max_distance: int = setting(8, ge=0, le=32)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraSettings(ExportSettings):
    """`trigger` is the word that calls the subject up, by default that of the recipe's captions; `class_word` what kind
    of thing it is. `base` is the family of models and `model` the one that is trained on, a name on Hugging Face or a
    file. `resolution` is the training size in pixels, by default the export's `size`, else the base's. `output` names
    the trained file. `checkpoint` is the base's file in ComfyUI.
    """

    trigger: str | None = None
    class_word: str | None = None
    base: str = setting("sdxl", choices=tuple(BASES))
    model: str | None = None
    checkpoint: str | None = None
    resolution: int | None = setting(None, ge=64, le=8192)
    repeats: int = setting(10, ge=1)
    output: str | None = setting(
        None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", expected="a file name of letters, digits, '.', '_' and '-'"
    )
    train: TrainSettings = field(default_factory=TrainSettings)
    regularisation: RegularisationSettings | None = None

    @property
    def class_tokens(self) -> str:
        """What an image without a caption is called: the trigger and the class."""
        return " ".join(word for word in (self.trigger, self.class_word) if word)

    @property
    def class_caption(self) -> str:
        """What an image of the regularisation set is called."""
        terms = self.regularisation
        return (terms and terms.caption) or self.class_word or ""

    @property
    def px(self) -> int:
        """The training size in pixels."""
        return self.resolution or self.size or BASES[self.base].px


Settings = TypeVar("Settings", bound=LoraSettings)


def complete_lora(recipe: Recipe, section: Section, settings: Settings) -> Settings:
    """The settings with what they left to the recipe. Raises ConfigError, with the place."""
    base = BASES[settings.base]
    trigger = settings.trigger or (recipe.captions.trigger if recipe.captions else None)
    trigger, class_word = (one_line(word or "") or None for word in (trigger, settings.class_word))
    if trigger is None and class_word is None:
        raise section.error(
            "trigger", "missing; expected the word that stands for the subject, here or as `captions: {trigger: ...}`"
        )
    terms = settings.regularisation
    if terms is not None and not (terms.caption or class_word):
        raise section.error("class_word", "missing; expected what kind of thing the images show, for regularisation")
    if (
        terms is not None
        and terms.recipe is None
        and not any(set(entry.values) & set(MEANING) for entry in recipe.filter)
    ):
        raise section.error(
            "regularisation",
            f"expected a filter in the recipe that can drop pictures for it ({', '.join(MEANING)}), or `recipe: `",
        )
    if terms is not None and terms.recipe is not None:
        other = section.file.resolve().parent / Path(terms.recipe).expanduser()
        if not other.is_file():
            raise section.error("regularisation.recipe", f"no such file: {other}")
    return replace(
        settings,
        trigger=trigger,
        class_word=class_word,
        model=settings.model or base.model,
        checkpoint=settings.checkpoint or base.checkpoint,
        resolution=settings.px,
        output=settings.output or _slug(trigger or recipe.name),
        regularisation=terms,
    )


def caption_line(entry: Entry, settings: LoraSettings) -> str:
    """One line that is never empty: the image's caption with the trigger in it, else the trigger and the class.

    Images of the regularisation set are called what the class is called, and never by the trigger.
    """
    if entry.regularises:
        return settings.class_caption
    return with_trigger(entry.caption, settings.trigger) or settings.class_tokens


def with_trigger(caption: str | None, trigger: str | None) -> str:
    """A caption on one line, the trigger in front unless it stands there; '' where there is no caption."""
    line = one_line(caption or "")
    if not line or not trigger or re.search(rf"(?<!\w){re.escape(trigger)}(?!\w)", line):
        return line
    return f"{trigger}, {line}"


def keep_tokens(entries: Sequence[Entry], settings: LoraSettings) -> int:
    """How many of the words between commas stay in front when the others are shuffled: those of the trigger.

    0 where the trigger does not begin every caption.
    """
    trigger = settings.trigger
    if not trigger:
        return 0
    lines = [caption_line(entry, settings) for entry in entries if not entry.regularises]
    parts = trigger.count(",") + 1
    begins = re.compile(rf"{re.escape(trigger)}(?!\w)")
    return parts if all(begins.match(line) for line in lines) else 0


def file_name(text: str, *, most: int = 80) -> str:
    """`text` as a name of a folder on any system: letters, digits, blanks, '-', '_' and '.'; at most `most` bytes."""
    plain = re.sub(r"[^\w .-]+", " ", unicodedata.normalize("NFC", text))
    name = " ".join(plain.split()).strip(". ")
    while len(name.encode()) > most:
        name = name[:-1].strip(". ")
    return name or "images"


def _slug(text: str) -> str:
    ascii_ = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_).strip("-._") or "lora"
