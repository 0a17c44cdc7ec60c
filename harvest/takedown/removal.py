"""Taking images out: first the tombstones, then the bytes, then all that was made of them.

Every step looks at what is there, so that whoever was interrupted, at whatever moment, does the rest by doing it again.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from warcio.exceptions import ArchiveLoadFailed

from harvest.errors import LedgerBusy, LedgerError, SourceError
from harvest.evidence import Unwanted, scrub_run
from harvest.export import remake_export
from harvest.export.publish import locked
from harvest.holdings import ExportedCopy, Holdings, evidence_of, exported_copies, holdings_of
from harvest.images.tombstones import DETAIL_VERSION
from harvest.journal import living_runs
from harvest.ledger import TakedownRow, ingest_all, open_ledger, taken_down, unwanted, write_takedowns
from harvest.progress import Progress
from harvest.store import Store
from harvest.takedown.naming import Named, Request, name_images
from harvest.workspace import LAYOUT_TABLE, SHEET_INDEX, Workspace, sheet_pages

__all__ = ["Plan", "RemovalReport", "carry_out", "finish", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What carrying out a request would take: images, all that is there of them, and exports that ever held them."""

    request: Request
    images: tuple[Named, ...]
    holdings: Holdings
    copies: tuple[ExportedCopy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalReport:
    """What was done. `left` is what could not be taken away, each with why; `again` are commands that make anew what
    was taken away because it showed one of the images.
    """

    tombstones: int
    removed: Holdings
    rewritten: tuple[str, ...]
    copies: tuple[ExportedCopy, ...]
    again: tuple[str, ...]
    left: tuple[str, ...]


def plan(workspace: Workspace, request: Request, *, progress: Progress) -> Plan:
    """What `request` means and what there is of it; takes nothing away. Raises UsageError and LedgerError.

    What a killed crawl has journaled and nobody has ingested yet comes into the ledger first, or it would be missed.
    """
    ingest_all(workspace)
    images = name_images(workspace, request, progress=progress)
    digests = [named.sha256 for named in images]
    return Plan(
        request=request,
        images=images,
        holdings=holdings_of(workspace, digests, progress),
        copies=exported_copies(workspace, digests),
    )


def carry_out(workspace: Workspace, wanted: Plan, *, reason: str, by: str, progress: Progress) -> RemovalReport:
    """Put up the tombstones of all images of a plan, then take away what is there of them and of earlier ones.

    Raises LedgerBusy while a crawl of this workspace runs, before anything is done: it would not know of tombstones
    that were put up after it began.
    """
    _require_no_crawl(workspace, "stop it first, and crawl again after: it goes on where it was")
    request = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    rows = [_tombstone(named, request, reason, by) for named in wanted.images]
    with open_ledger(workspace, write=True) as con:
        new = write_takedowns(con, rows)
    _require_no_crawl(workspace, "the tombstones stand; stop it, then `harvest takedown --finish` does the rest")
    return _removed(workspace, new, [named.sha256 for named in wanted.images], progress)


def finish(workspace: Workspace, *, progress: Progress) -> RemovalReport:
    """Take away what is still there of anything that has a tombstone. Raises LedgerBusy while a crawl runs."""
    _require_no_crawl(workspace, "stop it first, and crawl again after: it goes on where it was")
    ingest_all(workspace)
    with open_ledger(workspace) as con:
        digests = taken_down(con)
    return _removed(workspace, 0, digests, progress)


def _require_no_crawl(workspace: Workspace, what_to_do: str) -> None:
    running = living_runs(workspace.journal)
    if running:
        raise LedgerBusy(f"{workspace.root}: the crawl {running[0]} is running; {what_to_do}")


def _tombstone(named: Named, request: str, reason: str, by: str) -> TakedownRow:
    phash, version, detail = named.prints or (None, None, None)
    return TakedownRow(
        sha256=named.sha256,
        reason=reason,
        requested_by=by,
        request=request,
        matched=named.why,
        phash=None if phash is None else f"{phash:016x}",
        phash_version=version,
        detail_hash=None if detail is None else f"{detail:064x}",
        detail_version=None if detail is None else DETAIL_VERSION,
    )


def _removed(workspace: Workspace, tombstones: int, asked: list[str], progress: Progress) -> RemovalReport:
    """`asked` are the images whose copies elsewhere are to be told of; what is taken away is all that has to go."""
    with open_ledger(workspace) as con:
        gone, also_raw = taken_down(con), unwanted(con)
    there = holdings_of(workspace, gone, progress, also_in_evidence=also_raw)
    work = _Removal(workspace, progress)
    with progress.start("take out", len(there)) as task:
        for what, names in (
            (work.original, there.originals),
            (work.file, there.derived),
            (work.layout, there.layouts),
            (work.sheet, there.sheets),
            (work.index, there.indexes),
            (work.file, there.reports),
            (work.export, there.exports),
        ):
            for name in names:
                work.attempt(what, name)
                task.advance(note=name)
        for run, bad in evidence_of(workspace, [*gone, *also_raw]).items():
            folder = workspace.evidence / run
            if folder.is_dir():
                work.attempt(partial(_scrub, folder, bad), f"evidence/{run}")
        task.advance(len(there.evidence))
    if workspace.exports.is_dir():
        with suppress(LedgerBusy), locked(workspace.exports):
            pass  # what a kill left of an export that was written over is swept away with the lock
    return RemovalReport(
        tombstones=tombstones,
        removed=there,
        rewritten=tuple(work.rewritten),
        copies=exported_copies(workspace, asked),
        again=tuple(work.again),
        left=tuple(work.left),
    )


class _Removal:
    """The steps, and what came of them."""

    def __init__(self, workspace: Workspace, progress: Progress) -> None:
        self._workspace, self._progress = workspace, progress
        self._store = Store(workspace.root)
        self.rewritten: list[str] = []
        self.again: list[str] = []
        self.left: list[str] = []

    def attempt(self, step: Callable[[str], object], name: str) -> None:
        """Do a step; what keeps it from being done is told, and keeps no other one from being done."""
        try:
            step(name)
        except (OSError, SourceError, LedgerError, ArchiveLoadFailed) as error:
            self.left.append(f"{name}: {error}")

    def original(self, path: str) -> None:
        """The bytes as they were served, wherever they are kept."""
        self._store.remove(path)

    def file(self, path: str) -> None:
        """One file of the workspace."""
        (self._workspace.root / path).unlink(missing_ok=True)

    def layout(self, name: str) -> None:
        """A mosaic with its positions and its viewer; the table that says what it shows goes last."""
        folder = self._workspace.layouts / name
        _unlink(
            [path for path in {*folder.iterdir()} - {*sheet_pages(folder)} if path.name != SHEET_INDEX],
            last=LAYOUT_TABLE,
        )
        self._tidy(folder)
        self.again.append(f"harvest layout RECIPE  # {name}")

    def sheet(self, name: str) -> None:
        """Contact sheets; the list of what they show goes last."""
        folder = self._workspace.layouts / name
        _unlink([*sheet_pages(folder), folder / SHEET_INDEX], last=SHEET_INDEX)
        self._tidy(folder)
        self.again.append(f"harvest sheet RECIPE  # {name}")

    def index(self, name: str) -> None:
        """An index of vectors; the next search that needs one makes it again."""
        shutil.rmtree(self._workspace.indexes / name)

    def export(self, name: str) -> None:
        """An export, written anew without the images; one that cannot be is taken away."""
        made = remake_export(self._workspace, name, progress=self._progress)
        if made is not None and made.files:
            self.rewritten.append(name)
        elif made is None and (self._workspace.exports / name).exists():
            self.left.append(
                f"exports/{name}: the ledger does not know this export; look into it and remove it by hand"
            )
        elif made is None:
            self.again.append(f"harvest export RECIPE  # {name}")

    def _tidy(self, folder: Path) -> None:
        with suppress(OSError):
            folder.rmdir()


def _scrub(folder: Path, bad: Unwanted, _: str) -> None:
    scrub_run(folder, bad)


def _unlink(paths: Iterable[Path], *, last: str) -> None:
    for path in sorted(paths, key=lambda path: (path.name == last, path.name)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
