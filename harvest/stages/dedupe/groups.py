"""Pairs of copies to groups, without chains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Group", "group"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Copies of one picture, by their numbers: the one that is kept, and the others with their bits from it."""

    keeper: int
    others: tuple[tuple[int, int], ...]


def group(pairs: Iterable[tuple[int, int, int]], ranked: Sequence[int]) -> list[Group]:
    """Groups in which every member is a copy of the keeper itself, never only a copy of a copy.

    `pairs` are (i, j, distance); `ranked` lists all numbers, the best copy first. The best picture that is in no group
    yet takes its direct copies, and so on: every pair's pictures end in groups whose threshold holds, where plain
    components would chain unlike pictures together. A picture that only copies of a better one resemble stays alone.
    """
    near: dict[int, list[tuple[int, int]]] = {}
    for i, j, distance in pairs:
        near.setdefault(i, []).append((j, distance))
        near.setdefault(j, []).append((i, distance))
    taken: set[int] = set()
    groups: list[Group] = []
    for keeper in ranked:
        if keeper in taken or keeper not in near:
            continue
        others = sorted((j, distance) for j, distance in near[keeper] if j not in taken)
        taken.add(keeper)
        taken.update(j for j, _ in others)
        if others:
            groups.append(Group(keeper=keeper, others=tuple(others)))
    return groups
