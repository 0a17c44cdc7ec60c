"""The wall of a recipe, and what people say of its images: read from the ledger and written to it, a moment each."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harvest.errors import CheckFailed, UsageError
from harvest.ledger import GivenLabelRow, given_labels, open_ledger, reviews, write_given_labels
from harvest.review.bad_list import Placed, placed_files, verdicts_of
from harvest.review.copies import CopyGroup, Member, copy_report
from harvest.review.judging import Suggestion
from harvest.review.verdicts import Verdict, give
from harvest.workspace import LAYOUT_TABLE, Workspace
from layout.viewer import viewer_data

__all__ = ["Suggest", "Wall"]

Suggest = Callable[[int], Sequence[Suggestion]]
"""Names so many images whose judgement would teach most, best first."""

_PAGE = "index.html"
_STAGE = "filter"
_OF_IMAGES = ("keep", "drop", "undo")
_OF_COPIES = (*_OF_IMAGES, "apart", "together")
_LONGEST_LABEL = 100
_MOST_AT_ONCE = 100_000
_MEMBER = ("sha256", "keeper", "method", "distance", "threshold", "reason", "width", "height", "format", "bytes")
_ORIGIN = ("title", "creator", "license", "source", "page_url", "date")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What was said in one go, as it is now: verdicts and labels by sha256; of `copies`, verdicts on one (`sha256`) or
    on two (and `other`). None or nothing where taken back.
    """

    verdicts: Mapping[str, str | None] = field(default_factory=dict)
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    copies: Sequence[Mapping[str, str | None]] = ()

    def told(self) -> dict[str, Any]:
        """As the page reads it; `asdict` would copy what is said of ten thousand images."""
        return {"verdicts": self.verdicts, "labels": self.labels, "copies": self.copies}


