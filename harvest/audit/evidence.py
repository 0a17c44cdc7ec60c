"""What an audit gathers before it asks: what is judged, what lies on disk, what the exports' papers say."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from harvest.audit.files import paper_digests
from harvest.audit.inspect import inspect_originals
from harvest.holdings import Holdings, holdings_of
from harvest.images.embedded import EMBEDDED_VERSION
from harvest.images.faces import detector_name
from harvest.images.sizes import VARIANTS
from harvest.ledger import Connection, open_ledger, selected, taken_down, unwanted
from harvest.progress import Progress
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["Evidence", "Part", "gather", "hash_files", "registered"]

_TEXT = pa.string()
_AUDITED = {"sha256": _TEXT, "part": _TEXT, "path": _TEXT, "derived_sha256": _TEXT, "license": _TEXT, "credit": _TEXT}
_FILES = {"path": _TEXT, "sha256": _TEXT, "kind": _TEXT, "wanted": _TEXT, "found": _TEXT}
_PAPER_FIELDS = ("file", "sha256", "original_sha256", "made_from_sha256", "license", "creator", "page_url", "image_url")
_MANIFEST = {"part": _TEXT, "line": pa.int64(), **dict.fromkeys(_PAPER_FIELDS, _TEXT)}
_REMAINS = {"sha256": _TEXT, "path": _TEXT, "kind": _TEXT}
_MISSING = {"part": _TEXT, "path": _TEXT, "files": pa.int64()}
_STRAYS = {"part": _TEXT, "path": _TEXT}

_EXPORTED = """
    SELECT sha256, export AS part, 'exports/' || export || '/' || path AS path, derived_sha256, license, credit
    FROM exports ORDER BY export, exports.path"""
_STORED = """
    SELECT sha256, $part AS part, path, sha256 AS derived_sha256, NULL AS license, NULL AS credit
    FROM images_here ORDER BY sha256"""
# What was not exported has no licence of its own, but the one of its sighting.
_LICENSED = """
    SELECT a.* REPLACE (o.license AS license) FROM audited a LEFT JOIN origins o USING (sha256) ORDER BY a.sha256"""
_ORIGINS = """
    SELECT sha256, run_id, source, source_id, image_url, page_url, title, creator, creator_url, license, license_raw,
           published_at, taken_at, captured_at, country
    FROM provenance SEMI JOIN audited USING (sha256)
    LEFT JOIN (SELECT sha256, country FROM embedded WHERE version = $reader) USING (sha256)"""
_INSPECTED = """
    SELECT EXISTS (FROM embedded SEMI JOIN audited USING (sha256) WHERE version = $reader),
           EXISTS (FROM faces SEMI JOIN audited USING (sha256) WHERE coalesce(detector = $detector, true)),
           EXISTS (FROM rechecks SEMI JOIN audited USING (sha256))"""
# Every digest that the ledger gives a path; a path that was made anew has the digests of all its makings. Archives of
# images are hashed with the papers.
_ON_DISK = """
    SELECT path, sha256, 'original' AS kind, [sha256] AS digests FROM images SEMI JOIN audited USING (sha256)
    UNION ALL BY NAME
    SELECT path, min(sha256) AS sha256, 'derived' AS kind, list(DISTINCT derived_sha256) AS digests
    FROM derived SEMI JOIN audited USING (sha256) GROUP BY path
    UNION ALL BY NAME
    SELECT path, min(sha256) AS sha256, 'variant' AS kind, list(DISTINCT derived_sha256) AS digests
    FROM augmented SEMI JOIN audited USING (sha256) GROUP BY path
    UNION ALL BY NAME
    SELECT path, sha256, 'export' AS kind, [derived_sha256] AS digests FROM audited
    WHERE starts_with(path, 'exports/') AND NOT contains(path, '!/')
    ORDER BY kind, path"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that is judged: an export by its name, or the selected set, or all that is stored."""

    name: str
    kind: str  # export | selection | images
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file that the ledger speaks of: its path in the workspace and the digests that it may have."""

    path: str
    sha256: str | None
    kind: str
    digests: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The gathered tables by the name that a check's SQL uses, and which `needs` of a check they fulfil.

    `lacking` says why a need is not met, where there is more to say than that it is not.
    """

    parts: tuple[Part, ...]
    has: frozenset[str]
    lacking: Mapping[str, str]
    tables: Mapping[str, pa.Table] = field(repr=False)


