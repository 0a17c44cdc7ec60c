"""Captions for training the demonstration model, each with the exact set of pictures it is true of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harvest.demo.specimens import KINDS, OFF_TOPIC

__all__ = ["Caption", "Subject", "caption", "truth"]

_NOUNS: Final[dict[str, tuple[str, ...]]] = {
    "ammonite": ("ammonite", "ammonite", "fossil shell"),
    "beetle": ("beetle",),
    "egg": ("egg", "bird's egg"),
    "feather": ("feather", "bird's feather"),
    "fern": ("fern", "fern frond"),
    "fish": ("fish",),
    "flower": ("flower", "blossom"),
    "key": ("key", "old key"),
    "leaf": ("leaf", "leaf"),
    "moth": ("moth", "moth", "butterfly"),
    "mushroom": ("mushroom", "fungus"),
    "scallop": ("scallop", "scallop shell"),
    "starfish": ("starfish", "sea star"),
    "urchin": ("urchin", "sea urchin"),
    "vessel": ("vessel", "vase", "pot"),
    "whelk": ("whelk", "sea snail shell", "spiral shell"),
    "bar_chart": ("bar chart",),
    "line_chart": ("line chart", "line graph"),
    "pie_chart": ("pie chart",),
    "scatter_plot": ("scatter plot",),
    "text_page": ("page of text", "document", "page of a book"),
    "table": ("table", "spreadsheet", "table of numbers"),
    "form": ("form", "screenshot of a form", "screenshot"),
}
_CHARTS: Final = frozenset({"bar_chart", "line_chart", "pie_chart", "scatter_plot"})
_WIDER: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("shell", frozenset({"scallop", "whelk", "ammonite"})),
    ("insect", frozenset({"moth", "beetle"})),
    ("plant", frozenset({"leaf", "fern", "flower"})),
    ("sea creature", frozenset({"fish", "starfish", "urchin"})),
    ("made object", frozenset({"key", "vessel"})),
    ("specimen", frozenset(KINDS)),
    ("museum specimen", frozenset(KINDS)),
    ("specimen on a plain background", frozenset(KINDS)),
    ("chart", _CHARTS),
    ("graph", _CHARTS),
    ("diagram with numbers", _CHARTS),
    ("screen full of text", frozenset({"text_page", "table", "form"})),
    ("chart or a page of text", frozenset(OFF_TOPIC)),
)
_FRAMES: Final = (
    "a photo of {}", "a drawing of {}", "a picture of {}", "an image of {}", "a specimen of {}",
    "an illustration of {}", "{}", "{}", "a museum photograph of {}", "this is {}",
)  # fmt: skip
_SHEET_FRAMES: Final = (
    "{}", "{}", "{}", "a photo of {}", "a picture of {}", "an image of {}", "a scan of {}", "this is {}",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is known of a picture; off-topic pictures have a kind alone."""

    kind: str
    variety: str = ""
    colour: str = ""
    ground: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """A caption and its claim: the kinds it may speak of, and the variety, colour and ground where it names them."""

    text: str
    kinds: frozenset[str]
    variety: str = ""
    colour: str = ""
    ground: str = ""


def _with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def caption(subject: Subject, rng: np.random.Generator) -> Caption:
    """A random true caption of `subject`, from a bare noun to a description with variety, colour and ground."""
    if rng.random() < 0.22:
        noun, kinds = next(
            (word, kinds)
            for word, kinds in (_WIDER[int(i)] for i in rng.permutation(len(_WIDER)))
            if subject.kind in kinds
        )
    else:
        nouns = _NOUNS[subject.kind]
        noun, kinds = nouns[int(rng.integers(len(nouns)))], frozenset({subject.kind})
    if subject.kind in OFF_TOPIC:
        frame = _SHEET_FRAMES[int(rng.integers(len(_SHEET_FRAMES)))]
        return Caption(text=frame.format(_with_article(noun)), kinds=kinds)
    variety = subject.variety if len(kinds) == 1 and rng.random() < 0.3 else ""
    colour = subject.colour if rng.random() < 0.45 else ""
    ground = subject.ground if rng.random() < 0.3 else ""
    words = _with_article(" ".join(part for part in (colour, variety, noun) if part))
    if ground:
        words = f"{words} on {ground}"
    frame = _FRAMES[int(rng.integers(len(_FRAMES)))]
    return Caption(text=frame.format(words), kinds=kinds, variety=variety, colour=colour, ground=ground)


def truth(subjects: Sequence[Subject], captions: Sequence[Caption]) -> NDArray[np.bool_]:
    """Which captions are true of which subjects, (subjects, captions)."""
    rows = [
        [
            subject.kind in claim.kinds
            and claim.variety in ("", subject.variety)
            and claim.colour in ("", subject.colour)
            and claim.ground in ("", subject.ground)
            for claim in captions
        ]
        for subject in subjects
    ]
    return np.array(rows, dtype=np.bool_)