class Wall:
    """What `harvest review --serve` shows and writes: a mosaic (`layout`, by default the one called like the recipe
    `name`), and what people say of the recipe's images.

    Each method that reads or writes what people say opens the ledger for that alone, so that crawls go on meanwhile;
    all may be called from several threads. Raises UsageError where the recipe has no mosaic.
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        *,
        layout: str = "",
        decided_by: str,
        reason: str,
        suggest: Suggest | None = None,
    ) -> None:
        self.workspace, self.name, self.decided_by = workspace, name, decided_by
        self.layout = layout or name
        self._reason, self._suggest = reason, suggest
        self._changes: list[_Change] = []
        self._lock = threading.Lock()
        self._originals: dict[str, str] = {}
        self._copies: frozenset[str] = frozenset()
        self._placed: list[Placed] = []
        self._here: frozenset[str] = frozenset()
        self._made: tuple[object, dict[str, Any]] = (None, {})
        self.data()

    @property
    def folder(self) -> Path:
        """Where the mosaic lies."""
        return self.workspace.layouts / self.layout

    @property
    def placed(self) -> Sequence[Placed]:
        """The images of the mosaic, row by row."""
        return self._placed

    def data(self) -> dict[str, Any]:
        """What the page shows, read anew where the layout was made again."""
        made = [_mark(self.folder / name) for name in (LAYOUT_TABLE, _PAGE)]
        if made == self._made[0]:
            return self._made[1]
        placed = placed_files(self.workspace, self.layout)
        try:
            data = viewer_data(self.folder / _PAGE)
        except (OSError, ValueError):
            raise UsageError(
                f"{self.folder}: expected a mosaic with its viewer; `harvest layout RECIPE` makes it"
            ) from None
        self._placed, self._here = placed, frozenset(each.sha256 for each in placed)
        self._made = made, data
        return data

    def state(self) -> dict[str, Any]:
        """All that is in force: verdicts and labels by sha256, and the number of changes that it includes."""
        with self._lock:
            revision = len(self._changes)
        with open_ledger(self.workspace) as con:
            said = {row.sha256: row.verdict for row in reviews(con, self.name, _STAGE) if not row.other}
            labels = given_labels(con)
        return {
            "recipe": self.name,
            "by": self.decided_by,
            "revision": revision,
            "verdicts": {sha256: verdict for sha256, verdict in said.items() if sha256 in self._here},
            "labels": {sha256: found for sha256, found in labels.items() if sha256 in self._here},
            "suggests": self._suggest is not None,
        }

    def changes(self, since: int) -> dict[str, Any]:
        """What was said here after the first `since` changes, by whichever tab."""
        with self._lock:
            later, revision = self._changes[since:], len(self._changes)
        return {"revision": revision, "changes": [change.told() for change in later]}

    def judge(self, content: object) -> dict[str, Any]:
        """Write the verdicts `{"verdicts": [{"sha256", "verdict"}]}`; with `"stage": "dedupe"`, those on copies.

        Raises UsageError with the path of the fault, LedgerBusy when others keep the ledger for too long.
        """
        stage = content.get("stage", _STAGE) if isinstance(content, dict) else _STAGE
        if stage not in {_STAGE, "dedupe"}:
            raise UsageError(f"stage: expected {_STAGE} or dedupe, got {stage!r}")
        entries = _entries(content, "verdicts")
        if stage != _STAGE and not self._copies:  # judged in an earlier session, and taken back in this one
            self.groups()
        verdicts = [self._verdict(stage, where, entry) for where, entry in entries]
        rows = give(self.workspace, self.name, verdicts, reason=self._reason, decided_by=self.decided_by, stage=stage)
        said = [(row.sha256, row.other, None if row.verdict == "undo" else row.verdict) for row in rows]
        if stage != _STAGE:
            copies = [{"sha256": sha256, "other": other, "verdict": verdict} for sha256, other, verdict in said]
            return self._changed(_Change(copies=copies))
        return self._changed(_Change(verdicts={sha256: verdict for sha256, _, verdict in said}))

    def label(self, content: object) -> dict[str, Any]:
        """Write the labels `{"labels": [{"sha256", "label", "verdict"}]}`, the verdict being add or remove."""
        rows = [self._label(where, entry) for where, entry in _entries(content, "labels")]
        with open_ledger(self.workspace, write=True) as con:
            write_given_labels(con, rows)
            found = given_labels(con, {row.sha256 for row in rows})
        return self._changed(_Change(labels={row.sha256: found.get(row.sha256, []) for row in rows}))

    def suggestions(self, count: int) -> dict[str, Any]:
        """The images on this wall that are most worth judging, and how many others there were."""
        found = list(self._suggest(count)) if self._suggest else []
        here = [asdict(each) for each in found if each.sha256 in self._here]
        return {"suggestions": here, "elsewhere": len(found) - len(here)}

    def groups(self) -> dict[str, Any]:
        """The groups of near copies, most doubtful first, and the verdicts on them that wait for the next dedupe."""
        with open_ledger(self.workspace) as con:
            try:
                found = copy_report(con, self.name).groups
            except CheckFailed:
                found = ()
            said = reviews(con, self.name, "dedupe")
        self._originals = {one.sha256: one.path for group in found for one in group.members}
        # What was said once can be taken back, also when another dedupe has torn its group.
        self._copies |= {*self._originals, *(each for row in said for each in (row.sha256, row.other) if each)}
        return {
            "groups": [_told(group) for group in found],
            "verdicts": [{"sha256": row.sha256, "other": row.other, "verdict": row.verdict} for row in said],
        }

    def original(self, sha256: str) -> str | None:
        """The path of a copy that `groups` named, in the workspace."""
        return self._originals.get(sha256)

    def take_bad_list(self, content: object) -> dict[str, Any]:
        """Leave out what a list names; the names that this wall does not have come back as `unknown`."""
        verdicts, unknown = verdicts_of(content, self._placed)
        if verdicts:
            give(self.workspace, self.name, verdicts, reason=self._reason, decided_by=self.decided_by, stage=_STAGE)
        change = _Change(verdicts={each.sha256: each.verdict for each in verdicts})
        return {**self._changed(change), "unknown": unknown}

    def _changed(self, change: _Change) -> dict[str, Any]:
        with self._lock:
            self._changes.append(change)
            return {"revision": len(self._changes), "changes": [change.told()]}

    def _verdict(self, stage: str, where: str, entry: Mapping[str, Any]) -> Verdict:
        verdict, sha256, other = (entry.get(key, "") for key in ("verdict", "sha256", "other"))
        known = _OF_IMAGES if stage == _STAGE else _OF_COPIES
        if verdict not in known:
            raise UsageError(f"{where}.verdict: expected one of {', '.join(known)}, got {verdict!r}")
        is_pair = verdict in {"apart", "together"} or (verdict == "undo" and other != "")
        among = self._here if stage == _STAGE else self._copies
        if sha256 not in among or (other not in among if is_pair else other != ""):
            raise UsageError(f"{where}: expected {'two images' if is_pair else 'an image'} that this page shows")
        return Verdict(verdict=verdict, sha256=sha256, other=other)

    def _label(self, where: str, entry: Mapping[str, Any]) -> GivenLabelRow:
        label, verdict = entry.get("label"), entry.get("verdict")
        if not isinstance(label, str) or not 0 < len(label.strip()) <= _LONGEST_LABEL:
            raise UsageError(f"{where}.label: expected a word of at most {_LONGEST_LABEL} letters, got {label!r}")
        if verdict not in {"add", "remove"}:
            raise UsageError(f"{where}.verdict: expected add or remove, got {verdict!r}")
        if entry.get("sha256") not in self._here:
            raise UsageError(f"{where}.sha256: expected an image of this wall")
        words = " ".join(label.split())
        return GivenLabelRow(sha256=entry["sha256"], label=words, verdict=verdict, decided_by=self.decided_by)


def _mark(file: Path) -> tuple[int, int, int] | None:
    """What another file of the same name would have otherwise."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _entries(content: object, key: str) -> list[tuple[str, dict[str, Any]]]:
    entries = content.get(key) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not 0 < len(entries) <= _MOST_AT_ONCE:
        raise UsageError(f"{key}: expected a list of 1 to {_MOST_AT_ONCE:,} entries")
    if not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{key}: expected a list of objects, got {json.dumps(entries)[:80]}")
    return [(f"{key}[{index}]", entry) for index, entry in enumerate(entries)]


def _told(group: CopyGroup) -> dict[str, Any]:
    return {"id": group.id, "doubt": round(group.doubt, 4), "members": [_member(member) for member in group.members]}


def _member(member: Member) -> dict[str, Any]:
    return {key: getattr(member, key) for key in (*_MEMBER, *_ORIGIN)}
