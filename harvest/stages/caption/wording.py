"""From facts on an image to its caption. What comes from sources is text, whatever braces it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

from harvest.config.captions import CaptionLabels, CaptionsConfig, Part, parts_of
from harvest.config.vocabulary import SEPARATOR
from harvest.ledger import CaptionFacts, FoundLabel
from harvest.wording import one_line

__all__ = ["Wording", "tidy"]

_COMMA = re.compile(r",+(?=\s|$)")  # and not that of 1,000
_YEAR = re.compile(r"[12]\d{3}")
_LOOSE = " ,;:-–—"  # noqa: RUF001 - what no caption begins or ends with


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How the images of a recipe are called: templates taken apart once, and the rules for what comes out."""

    templates: Sequence[tuple[str, Sequence[Part]]]
    labels: CaptionLabels
    trigger: str | None
    max_words: int | None
    max_chars: int | None

    @classmethod
    def of(cls, config: CaptionsConfig) -> Self:
        """The wording that a recipe asks for."""
        return cls(
            templates=[(template, parts_of(template)) for template in config.templates],
            labels=config.labels,
            trigger=one_line(config.trigger) if config.trigger else None,
            max_words=config.max_words,
            max_chars=config.max_chars,
        )

    def by_template(self, facts: CaptionFacts) -> tuple[str, str] | None:
        """The caption and the template it follows: the first whose fields all have words. None where none has."""
        words = self._words(facts)
        for template, parts in self.templates:
            if all(part.field is None or words.get(part.field) for part in parts):
                filled = "".join(part.text + (words[part.field] if part.field else "") for part in parts)
                if caption := self.settled(filled):
                    return caption, template
        return None

    def settled(self, text: str) -> str:
        """A caption in its final form: one tidy line with the trigger in it, no longer than is asked for."""
        text = tidy(text)
        if not text or self._has_trigger(cut := self._cut(text)):
            return self._cut(text)
        return self._cut(f"{self.trigger}, {cut}")

    def _has_trigger(self, text: str) -> bool:
        return self.trigger is None or bool(re.search(rf"(?<!\w){re.escape(self.trigger)}(?!\w)", text))

    def _cut(self, text: str) -> str:
        words = text.split(" ")
        if self.max_words is not None:
            words = words[: self.max_words]
        if self.max_chars is not None:
            while len(words) > 1 and len(" ".join(words)) > self.max_chars:
                words.pop()
            words[0] = words[0][: self.max_chars]
        return " ".join(words).rstrip(_LOOSE)

    def _words(self, facts: CaptionFacts) -> Mapping[str, str]:
        """Field -> its words on one line; those that an image does not have are empty."""
        labels = self._labels(facts)
        date = one_line(facts.taken_at or facts.published_at or "")
        year = _YEAR.match(date)
        said = {
            "trigger": self.trigger,
            "title": facts.title,
            "description": facts.description,
            "tags": ", ".join(facts.tags),
            "labels": ", ".join(found.label for found in labels),
            "label": labels[0].label if labels else "",
            "label_path": labels[0].path if labels else "",
            "creator": facts.creator,
            "source": facts.source,
            "license": facts.license,
            "date": date,
            "year": year[0] if year else "",
        }
        return {field: one_line(text or "").strip(_LOOSE) for field, text in said.items()}

    def _labels(self, facts: CaptionFacts) -> list[FoundLabel]:
        """People's, the source's, the models'; each word once, none empty, with the path that a model found it by."""
        least = self.labels.min_share
        found = [each for each in facts.found if each.score >= least] or _branch(facts.found, least)
        paths = {each.label.casefold(): each.path for each in facts.found}
        given = (FoundLabel(label=label, path=paths.get(label.casefold(), label), score=1.0) for label in facts.labels)
        by = self.labels.by
        chosen = chain(given if by != "model" else (), found if by != "source" else ())
        once: dict[str, FoundLabel] = {}
        for each in chosen:
            if each.label.strip():
                once.setdefault(each.label.casefold(), each)
        return list(once.values())[: self.labels.most]


def _branch(found: Sequence[FoundLabel], least: float) -> list[FoundLabel]:
    """Where no word is sure enough: the deepest branch whose words among those found are, taken together."""
    shares: dict[tuple[str, ...], float] = {}
    for each in found:
        above = tuple(each.path.split(SEPARATOR)[:-1])
        for depth in range(1, len(above) + 1):
            shares[above[:depth]] = shares.get(above[:depth], 0.0) + each.score
    sure = [(len(path), share, path) for path, share in shares.items() if share >= least]
    if not sure:
        return []
    _, share, path = max(sure)
    return [FoundLabel(label=path[-1], path=SEPARATOR.join(path), score=share)]


def tidy(text: str) -> str:
    """One line whose parts between commas are there, and there once.

    >>> tidy("Pike ,, from the lake\\n,  pike, 1,000 scales, ")
    'Pike, from the lake, 1,000 scales'
    """
    once: dict[str, str] = {}
    for part in _COMMA.split(one_line(text)):
        if part.strip():
            once.setdefault(part.strip().casefold(), part.strip())
    return ", ".join(once.values()).strip(_LOOSE)
