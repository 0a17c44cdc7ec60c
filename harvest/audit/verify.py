"""Everything hashed again: originals, sized copies, exports and journals, against what the ledger says of them.

Of kept evidence it is asked that every record begins where a sighting says.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harvest.audit.evidence import Wanted, hash_files
from harvest.audit.journals import JournalCount, compare_journals
from harvest.evidence import missing_records
from harvest.items import EvidenceRef
from harvest.ledger import Connection, open_ledger
from harvest.progress import Progress
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["Difference", "VerifyReport", "verify"]

# A path that was made anew has the digests of all its makings; what was taken down has to be gone.
_FILES = """
    SELECT path, sha256, 'original' AS kind, [sha256] AS digests, sha256 IN (SELECT sha256 FROM takedowns) AS removed
    FROM images
    UNION ALL BY NAME
    SELECT path, min(sha256) AS sha256, 'derived' AS kind, list(DISTINCT derived_sha256) AS digests,
           bool_and(sha256 IN (SELECT sha256 FROM takedowns)) AS removed
    FROM derived GROUP BY path
    UNION ALL BY NAME
    SELECT 'exports/' || export || '/' || path AS path, sha256, 'export' AS kind, [derived_sha256] AS digests,
           false AS removed
    FROM exports
    ORDER BY kind, path"""
_PAPERS = "SELECT name, detail->'digests' FROM latest_stage_runs WHERE stage = 'export' ORDER BY name"
_EVIDENCE = """
    SELECT DISTINCT ref.file, ref.offset, ref.record FROM (
        SELECT unnest(from_json(evidence, '[{"file": "VARCHAR", "offset": "BIGINT", "record": "VARCHAR"}]')) AS ref
        FROM sightings WHERE json_array_length(evidence) > 0
    ) ORDER BY ALL"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where disk and ledger disagree. `where` is a path in the workspace, with a line where there is one."""

    kind: str  # original | derived | export | paper | journal | run | sighting | evidence
    where: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was compared, all that differs in a fixed order, and what is merely odd."""

    checked: Mapping[str, int]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether disk and ledger agree."""
        return not self.differences

    @property
    def first(self) -> str | None:
        """The first difference in words."""
        return f"{self.differences[0].where}: {self.differences[0].what}" if self.differences else None


def verify(workspace: Workspace, *, progress: Progress) -> VerifyReport:
    """Compare every file and every journal line with the ledger. Raises LedgerError when there is no ledger yet."""
    with open_ledger(workspace) as con:
        wanted, removed, gone = _wanted(con, workspace)
        refs = [
            EvidenceRef(role="", file=file, offset=offset, record=record)
            for file, offset, record in con.execute(_EVIDENCE).fetchall()
        ]
    checked: Counter[str] = Counter(file.kind for file in wanted)
    differences = [*_still_there(workspace, removed), *_changed(workspace, wanted, progress)]
    journals = JournalCount()
    differences += [
        Difference(kind=kind, where=where, what=what)
        for kind, where, what in compare_journals(workspace, journals, progress)
    ]
    differences += [
        Difference(kind="evidence", where=f"{ref.file}, byte {ref.offset}", what=what)
        for ref, what in missing_records(workspace, refs)
    ]
    checked |= {"evidence": len(refs)} if refs else {}
    checked |= {"run": journals.runs, "segment": journals.segments, "sighting": journals.sightings}
    notes = [f"exports/{name}: the ledger has this export, its folder is gone" for name in gone]
    notes += [*journals.notes, *_orphans(workspace, {file.path for file in [*wanted, *removed]})]
    return VerifyReport(checked=dict(checked), differences=tuple(differences), notes=tuple(notes))


def _wanted(con: Connection, workspace: Workspace) -> tuple[list[Wanted], list[Wanted], list[str]]:
    """Files that must be there, files that must be gone, and exports whose whole folder is gone."""
    papers = {name: json.loads(text or "{}") for name, text in con.execute(_PAPERS).fetchall()}
    gone = [name for name in papers if not (workspace.exports / name).is_dir()]
    wanted: list[Wanted] = []
    removed: list[Wanted] = []
    for path, sha256, kind, digests, is_removed in con.execute(_FILES).fetchall():
        if kind != "export" or path.split("/")[1] not in gone:
            (removed if is_removed else wanted).append(Wanted(path=path, sha256=sha256, kind=kind, digests=digests))
    for name in sorted(set(papers) - set(gone)):
        for path, digest in papers[name].items():
            wanted.append(Wanted(path=f"exports/{name}/{path}", sha256=None, kind="paper", digests=[digest]))
    return wanted, removed, gone


def _still_there(workspace: Workspace, removed: Iterable[Wanted]) -> Iterator[Difference]:
    store = Store(workspace.root)
    for file in removed:
        if (workspace.root / file.path).exists() or (file.kind == "original" and store.holds(file.path)):
            yield Difference(kind=file.kind, where=file.path, what="was taken down, and is still here")


def _changed(workspace: Workspace, wanted: list[Wanted], progress: Progress) -> Iterator[Difference]:
    for path, _, kind, digest, found in hash_files(workspace, wanted, progress):
        if found is None:
            yield Difference(kind=kind, where=path, what="missing")
        elif found != digest:
            yield Difference(kind=kind, where=path, what=f"changed: sha256 is {found}, the ledger has {digest}")


def _orphans(workspace: Workspace, known: set[str]) -> Iterator[str]:
    for folder in (workspace.originals, workspace.derived, workspace.exports):
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(workspace.root).as_posix()
            if name not in known and not path.is_dir():
                yield f"{name}: {'left by an interrupted write' if _is_temporary(path) else 'no row knows this file'}"


def _is_temporary(path: Path) -> bool:
    return any(part.startswith(".") and part.endswith((".part", ".old")) for part in path.parts)
