"""Candidates to groups in which every copy is a copy of the kept one itself, never only a copy of a copy.

The best picture that is in no group yet takes its direct copies, and so on. Plain components would chain unlike
pictures together; here a picture that only copies of a better one resemble stays alone. Which candidates are copies is
asked only where the outcome hangs on it: of a thousand copies, each is laid over the kept one, not over the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harvest.stages.dedupe.compiled import compiled

__all__ = ["CROWD", "Layer", "Proofs", "groups_of"]

CROWD = 256  # kept pictures that one is laid over at most: a fingerprint that so many unlike ones share says nothing
_FIRST = 2  # candidates that are asked about in the first round; twice as many in each that follows
_MOST = 64
_UNKNOWN, _UNLIKE, _ALIKE = -1, 0, 1
_OPEN, _KEEPER, _TAKEN = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one method proposes: pictures of one class are candidates of each other, and of those of near classes.

    `label` (n,) is each picture's class, -1 for none. Class c's near ones are `near[begin[c]:begin[c + 1]]`, itself
    left out, at `distance`. Where `is_proof`, candidates are copies without being looked at.
    """

    kind: str
    method: str
    threshold: float
    label: NDArray[np.int32] = field(repr=False)
    begin: NDArray[np.int64] = field(repr=False)
    near: NDArray[np.int32] = field(repr=False)
    distance: NDArray[np.float32] = field(repr=False)
    is_proof: bool = False

    @classmethod
    def of_pairs(
        cls,
        label: NDArray[np.int32],
        first: NDArray[np.integer[Any]],
        second: NDArray[np.integer[Any]],
        distance: NDArray[np.generic],
        **words: Any,
    ) -> Layer:
        """From each pair of near classes once, in any order; `words` are the other fields."""
        one, other = np.concatenate([first, second]), np.concatenate([second, first])
        order = np.lexsort((other, one))
        begin = np.zeros(int(label.max(initial=-1)) + 2, np.int64)
        np.cumsum(np.bincount(one, minlength=len(begin) - 1), out=begin[1:])
        distances = np.concatenate([distance, distance]).astype(np.float32)[order]
        return cls(label=label, begin=begin, near=other[order].astype(np.int32), distance=distances, **words)

    def between(self, one: int, other: int) -> float | None:
        """How far two pictures are apart, None when they are no candidates of each other here."""
        mine, its = int(self.label[one]), int(self.label[other])
        if mine < 0 or its < 0 or mine == its:
            return 0.0 if mine == its and mine >= 0 else None
        low, high = int(self.begin[mine]), int(self.begin[mine + 1])
        place = low + int(np.searchsorted(self.near[low:high], its))
        return float(self.distance[place]) if place < high and self.near[place] == its else None


class Proofs:
    """Which pairs of pictures are copies, as far as is known; what is `told` stands against what is measured.

    `unseen` (n,) are pictures that could not be looked at: copies of nothing that is not proven or told.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self.unseen = np.zeros(count, bool)
        self.keys = np.empty(0, np.int64)
        self.alike = np.empty(0, np.int8)
        self._told: dict[int, bool] = {}

    def key(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
        """A number for each unordered pair."""
        return np.minimum(one, other) * self._count + np.maximum(one, other)

    def add(self, one: NDArray[np.int64], other: NDArray[np.int64], alike: NDArray[np.bool_]) -> None:
        """Learn of pairs."""
        keys = np.concatenate([self.key(one, other), self.keys])
        values = np.concatenate([alike.astype(np.int8), self.alike])
        self.keys, first = np.unique(keys, return_index=True)
        self.alike = values[first]
        if self._told:
            told, values = np.array(list(self._told)), np.array(list(self._told.values()))
            self.alike[np.searchsorted(self.keys, told)] = values

    def tell(self, one: Sequence[int], other: Sequence[int], *, alike: bool) -> None:
        """Say of pairs that they are copies or are not, whatever was or will be measured."""
        pair = np.array(one, np.int64), np.array(other, np.int64)
        self._told |= dict.fromkeys(self.key(*pair).tolist(), alike)
        self.add(*pair, np.full(len(pair[0]), alike))

    def is_told(self, one: int, other: int) -> bool:
        """Whether somebody said what these two are."""
        return int(self.key(np.array([one]), np.array([other]))[0]) in self._told

    def of(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int8]:
        """-1 where nobody knows, 0 unlike, 1 alike."""
        keys = self.key(one, other)
        if not len(self.keys):
            return np.full(len(keys), _UNKNOWN, np.int8)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, self.alike[places], np.int8(_UNKNOWN))


Ask = Callable[[NDArray[np.int64], NDArray[np.int64]], None]


def groups_of(layers: Sequence[Layer], order: NDArray[np.int64], proofs: Proofs, ask: Ask) -> NDArray[np.int64]:
    """For each picture the one that is kept for it, itself where it stays: (n,).

    `order` lists all numbers, the best first. `ask` is given pairs that `proofs` does not know and has to add them. The
    outcome is that of going through `order` once and knowing everything, whatever the order in which answers come.
    """
    state = np.zeros(len(order), np.int8)
    kept_for = np.arange(len(order), dtype=np.int64)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    labels, begin, near, proven = _stacked(layers, len(order))
    room = _FIRST
    if not len(near):
        return kept_for
    while True:
        members, starts = _members(labels, len(begin) - 1, order, state)
        found = np.empty((max(1024, 2 * room * int((state == _OPEN).sum())), 2), np.int64)
        count = _settle(
            order, place, labels, begin, near, proven, members, starts, proofs.keys, proofs.alike, proofs.unseen, state,
            kept_for, room, CROWD, found,
        )  # fmt: skip
        if count == 0:
            return kept_for
        keys = np.unique(proofs.key(found[:count, 0], found[:count, 1]))
        ask(keys // len(order), keys % len(order))
        room = min(2 * room, _MOST)


def _stacked(
    layers: Sequence[Layer], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """All layers as one: labels (layers, n), and for each class its near ones, itself first."""
    labels, begins, nears, base, edges = [], [np.zeros(1, np.int64)], [np.empty(0, np.int64)], 0, 0
    for layer in layers:
        classes = len(layer.begin) - 1
        labels.append(np.where(layer.label >= 0, layer.label.astype(np.int64) + base, -1))
        nears.append(np.insert(layer.near.astype(np.int64), layer.begin[:-1], np.arange(classes)) + base)
        begins.append(layer.begin[1:] + np.arange(1, classes + 1) + edges)
        base, edges = base + classes, edges + len(layer.near) + classes
    stacked = np.stack(labels) if labels else np.empty((0, count), np.int64)
    return stacked, np.concatenate(begins), np.concatenate(nears), np.array([layer.is_proof for layer in layers], bool)


def _members(
    labels: NDArray[np.int64], classes: int, order: NDArray[np.int64], state: NDArray[np.int8]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pictures of each class that nobody took, the best first, and where each class begins."""
    free = order[state[order] != _TAKEN]
    classed = labels[:, free].ravel()
    numbers = np.tile(free, len(labels))[classed >= 0]
    classed = classed[classed >= 0]
    starts = np.zeros(classes + 1, np.int64)
    np.cumsum(np.bincount(classed, minlength=classes), out=starts[1:])
    return numbers[np.argsort(classed, kind="stable")], starts


