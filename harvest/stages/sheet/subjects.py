"""What stands on a sheet: images in their order, and the words under each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from harvest.config.recipe import Recipe
from harvest.config.sheet import SheetConfig
from harvest.errors import ConfigError
from harvest.ledger import Connection, captions_of, decisions, provenance, selected
from harvest.ledger.rows import ImageRow, SightingRow
from harvest.wording import one_line

__all__ = ["Subject", "by_colour", "hue", "subjects"]

_LAST = "\uffff"  # after every other text: what is not known comes last
_GREY = 12  # of 255: colours that differ by less in their channels have no hue to speak of


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An image with all that a sheet may say of it. `score` is the value by which the recipe's filter judged it."""

    image: ImageRow
    origin: SightingRow | None
    caption: str | None
    score: float | None

    def words(self, label: str) -> str:
        """One line of its label."""
        match label:
            case "sha256":
                return self.image.sha256[:12]
            case "caption":
                return self.caption or "no caption"
            case "score":
                return "no score" if self.score is None else f"{self.score:.4g}"
            case "title":
                return one_line((self.origin.title if self.origin else None) or "untitled")
            case "date":
                return _date(self.origin) or "undated"
            case _:
                return one_line(str(getattr(self.origin, label, None) or "unknown"))


def subjects(con: Connection, recipe: Recipe, config: SheetConfig, stages: Mapping[str, str]) -> list[Subject]:
    """The selected images in the order of the sheet, but for `sort: colour`, which takes pictures (`by_colour`).

    Raises ConfigError where the filter whose score is asked for is none of the recipe's, or gives no numbers.
    """
    chosen = selected(con, stages)
    origins = provenance(con, [image.sha256 for image in chosen])
    captions = captions_of(con, recipe.name) if "caption" in config.labels else {}
    scores = _scores(con, recipe, config, stages) if "score" in (*config.labels, config.sort) else {}
    found = [
        Subject(
            image=image,
            origin=origins.get(image.sha256),
            caption=captions[image.sha256].caption if image.sha256 in captions else None,
            score=scores.get(image.sha256),
        )
        for image in chosen
    ]
    found.sort(key=lambda subject: (_title(subject), subject.image.sha256))
    found.sort(key=_KEYS[config.sort], reverse=config.descending)  # stable: equals stay in the order of their titles
    return found


def by_colour(
    found: Sequence[Subject], colours: Sequence[tuple[float, float, float]], *, descending: bool
) -> list[Subject]:
    """Images around the circle of hues by their mean colours (RGB, 0 to 255), greys before from dark to light."""
    ordered = sorted(range(len(found)), key=lambda index: hue(colours[index]), reverse=descending)
    return [found[index] for index in ordered]


def hue(colour: tuple[float, float, float]) -> tuple[int, float]:
    """A key that orders colours (RGB, 0 to 255): greys by brightness, then the others by hue from red on."""
    red, green, blue = colour
    if max(colour) - min(colour) < _GREY:
        return 0, sum(colour)
    return 1, math.atan2(math.sqrt(3) * (green - blue), 2 * red - green - blue) % (2 * math.pi)


def mean_colour(picture: Image.Image) -> tuple[float, float, float]:
    """The mean colour of an RGB picture, 0 to 255."""
    red, green, blue = picture.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))  # type: ignore[misc]
    return float(red), float(green), float(blue)


def _scores(con: Connection, recipe: Recipe, config: SheetConfig, stages: Mapping[str, str]) -> dict[str, float]:
    filters = [stage for stage in stages if stage.startswith("filter.")]
    if config.score is not None and config.score not in filters:
        there = ", ".join(filters) or "there is none"
        wrong = f"expected one of the recipe's filters ({there}), got {config.score!r}"
        raise ConfigError(recipe.file, "sheet.score", wrong)
    for stage in [config.score] if config.score else reversed(filters):
        rows = decisions(con, {stage: stages[stage]})
        if scores := {row.sha256: row.value for row in rows if row.value is not None}:
            return scores
    raise ConfigError(recipe.file, "sheet.score", "no filter of the recipe has judged by a number yet")


def _title(subject: Subject) -> str:
    return (subject.origin.title or "").casefold() if subject.origin else ""


def _date(origin: SightingRow | None) -> str | None:
    return (origin.taken_at or origin.published_at) if origin else None


def _text(name: str) -> Callable[[Subject], Any]:
    return lambda subject: (getattr(subject.origin, name, None) or _LAST).casefold()


_KEYS: Mapping[str, Callable[[Subject], Any]] = {
    "source": _text("source"),
    "title": _text("title"),
    "creator": _text("creator"),
    "license": _text("license"),
    "date": lambda subject: _date(subject.origin) or _LAST,
    "pixels": lambda subject: subject.image.width * subject.image.height,
    "brightness": lambda subject: subject.image.brightness,
    "sharpness": lambda subject: subject.image.sharpness,
    "score": lambda subject: math.inf if subject.score is None else subject.score,
    "colour": lambda _: 0,
}
