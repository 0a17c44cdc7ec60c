"""Results that workers left in a place, into the ledger of a workspace."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from harvest.errors import UsageError
from harvest.images.sizes import FOLDER, write_size
from harvest.ledger import (
    Connection,
    known_among,
    latest_stage,
    new_copies,
    open_ledger,
    record_stage,
    take_results,
    write_decisions,
)
from harvest.places import normal_url, place_at
from harvest.progress import Progress
from harvest.scale.results import MANIFEST, Manifest, Part, is_workspace, parts_in, read_manifest, read_part
from harvest.stages import vectors
from harvest.workspace import Workspace

__all__ = ["IngestReport", "is_result", "take_result"]

_ROWS, _BYTES = 10_000, 1 << 25  # of one turn at the ledger: about half a second


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What came out of a result: `rows` that were new, by table, and `files` of sized copies that were written.

    `unknown` images are in the result and not in this ledger, `refused` ones were taken down; nothing of either came.
    `gone` counts originals that workers did not find.
    """

    recipe: str
    rows: Mapping[str, int]
    files: int
    unknown: int
    refused: int
    gone: int


@dataclass(slots=True)
class _Counts:
    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0
    here: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    gone: int = 0


def is_result(url: str) -> bool:
    """Whether a result lies at `url`, finished or not. Raises SourceError and ComponentMissing."""
    place = place_at(normal_url(url))
    return not is_workspace(place) and (place.size(MANIFEST) is not None or bool(parts_in(place)))


def take_result(workspace: Workspace, url: str, *, progress: Progress) -> IngestReport:
    """Bring the result at `url` into the ledger: rows that are not there yet, and the files of sized copies.

    Parts are verified, and taken some at a time in one turn at the ledger, so that what was stopped goes on where it
    was, and doing it again changes nothing. Raises UsageError where there is no manifest, a part is not what it says,
    or none of the images is in this ledger, and LedgerError for vectors that cannot be of their model.
    """
    place = place_at(normal_url(url))
    manifest = read_manifest(place, url)
    counts = _Counts()
    with progress.start("ingest", len(manifest.parts)) as task:
        for group in _groups(manifest.parts):
            table = group[0].table
            rows = pa.concat_tables([read_part(place, part) for part in group])
            with open_ledger(workspace, write=True) as con:
                new = _take(con, workspace, table, rows, counts)
            counts.rows[table] = counts.rows.get(table, 0) + new
            task.advance(len(group), note=table)
    if counts.unknown and not counts.here and not counts.refused:
        raise UsageError(
            f"{url}: none of its {len(counts.unknown):,} images is in {workspace.ledger}: "
            "is this the workspace that it was made for? If they were crawled elsewhere, ingest that workspace first"
        )
    _note_models(workspace, manifest)
    return IngestReport(
        recipe=manifest.recipe,
        rows=counts.rows,
        files=counts.files,
        unknown=len(counts.unknown),
        refused=len(counts.refused),
        gone=counts.gone,
    )


def _groups(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Parts of one table together, as many as are written in one short turn."""
    for _, of_table in itertools.groupby(parts, lambda part: part.table):
        group: list[Part] = []
        for part in of_table:
            if group and (
                sum(each.rows for each in group) + part.rows > _ROWS
                or sum(each.bytes for each in group) + part.bytes > _BYTES
            ):
                yield group
                group = []
            group.append(part)
        yield group


def _take(con: Connection, workspace: Workspace, table: str, rows: pa.Table, counts: _Counts) -> int:
    """Take rows of one table; how many were new."""
    here, unknown = known_among(con, rows.column("sha256"))
    named = set(rows.column("sha256").to_pylist())
    counts.here.update(here.to_pylist())
    counts.unknown.update(unknown.to_pylist())
    counts.refused.update(named - set(here.to_pylist()) - set(unknown.to_pylist()))
    rows = rows.filter(pc.is_in(rows.column("sha256"), value_set=here))
    if table == "faults":
        return _take_faults(con, rows, counts)
    if table == "derived":
        rows = new_copies(con, rows)
        counts.files += _write_files(workspace, rows)
    return take_results(con, table, rows)


def _take_faults(con: Connection, rows: pa.Table, counts: _Counts) -> int:
    """Faults stand as what the stage `embed` would have said; an original that was not there is no fault of its own."""
    is_gone = pc.equal(rows.column("kind"), "gone")
    counts.gone += len(pc.unique(rows.filter(is_gone).column("sha256")))
    faults = rows.filter(pc.and_(pc.invert(is_gone), pc.not_equal(rows.column("model"), ""))).to_pylist()
    return write_decisions(
        con, [vectors.undecodable_row(row["sha256"], row["model"], f"{row['kind']}: {row['words']}") for row in faults]
    )


def _write_files(workspace: Workspace, rows: pa.Table) -> int:
    """Bring sized copies to where their rows say that they are; how many were not there. Raises UsageError."""
    written = 0
    for row in rows.to_pylist():
        path, body = str(row["path"]), row["body"]
        if not _is_its_own(path, str(row["sha256"])) or hashlib.sha256(body).hexdigest() != row["derived_sha256"]:
            raise UsageError(
                f"{path!r} is no copy of {row['sha256']} as the result says; let `harvest scale` make it anew elsewhere"
            )
        file = workspace.root / path
        if not (file.is_file() and file.stat().st_size == len(body)):
            write_size(file, body)
            written += 1
    return written


def _is_its_own(path: str, sha256: str) -> bool:
    """Whether a copy's path is one that this image's copies can have: nothing else of a workspace is written over."""
    folder, _, rest = path.partition("/")
    place, _, name = rest.partition("/")
    stem, _, extension = name.rpartition(".")
    ends = stem.rpartition("-")[2]
    parts_are_plain = all(part and not part.startswith(".") and "\\" not in part for part in (place, name))
    return (
        folder == FOLDER
        and "/" not in name
        and parts_are_plain
        and extension.isalnum()
        and ends in (sha256, sha256[:10])
    )


def _note_models(workspace: Workspace, manifest: Manifest) -> None:
    """So that filters know the models' identities on a machine that has no weights."""
    digest = hashlib.sha256(json.dumps([part.key for part in manifest.parts]).encode()).hexdigest()
    for name, identity in manifest.models.items():
        with open_ledger(workspace, write=True) as con:
            last = latest_stage(con, vectors.STAGE, name)
            if last is None or last.detail.get("model") != identity:
                detail = {"model": identity, "where": f"harvest scale, {manifest.code_version}"}
                record_stage(con, vectors.STAGE, name, vectors.undecodable_digest(identity), digest, detail)
