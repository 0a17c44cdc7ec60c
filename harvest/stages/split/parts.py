"""What must not be torn apart: images bound by copies, by likeness, by creators or sources, as connected components."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["Bonds"]


class Bonds:
    """Names and what binds them: a forest of sets that are joined, each under its least name (union-find)."""

    def __init__(self, names: Iterable[str]) -> None:
        self._parent = {name: name for name in names}

    def find(self, name: str) -> str:
        """The least name of those that `name` is bound to."""
        parent = self._parent
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def tie(self, one: str, other: str) -> None:
        """Bind two names; either may be a new one."""
        for name in (one, other):
            self._parent.setdefault(name, name)
        first, second = sorted((self.find(one), self.find(other)))
        self._parent[second] = first

    def tie_alike(self, names: Sequence[str], values: Iterable[str | None]) -> None:
        """Bind all `names` of one value; what has none is alone, for two unknown ones need not be the same."""
        first: dict[str, str] = {}
        for name, value in zip(names, values, strict=True):
            if value is not None:
                self.tie(first.setdefault(value, name), name)

    def members(self) -> dict[str, list[str]]:
        """All names in order, by the least of those they are bound to."""
        found: dict[str, list[str]] = {}
        for name in sorted(self._parent):
            found.setdefault(self.find(name), []).append(name)
        return found
