"""What a scorer is: one number measured in a picture, by a detector that is named with its versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from PIL import Image

__all__ = ["LONGEST", "Score", "Scorer", "ScorerKind"]

LONGEST = 640  # `longest` of scorers that look at a picture as a whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The number, and what else was seen, as plain JSON: boxes, classes."""

    value: float
    detail: Mapping[str, Any] = field(default_factory=dict)


class Scorer(Protocol):
    """A loaded detector."""

    @property
    def name(self) -> str:
        """What its rows are kept by: name and digest of the weights, versions and settings that the numbers hang on."""

    @property
    def longest(self) -> int:
        """`longest` of `decode_rgb`: a JPEG is decoded no larger than the detector needs."""

    def __call__(self, picture: Image.Image) -> Score:
        """Measure an upright RGB picture. The same pixels give the same number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerKind:
    """A detector as filters name it.

    `identify` tells its name without loading it, None where it is not installed; `load` makes it ready and raises
    ComponentMissing, with what to do, where it cannot.
    """

    name: str
    identify: Callable[[], str | None]
    load: Callable[[], Scorer]