def gather(
    workspace: Workspace, *, digests: Mapping[str, str] | None, with_files: bool, faces: bool, progress: Progress
) -> Evidence:
    """Collect the evidence; the ledger is open only while rows are read, not while files are read and hashed."""
    with open_ledger(workspace) as con:
        selection = None if digests is None else [image.sha256 for image in selected(con, digests)]
        papers = paper_digests(con)
        there = {name for name in papers if (workspace.exports / name).is_dir()}
        audited, parts, missing = _audited(con, selection, there)
    fault = inspect_originals(workspace, audited["sha256"], faces=faces, progress=progress) if with_files else None
    tables = {
        "audited": audited,
        "missing_exports": missing,
        "selection": pa.table({"sha256": pa.array(selection or [], _TEXT)}),
    }
    reader = {"reader": EMBEDDED_VERSION}
    with open_ledger(workspace) as con, registered(con, tables):
        tables["origins"] = con.sql(_ORIGINS, params=reader).to_arrow_table()
        if not there:
            with registered(con, {"origins": tables["origins"]}):
                tables["audited"] = con.sql(_LICENSED).to_arrow_table().cast(pa.schema(_AUDITED))
        on_disk = con.execute(_ON_DISK).fetchall() if with_files else []
        asked = con.execute(_INSPECTED, {**reader, "detector": detector_name()}).fetchall()[0]
        was_read, was_looked_at, was_asked_again = asked
        gone, unwanted_bytes = taken_down(con), unwanted(con)
    wanted = [Wanted(path=path, sha256=sha256, kind=kind, digests=digests) for path, sha256, kind, digests in on_disk]
    wanted += [
        Wanted(path=f"exports/{name}/{path}", sha256=None, kind="paper", digests=[digest])
        for name in sorted(there)
        for path, digest in papers[name].items()
    ]
    known = {file.path for file in wanted} | set(audited["path"].to_pylist())
    tables["strays"] = _table(_STRAYS, [row for name in sorted(there) for row in _strays(workspace, name, known)])
    tables["manifest"] = _table(_MANIFEST, [row for name in sorted(there) for row in _manifest(workspace, name)])
    tables["files"] = _table(_FILES, hash_files(workspace, wanted, progress) if with_files else [])
    remains = holdings_of(workspace, gone, progress, also_in_evidence=unwanted_bytes) if gone and with_files else None
    tables["remains"] = _table(_REMAINS, [*_remains(remains)] if remains else [])
    has = {
        "exports": bool(there),
        "files": with_files,
        "selection": selection is not None,
        "embedded": with_files or was_read,
        "rechecks": was_asked_again,
        "faces": was_looked_at or (with_files and faces and not fault),
    }
    return Evidence(
        parts=parts,
        has=frozenset(name for name, yes in has.items() if yes),
        lacking={"faces": fault} if fault else {},
        tables=tables,
    )


def _audited(
    con: Connection, selection: list[str] | None, there: set[str]
) -> tuple[pa.Table, tuple[Part, ...], pa.Table]:
    """What is judged: the exports whose folders are here, else the selected images, else all of them."""
    rows = con.sql(_EXPORTED).to_arrow_table()
    counts: dict[str, int] = {}
    for name in rows["part"].to_pylist():
        counts[name] = counts.get(name, 0) + 1
    missing = _table(_MISSING, [(name, f"exports/{name}", n) for name, n in counts.items() if name not in there])
    if there:
        kept = pa.array([name in there for name in rows["part"].to_pylist()], pa.bool_())
        parts = tuple(Part(name=name, kind="export", files=counts.get(name, 0)) for name in sorted(there))
        return rows.filter(kept).cast(pa.schema(_AUDITED)), parts, missing
    name, kind = ("all stored images", "images") if selection is None else ("selected images", "selection")
    rows = con.sql(_STORED, params={"part": name}).to_arrow_table().cast(pa.schema(_AUDITED))
    if selection is not None:
        rows = rows.filter(pc.is_in(rows["sha256"], value_set=pa.array(selection, _TEXT)))
    return rows, (Part(name=name, kind=kind, files=len(rows)),), missing


@contextmanager
def registered(con: Connection, tables: Mapping[str, pa.Table]) -> Iterator[None]:
    """Let SQL on `con` read the gathered tables by their names."""
    for name, table in tables.items():
        con.register(name, table)
    try:
        yield
    finally:
        for name in tables:
            con.unregister(name)


def hash_files(workspace: Workspace, wanted: Sequence[Wanted], progress: Progress) -> list[tuple[Any, ...]]:
    """Rows (path, sha256, kind, wanted, found); `found` is None for a file that is missing or cannot be read."""
    store = Store(workspace.root)

    def found(file: Wanted) -> str | None:
        try:
            return store.rehash(file.path)
        except OSError:
            return None

    rows: list[tuple[Any, ...]] = []
    # hashlib lets go of the interpreter's lock, so threads are enough.
    with progress.start("hash files", len(wanted)) as task, ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, digest in zip(wanted, pool.map(found, wanted), strict=True):
            rows.append(
                (file.path, file.sha256, file.kind, digest if digest in file.digests else file.digests[0], digest)
            )
            task.advance()
    return rows


def _remains(held: Holdings) -> Iterator[tuple[str | None, str, str]]:
    """Rows of `remains`. Report pages are left out: an audit's own page names what it found."""
    yield from ((Path(path).stem, path, "original") for path in held.originals)
    yield from ((None, path, "variant" if path.startswith(VARIANTS) else "sized copy") for path in held.derived)
    yield from ((None, f"layouts/{name}", "mosaic") for name in held.layouts)
    yield from ((None, f"layouts/{name}", "contact sheet") for name in held.sheets)
    yield from ((None, f"exports/{name}", "export") for name in held.exports)
    yield from ((None, path, "raw answers") for path in held.evidence)


def _manifest(workspace: Workspace, export: str) -> Iterator[tuple[Any, ...]]:
    """One row a line of MANIFEST.jsonl. What is not a line of a manifest has no `file`, and so matches no file."""
    try:
        lines = (workspace.exports / export / "MANIFEST.jsonl").read_bytes().splitlines()
    except OSError:
        return
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        values = record if isinstance(record, dict) else {}
        yield (
            export,
            number,
            *(values.get(name) if isinstance(values.get(name), str) else None for name in _PAPER_FIELDS),
        )


def _strays(workspace: Workspace, export: str, known: set[str]) -> Iterator[tuple[str, str]]:
    for path in sorted((workspace.exports / export).rglob("*")):
        name = path.relative_to(workspace.root).as_posix()
        if name not in known and not path.is_dir():
            yield export, name


def _table(columns: Mapping[str, pa.DataType], rows: Sequence[Sequence[Any]]) -> pa.Table:
    values = zip(*rows, strict=True) if rows else [[] for _ in columns]
    return pa.table(
        {name: pa.array(list(cells), kind) for (name, kind), cells in zip(columns.items(), values, strict=True)}
    )
