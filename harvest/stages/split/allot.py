"""Which part goes where: shares as they were asked for, labels in the same proportion everywhere, nothing moved.

Parts that were put somewhere stay there. New ones follow, larger before smaller ones by powers of two and else in an
order that hangs on seed and name alone. Each goes, among the splits that have room for all of it and of which it is no
more than half, to the one that is due to get its labels, the rarest counting most; by Webster's method, which hands out
seats in proportion (Balinski and Young, Fair Representation, 1982): what is due is share / (2 * there + 1). Else the
part goes where most is missing: so no split is off by as much as one part, and one creator is most of a test only where
nothing else is left. Iterative stratification (Sechidis et al., 2011) is the ancestor, for labels of single images.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harvest.config.split import SPLITS

__all__ = ["Part", "allot", "stays_in"]

_MOST = 0.5  # of what a split is to have, for one part
_ORDER = ("train", "test", "validation")  # who comes first where all is equal
_SLACK = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Images that stay together: how many, how many have each label, and where how many of them were put earlier."""

    name: str
    size: int
    labels: Mapping[str, int] = field(default_factory=dict)
    earlier: Mapping[str, int] = field(default_factory=dict)


def allot(parts: Sequence[Part], shares: Mapping[str, float], *, seed: int) -> dict[str, str]:
    """By the name of each part, the one of SPLITS that it goes to; `shares` of SPLITS sum up to 1."""
    books = _Books(parts, shares)
    new = []
    for part in parts:
        if part.earlier:
            books.put(part, stays_in(part.earlier))
        else:
            new.append(part)
    keys = {part.name: hashlib.sha256(f"{seed}:{part.name}".encode()).digest() for part in new}
    for part in sorted(new, key=lambda part: (-part.size.bit_length(), keys[part.name])):
        books.put(part, books.due(part))
    return books.placed


def stays_in(earlier: Mapping[str, int]) -> str:
    """Where most of a part's images were; of as many, where a model may have learned from them."""
    return max(SPLITS, key=lambda split: earlier.get(split, 0))


class _Books:
    """What every split was to get and has."""

    def __init__(self, parts: Sequence[Part], shares: Mapping[str, float]) -> None:
        total = sum(part.size for part in parts)
        self.placed: dict[str, str] = {}
        self.asked = {name: shares[name] * total for name in _ORDER if shares[name] > 0}
        self._shares = shares
        self._images: Counter[str] = Counter()
        self._labels: dict[str, Counter[str]] = {name: Counter() for name in SPLITS}
        self._all: Counter[str] = Counter()
        for part in parts:
            self._all.update(part.labels)
        self._total = max(total, 1)

    def put(self, part: Part, split: str) -> None:
        self.placed[part.name] = split
        self._images[split] += part.size
        self._labels[split].update(part.labels)

    def _missing(self, split: str) -> float:
        return self.asked[split] - self._images[split]

    def due(self, part: Part) -> str:
        """Where a part belongs by its labels and its size."""
        fitting = [
            split
            for split, asked in self.asked.items()
            if self._missing(split) >= part.size - _SLACK and (part.size <= _MOST * asked or part.size == 1)
        ]
        if len(fitting) < 2:
            return fitting[0] if fitting else max(self.asked, key=self._missing)
        scores = dict.fromkeys(fitting, 0.0)
        for label, count in part.labels.items():
            there = {split: self._labels[split][label] for split in fitting}
            self._add(scores, count / self._all[label], there)
        self._add(scores, part.size / self._total, self._images)
        return max(fitting, key=scores.__getitem__)

    def _add(self, scores: dict[str, float], weight: float, there: Mapping[str, int]) -> None:
        due = {split: self._shares[split] / (2 * there[split] + 1) for split in scores}
        most = max(due.values())
        for split in scores:
            scores[split] += weight * due[split] / most
