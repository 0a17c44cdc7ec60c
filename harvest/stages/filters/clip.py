"""Keep what looks like the words that are wanted rather than those that are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harvest.config.reader import Section, setting
from harvest.stages.filters.base import Asked, Judged
from harvest.stages.filters.examples import pictures_at
from harvest.stages.filters.likeness import Anchors, ByLikeness, check_bounds
from layout.features import unit_rows

__all__ = ["ClipFilter", "Part", "check_prompts", "find_pictures"]

Prompt = str | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a query: a text, or an image by its path or the first digits of its sha256; below 0 it is unwanted."""

    text: str | None = None
    image: str | Path | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFilter(ByLikeness):
    """Prompts in words. The score of an image is its best cosine with `keep` less its best cosine with `reject`.

    It passes with a score of at least `margin` and, where `min_score` is given, a best `keep` cosine of at least that.
    Without `reject` the score is the best `keep` cosine alone and `margin` is not looked at. Cosines of real models lie
    close together (0.15 to 0.35 for ViT-B-32), so that margins are small; `top`, `share` and `threshold` need none.

    A prompt that is a list is one thing in several words. Every `{}` of the `templates` stands for a prompt. All
    vectors of one prompt are averaged and brought to unit length again (Radford et al. 2021, arXiv:2103.00020, 3.1.4).
    `query` stands in place of `keep`: texts and images, weighted and added up to one vector.
    """

    model: str
    keep: tuple[str | tuple[str, ...], ...] = ()
    reject: tuple[str | tuple[str, ...], ...] = ()
    query: tuple[Part, ...] = ()
    templates: tuple[str, ...] = setting(("{}",), pattern=r"\{\}", expected="a text with {} in it")

    def judge_all(self, asked: Asked) -> Judged:
        """Embeds the prompts; the images' vectors are there already."""
        wanted = self._queried(asked) if self.query else self._prompted(asked, self.keep)
        return self.compare(asked, wanted, self._prompted(asked, self.reject) if self.reject else None)

    def _prompted(self, asked: Asked, prompts: Sequence[Prompt]) -> Anchors:
        words = [(prompt,) if isinstance(prompt, str) else prompt for prompt in prompts]
        framed = [[t.replace("{}", word) for word in synonyms for t in self.templates] for synonyms in words]
        vectors = [_mean(asked.texts(texts)) for texts in framed]
        return Anchors(names=[synonyms[0] for synonyms in words], vectors=np.concatenate(vectors))

    def _queried(self, asked: Asked) -> Anchors:
        vectors = [
            part.weight
            * (self._prompted(asked, [part.text]).vectors if part.text else asked.pictures([str(part.image)]))
            for part in self.query
        ]
        names = [f"{part.weight:+g} {part.text or _short(part.image)}" for part in self.query]
        return Anchors(names=[" ".join(names)], vectors=unit_rows(np.sum(vectors, axis=0)))


def check_prompts(section: Section) -> None:
    """Raise ConfigError where there is nothing to keep, or nothing that could ever be dropped."""
    params = section.read(ClipFilter)
    if params.query and params.keep:
        raise section.error("query", "stands in place of `keep`; leave one of them out")
    if not params.keep and not params.query:
        raise section.error("keep", "expected at least one prompt, got none")
    for key in ("keep", "reject"):
        for index, prompt in enumerate(getattr(params, key)):
            if not prompt:
                raise section.error(f"{key}[{index}]", "expected at least one word for it, got none")
    if not params.templates:
        raise section.error("templates", "expected at least one text with {} in it, got none")
    for index, part in enumerate(params.query):
        if (part.text is None) == (part.image is None):
            raise section.error(f"query[{index}]", "expected either a `text` or an `image`")
    check_bounds(section, unwanted="reject")


def find_pictures(section: Section, params: ClipFilter) -> ClipFilter:
    """The parameters with the pictures of the query found. Raises ConfigError."""
    parts = []
    for index, part in enumerate(params.query):
        if part.image is None:
            parts.append(part)
            continue
        images = pictures_at(section, f"query[{index}].image", str(part.image))
        if len(images) != 1:
            raise section.error(f"query[{index}].image", f"expected one picture, got {len(images)}: {part.image}")
        parts.append(replace(part, image=images[0]))
    return replace(params, query=tuple(parts))


def _mean(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors if len(vectors) == 1 else unit_rows(vectors.mean(axis=0, keepdims=True))


def _short(image: Any) -> str:
    return image.name if isinstance(image, Path) else str(image)[:12]
