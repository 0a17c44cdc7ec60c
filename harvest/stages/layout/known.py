"""What the ledger knows of images, as numbers and words along an axis."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from harvest.config.layout import CATEGORIES
from harvest.ledger.rows import ImageRow, SightingRow
from layout.axes import even_places, indicators, levels

__all__ = ["Facts", "feature_of", "is_known", "places_along", "year_of"]

_DATE = re.compile(r"(?<!\d)(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of n images, each in the same order: where they are from, their first label, and their score."""

    images: Sequence[ImageRow]
    origins: Sequence[SightingRow | None]
    labels: Sequence[str | None]
    scores: Sequence[float | None]


def year_of(text: str | None) -> float:
    """The moment that a date speaks of as a year with its fraction; NaN where it names none.

    A year or a month without more is its middle; of several years the first counts, so `1894-1899` is 1894.

    >>> year_of("1894"), round(year_of("2001-07-02T00:00:00Z"), 2), year_of("ca. 1850, reprinted"), year_of("undated")
    (1894.5, 2001.5, 1850.5, nan)
    """
    found = _DATE.search(text or "")
    if found is None:
        return math.nan
    year, month, day = (int(part) if part else 0 for part in found.groups())
    if not 1 <= month <= 12 or not 0 <= day <= 31:
        return year + 0.5
    return year + (month - 1 + ((day - 0.5) / 31 if day else 0.5)) / 12


def _first_seen(image: ImageRow) -> float:
    return datetime.fromisoformat(image.first_seen).astimezone(UTC).timestamp()


def _date(origin: SightingRow | None) -> float:
    return year_of((origin.taken_at or origin.published_at) if origin else None)


_NUMBERS: Mapping[str, Callable[[ImageRow, SightingRow | None], float]] = {
    "date": lambda _, origin: _date(origin),
    "brightness": lambda image, _: image.brightness,
    "sharpness": lambda image, _: image.sharpness,
    "entropy": lambda image, _: image.entropy,
    "width": lambda image, _: image.width,
    "height": lambda image, _: image.height,
    "megapixels": lambda image, _: image.width * image.height / 1e6,
    "proportion": lambda image, _: image.width / image.height,
    "bytes": lambda image, _: image.bytes,
    "first_seen": lambda image, _: _first_seen(image),
}


def _words(axis: str, facts: Facts) -> Sequence[str | None]:
    if axis == "format":
        return [image.format for image in facts.images]
    if axis == "label":
        return facts.labels
    return [getattr(origin, axis) if origin else None for origin in facts.origins]


def _numbers(axis: str, facts: Facts) -> NDArray[np.float64]:
    if axis in CATEGORIES:
        return levels(_words(axis, facts))
    if axis == "score":
        return np.array(facts.scores, np.float64)
    number = _NUMBERS[axis]
    pairs = zip(facts.images, facts.origins, strict=True)
    return np.array([number(image, origin) for image, origin in pairs], np.float64)


def is_known(axis: str, facts: Facts) -> NDArray[np.bool_]:
    """(n,) whether an image has a value on the axis."""
    return np.isfinite(_numbers(axis, facts))


def places_along(axis: str, facts: Facts) -> NDArray[np.float64]:
    """(n,) places in [0, 1] along one of NUMBERS or CATEGORIES, those without a value at its end."""
    return even_places(_numbers(axis, facts))


def feature_of(axis: str, facts: Facts) -> NDArray[np.float32]:
    """(n, k) what images are compared by: a place along an axis of numbers, an indicator of each word.

    Images without a value lie in the middle, as far from one end as from the other.
    """
    if axis in CATEGORIES:
        return indicators(_words(axis, facts))
    values = _numbers(axis, facts)
    known = np.isfinite(values)
    places = np.full((len(values), 1), 0.5, np.float32)
    places[known, 0] = even_places(values[known])
    return places
