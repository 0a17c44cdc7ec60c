"""How much of what a source says it holds a crawl met: one line for each list and part of a list, and a report."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harvest.workspace import Workspace, write_published

__all__ = ["Coverage"]

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Part:
    expected: int | None = None
    ids: set[int | str] = field(default_factory=set)
    met: int = 0
    is_finished: bool = False
    parts: dict[str, _Part] = field(default_factory=dict)

    def said(self, word: str, name: str) -> dict[str, Any]:
        met = max(self.met, len(self.ids))
        expected = met if self.expected is None else self.expected
        counts = {"expected": expected, "met": met, "missing": max(0, expected - met)}
        if not self.parts:
            return {word: name, **counts, "finished": self.is_finished}
        parts = [part.said("part", where) for where, part in self.parts.items()]
        return {word: name, **counts, "finished": all(part["finished"] for part in parts), "parts": parts}


class Coverage:
    """Counts by id what was met of every list, and of every part in which a list was asked for.

    In a crawl that several workers share, each counts the answers that it read itself: `is_shared` says so in the
    report, and what is missing is then no news.
    """

    def __init__(self, *, is_shared: bool = False) -> None:
        self._is_shared = is_shared
        self._lists: dict[str, _Part] = {}

    def expect(self, name: str, images: int, part: str | None = None) -> bool:
        """The source says that the list `name`, or this part of it, holds so many; whether that is news."""
        of = self._of(name, part)
        is_news, of.expected = of.expected is None, images
        return is_news

    def meet(self, name: str, ids: Iterable[str], part: str | None = None) -> set[str]:
        """Count `ids` as met; those that the list showed for the first time."""
        met = {int(id_) if id_.isdecimal() else id_: id_ for id_ in ids}
        whole = self._of(name, None)
        new = met.keys() - whole.ids
        whole.ids |= new
        if part is not None:
            self._of(name, part).ids |= met.keys()
        return {met[key] for key in new}

    def finish(self, name: str, part: str | None = None) -> None:
        """All that the source lists here has been read; `None` stands for a list that was asked for in one part."""
        of = self._of(name, part)
        if of.is_finished:
            return
        of.is_finished = True
        said = of.said("list", name)
        where = f"{name}, {part}" if part else name
        level = logging.WARNING if said["missing"] and not self._is_shared else logging.INFO
        logger.log(
            level,
            "coverage: %s: %d expected, %d met, %d missing",
            where,
            *map(said.get, ("expected", "met", "missing")),
        )
        if part is not None:
            of.met, of.ids = len(of.ids), set()  # a list may have thousands of parts

    def report(self) -> dict[str, Any]:
        """`{"lists": [{"list", "expected", "met", "missing", "finished", "parts": [{"part", ...}]}], ...totals}`."""
        lists = [of.said("list", name) for name, of in self._lists.items()]
        totals = {word: sum(entry[word] for entry in lists) for word in ("expected", "met", "missing")}
        return {**totals, "finished": all(entry["finished"] for entry in lists), "lists": lists}

    def write(self, workspace: Workspace, source: str, run_id: str | None) -> Path | None:
        """Publish `reports/coverage-<source>-<run_id>.json`; None where nothing was counted or no run was open."""
        if not self._lists or run_id is None:
            return None
        report = self.report()
        path = workspace.reports / f"coverage-{source}-{run_id}.json"
        shared = {"is_shared": True} if self._is_shared else {}
        write_published(path, json.dumps({"source": source, "run_id": run_id, **shared, **report}, indent=1) + "\n")
        level = logging.WARNING if report["missing"] and not self._is_shared else logging.INFO
        numbers = map(report.get, ("expected", "met", "missing"))
        logger.log(level, "coverage: %d expected, %d met, %d missing in all: %s", *numbers, path)
        return path

    def _of(self, name: str, part: str | None) -> _Part:
        whole = self._lists.setdefault(name, _Part())
        return whole if part is None else whole.parts.setdefault(part, _Part())
