"""Several workspaces into one: journals into the ledger, and the bytes that they speak of beside them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from harvest.errors import UsageError
from harvest.items import Derivative, Sighting
from harvest.journal import read_segment, run_folders, seal_dead, sealed_segments
from harvest.ledger import (
    TakedownRow,
    ingest_all,
    ingest_from,
    open_ledger,
    takedown_rows,
    tombstones,
    write_takedowns,
)
from harvest.progress import Progress
from harvest.store import Store
from harvest.workspace import Workspace, published

__all__ = ["JoinReport", "join"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinReport:
    """What came into a workspace: new sightings, and files that were copied. `missing` are files that are not there to
    be copied, or are not what the journal says; their rows came nevertheless, as `harvest verify` will tell. `refused`
    counts originals that stayed away because they, or pictures that they are near copies of, were taken down here or
    there, and `tombstones` what is newly known as taken down: all that is left of it here has to go.
    """

    runs: int = 0
    sightings: int = 0
    originals: int = 0
    derived: int = 0
    evidence: int = 0
    refused: int = 0
    tombstones: int = 0
    missing: tuple[str, ...] = ()


@dataclass(slots=True)
class _Counts:
    runs: int = 0
    sightings: int = 0
    originals: int = 0
    derived: int = 0
    evidence: int = 0
    refused: int = 0
    tombstones: int = 0
    missing: list[str] = field(default_factory=list)


def join(workspace: Workspace, folders: Sequence[Path], *, progress: Progress) -> JoinReport:
    """Bring the journals of `workspace`, and those in `folders`, into its ledger.

    A folder is another workspace, its `journal`, or one run of it. Images are copied, verified by their sha256, before
    their rows come, unless both workspaces keep them in the same store. Tombstones of the other workspace come too, and
    what has one does not. Doing it again copies what is new. Raises
    UsageError for a folder without journals, LedgerError for journals that do not agree with their seals.
    """
    runs = [(root, run) for folder in folders for root, run in _runs(folder)]
    runs = [(root, run) for root, run in runs if root.resolve() != workspace.root.resolve()]
    counts = _Counts(runs=len(run_folders(workspace.journal)), sightings=ingest_all(workspace))
    with progress.start("ingest", len(runs)) as task:
        for root, run in runs:
            with suppress(OSError):
                seal_dead(run)
            counts.tombstones += _tombstones_from(Workspace(root), workspace)
            copy = _Copy(root, workspace, counts)
            copy.run(run)
            counts.tombstones += copy.note_copies()
            counts.sightings += ingest_from(workspace, run)
            counts.runs += 1
            task.advance(note=f"{counts.sightings:,} sightings")
    return JoinReport(
        runs=counts.runs,
        sightings=counts.sightings,
        originals=counts.originals,
        derived=counts.derived,
        evidence=counts.evidence,
        refused=counts.refused,
        tombstones=counts.tombstones,
        missing=tuple(sorted(set(counts.missing))),
    )


def _runs(folder: Path) -> Iterator[tuple[Path, Path]]:
    """The runs in `folder`, each with the workspace that it is of."""
    if (folder / "run.json").exists():
        yield folder.resolve().parent.parent, folder
        return
    is_workspace = (folder / "journal").is_dir()
    found = run_folders(folder / "journal" if is_workspace else folder)
    if not found:
        raise UsageError(f"{folder}: expected a workspace, or a folder with journals of runs, and there is none")
    yield from ((folder if is_workspace else folder.resolve().parent, run) for run in found)


def _tombstones_from(other: Workspace, workspace: Workspace) -> int:
    """Put up here what was taken down in another workspace; how many tombstones are new."""
    if not other.ledger.exists():
        return 0
    with open_ledger(other) as con:
        rows = takedown_rows(con)
    if not rows:
        return 0
    with open_ledger(workspace, write=True) as con:
        return write_takedowns(con, rows)


class _Copy:
    """Brings what journals of the workspace at `root` speak of."""

    def __init__(self, root: Path, workspace: Workspace, counts: _Counts) -> None:
        self._root, self._workspace, self._counts = root, workspace, counts
        self._source, self._target = Store(root), Store(workspace.root)
        with open_ledger(workspace, write=True) as con:
            self._tombstones = {row.sha256: row for row in takedown_rows(con)}
            self._barred = tombstones(con)
        self._near: dict[str, TakedownRow] = {}
        self._is_same_store = self._source.url is not None and self._source.url == self._target.url

    def run(self, folder: Path) -> None:
        """Everything that the sealed part of one run names."""
        for segment in sealed_segments(folder):
            for sighting in read_segment(segment.path):
                if sighting.path and sighting.sha256 and self._is_barred(sighting, sighting.path):
                    self._counts.refused += 1
                    continue
                if sighting.path and sighting.sha256 and not self._is_same_store:
                    self._original(sighting, sighting.path)
                for made in sighting.derived:
                    self._derived(made)
        evidence = Workspace(self._root).evidence / folder.resolve().name
        for file in sorted(path for path in evidence.rglob("*") if path.is_file()):
            self._evidence(file)

    def note_copies(self) -> int:
        """Put up tombstones of the near copies that were met; how many are new."""
        if not self._near:
            return 0
        with open_ledger(self._workspace, write=True) as con:
            return write_takedowns(con, list(self._near.values()))

    def _is_barred(self, sighting: Sighting, path: str) -> bool:
        found = sighting.fingerprint
        if found is None or not self._barred:
            return sighting.sha256 in self._barred.digests
        if found.sha256 in self._barred.digests or found.sha256 in self._near:
            return True
        if not self._barred.may_be_near(found) or (body := _bytes(self._source.local(path))) is None:
            return False
        near = self._barred.near(found, body)
        if near is not None:
            first = self._tombstones[near.sha256]
            # Known by its bytes alone: near copies of near copies would wander off.
            self._near[found.sha256] = TakedownRow(
                sha256=found.sha256,
                reason=first.reason,
                requested_by=first.requested_by,
                request=first.request,
                matched=str(near),
            )
        return near is not None

    def _original(self, sighting: Sighting, path: str) -> None:
        if self._target.holds(path):
            return
        body = _bytes(self._source.local(path))
        if body is None or hashlib.sha256(body).hexdigest() != sighting.sha256:
            self._counts.missing.append(path)
            return
        self._target.put(body, sighting.sha256, path.rpartition(".")[2])
        self._counts.originals += 1

    def _derived(self, made: Derivative) -> None:
        target = self._workspace.root / made.path
        if target.is_file() and target.stat().st_size == made.bytes:
            return
        body = _bytes(self._root / made.path)
        if body is None or hashlib.sha256(body).hexdigest() != made.derived_sha256:
            self._counts.missing.append(made.path)
            return
        with published(target) as temporary:
            temporary.write_bytes(body)
        self._counts.derived += 1

    def _evidence(self, file: Path) -> None:
        target = self._workspace.root / file.relative_to(self._root)
        if target.is_file() and target.stat().st_size == file.stat().st_size:
            return
        with published(target) as temporary:
            shutil.copyfile(file, temporary)
        self._counts.evidence += 1


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