@compiled
def _status(keys: Any, alike: Any, key: int) -> int:
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return int(alike[low]) if low < len(keys) and keys[low] == key else -1


@compiled
def _settle(  # noqa: PLR0917 - compiled code takes its arrays in order
    order: Any, place: Any, labels: Any, begin: Any, near: Any, proven: Any, members: Any, starts: Any,
    keys: Any, alike: Any, unseen: Any, state: Any, kept_for: Any, room: int, crowd: int, found: Any,
) -> int:  # fmt: skip
    """Settle every picture whose better candidates are settled; write the pairs that the others wait for into `found`.

    A picture is taken by the best kept one that it is a copy of, and kept when there is none. It waits for a better
    candidate that is open itself and may be a copy, and for kept ones that nobody compared it with yet.
    """
    count, total = 0, len(order)
    for picture in order:
        if state[picture] != 0:
            continue
        taker, waits_for, asked = _weighed(
            picture, place, labels, begin, near, proven, members, starts, keys, alike, unseen, state, room, crowd,
            found, count,
        )  # fmt: skip
        count += asked
        if waits_for >= taker:
            state[picture] = 1 if taker == total else 2
            kept_for[picture] = picture if taker == total else order[taker]
    return count


@compiled
def _weighed(  # noqa: PLR0917 - one walk over one structure
    picture: int, place: Any, labels: Any, begin: Any, near: Any, proven: Any, members: Any, starts: Any,
    keys: Any, alike: Any, unseen: Any, state: Any, room: int, crowd: int, found: Any, count: int,
) -> tuple[int, int, int]:  # fmt: skip
    """The places of the best kept picture that this is a copy of, and of the best that it waits for; n for none.

    Up to `room` pairs to ask about go into `found` from `count` on; the third number says how many.
    """
    total = len(place)
    taker, waits_for, asked, unlike = total, total, 0, 0
    for layer in range(labels.shape[0]):
        label = labels[layer, picture]
        for edge in range(begin[label] if label >= 0 else 0, begin[label + 1] if label >= 0 else 0):
            for slot in range(starts[near[edge]], starts[near[edge] + 1]):
                better = members[slot]
                if place[better] >= min(place[picture], taker) or unlike >= crowd:
                    break
                status = _status(keys, alike, min(better, picture) * total + max(better, picture))
                if status < 0 and proven[layer]:
                    status = 1
                if state[better] == 2 or (status < 0 and (unseen[picture] or unseen[better])):
                    continue
                if status == 0:
                    unlike += 1
                elif status == 1 and state[better] == 1:
                    taker = place[better]
                else:
                    waits_for = min(waits_for, place[better])
                    if status < 0:
                        found[count + asked, 0], found[count + asked, 1] = better, picture
                        asked += 1
                        if asked >= room:
                            return taker, -1, asked
    return taker, waits_for, asked
