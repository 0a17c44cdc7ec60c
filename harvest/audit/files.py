"""Every file that the ledger speaks of, hashed again; and the files that it does not speak of."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import pyarrow as pa
from warcio.exceptions import ArchiveLoadFailed

from harvest.audit.differences import Found
from harvest.audit.spool import Spool
from harvest.evidence import Unwanted, held_payloads, missing_records
from harvest.items import EvidenceRef
from harvest.ledger import Connection, evidence_records, open_ledger, unwanted
from harvest.ledger.memory import Memory
from harvest.processes import in_threads
from harvest.progress import Progress
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["FileCount", "compare_files", "paper_digests"]


_AHEAD = 256  # files that are hashed ahead of the one that is reported

# A path that was made anew has the digests of all its makings; what was taken down has to be gone. Archives are hashed
# as papers are: of the images in one, only those that had to go are asked for.
_FILES = """
    SELECT 'derived' AS kind, path, list(DISTINCT derived_sha256) AS digests,
           bool_and(sha256 IN (SELECT sha256 FROM takedowns)) AS removed
    FROM derived_rows GROUP BY path
    UNION ALL BY NAME
    SELECT 'variant' AS kind, path, list(DISTINCT derived_sha256) AS digests,
           bool_and(sha256 IN (SELECT sha256 FROM takedowns)) AS removed
    FROM augmented_rows GROUP BY path
    UNION ALL BY NAME
    SELECT 'export' AS kind, 'exports/' || export || '/' || split_part(path, '!/', 1) AS path,
           [derived_sha256] AS digests, sha256 IN (SELECT sha256 FROM takedowns) AS removed
    FROM exports WHERE export IN (SELECT unnest($here)) AND (removed OR NOT contains(exports.path, '!/'))
    UNION ALL BY NAME
    SELECT 'original' AS kind, path, [sha256] AS digests, sha256 IN (SELECT sha256 FROM takedowns) AS removed
    FROM images
    ORDER BY kind, path"""
_PAPERS = "SELECT name, detail->'digests' FROM latest_stage_runs WHERE stage = 'export' ORDER BY name"
_EVIDENCE = """
    SELECT DISTINCT ref.file, ref.offset, ref.record FROM (
        SELECT unnest(from_json(evidence, '[{"file": "VARCHAR", "offset": "BIGINT", "record": "VARCHAR"}]')) AS ref
        FROM sightings WHERE json_array_length(evidence) > 0
    ) ORDER BY ALL"""


@dataclass(slots=True)
class FileCount:
    """What was compared so far, and what is odd but no difference."""

    checked: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    kind: str
    path: str
    digests: Sequence[str]
    is_removed: bool


def compare_files(workspace: Workspace, count: FileCount, progress: Progress) -> Iterator[Found]:
    """Every difference between the files and the ledger, as (kind, where, what); counts into `count`.

    The ledger is open only while the lists of files are read, which lie on the disk meanwhile, however long they are.
    """
    with ExitStack() as open_:
        files, papers, refs = (open_.enter_context(Spool(workspace.root)) for _ in range(3))
        with open_ledger(workspace) as con:
            total = _list_files(con, workspace, files, papers, count)
            refs.add(con.sql(_EVIDENCE).to_arrow_reader(4_096))
        known = Memory(workspace.root if os.access(workspace.root, os.W_OK) else None)
        open_.callback(known.close)
        wanted = (
            _File(kind=kind, path=path, digests=digests, is_removed=removed)
            for spool in (files, papers)
            for kind, path, digests, removed in spool.rows()
        )
        yield from _hashed(workspace, wanted, known, count, progress, total)
        yield from _evidence(workspace, refs, count)
        yield from _unwanted(workspace)
        count.notes += _orphans(workspace, known)


def paper_digests(con: Connection) -> dict[str, dict[str, str]]:
    """By export in force, the digests of its papers by their path."""
    return {name: json.loads(text or "{}") for name, text in con.execute(_PAPERS).fetchall()}


def _list_files(con: Connection, workspace: Workspace, files: Spool, papers: Spool, count: FileCount) -> int:
    """Put away what files there should be, and how many."""
    exports = paper_digests(con)
    here = [name for name in exports if (workspace.exports / name).is_dir()]
    count.notes += [
        f"exports/{name}: the ledger has this export, its folder is gone" for name in exports if name not in here
    ]
    files.add(con.sql(_FILES, params={"here": here}).to_arrow_reader(4_096))
    rows = [
        {"kind": "paper", "path": f"exports/{name}/{path}", "digests": [digest], "removed": False}
        for name in here
        for path, digest in exports[name].items()
    ]
    if rows:
        papers.add(pa.Table.from_pylist(rows))
    ((number,),) = con.execute(f"SELECT count(*) FROM ({_FILES})", {"here": here}).fetchall()  # noqa: S608
    return int(number) + len(rows)


def _hashed(  # noqa: PLR0917 - one place calls it
    workspace: Workspace, wanted: Iterator[_File], known: Memory, count: FileCount, progress: Progress, total: int
) -> Iterator[Found]:
    store = Store(workspace.root)

    def look(file: _File) -> tuple[_File, str | None]:
        """What is wrong with a file, None when nothing is."""
        if file.is_removed:
            there = (workspace.root / file.path).exists() or (file.kind == "original" and store.holds(file.path))
            return file, "was taken down, and is still here" if there else None
        try:
            digest = store.rehash(file.path)
        except OSError:
            return file, "missing"
        right = digest in file.digests
        return file, None if right else f"changed: sha256 is {digest}, the ledger has {file.digests[0]}"

    with progress.start("hash files", total) as task:
        # hashlib lets go of the interpreter's lock, so threads are enough.
        for file, what in in_threads(look, wanted, ahead=_AHEAD):
            known.add("file", file.path)
            if not file.is_removed:
                count.checked[file.kind] += 1
            if what:
                yield file.kind, file.path, what
            task.advance()


def _unwanted(workspace: Workspace) -> Iterator[Found]:
    """Kept answers that hold the bytes of something that was taken down."""
    with open_ledger(workspace) as con:
        gone = unwanted(con)
        records = evidence_records(con, gone) if gone else {}
    for run, ids in records.items():
        folder = workspace.evidence / run
        bad = Unwanted(digests=frozenset(gone), records=ids)
        try:
            for name, offset, _ in held_payloads(folder, bad) if folder.is_dir() else ():
                yield "evidence", f"evidence/{run}/{name}, byte {offset}", "was taken down, and is still here"
        except (OSError, ArchiveLoadFailed) as error:
            yield "evidence", f"evidence/{run}", f"cannot be read: {error}"


def _evidence(workspace: Workspace, spool: Spool, count: FileCount) -> Iterator[Found]:
    refs = (EvidenceRef(role="", file=file, offset=offset, record=record) for file, offset, record in spool.rows())
    for _, of_file in groupby(refs, key=attrgetter("file")):
        together = list(of_file)
        count.checked["evidence"] += len(together)
        for ref, what in missing_records(workspace, together):
            yield "evidence", f"{ref.file}, byte {ref.offset}", what


def _orphans(workspace: Workspace, known: Memory) -> Iterator[str]:
    for folder in (workspace.originals, workspace.derived, workspace.exports):
        for place, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                path = (Path(place) / name).relative_to(workspace.root)
                if known.add("file", path.as_posix()):
                    why = "left by an interrupted write" if _is_temporary(path) else "no row knows this file"
                    yield f"{path.as_posix()}: {why}"


def _is_temporary(path: Path) -> bool:
    return any(part.startswith(".") and part.endswith((".part", ".old")) for part in path.parts)
