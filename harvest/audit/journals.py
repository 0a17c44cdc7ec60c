"""Journals against the ledger: the chain of seals, the runs, and every sighting field by field."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from harvest.errors import LedgerError
from harvest.items import Sighting
from harvest.journal import (
    RunHeader,
    Segment,
    read_end,
    read_header,
    read_segment,
    run_folders,
    sealed_segments,
    verify_run,
)
from harvest.ledger import RunRow, open_ledger, runs
from harvest.progress import Progress
from harvest.workspace import Workspace

__all__ = ["JournalCount", "compare_journals"]

Found = tuple[str, str, str]  # kind, where, what

_ITEM = (
    "source_id",
    "image_url",
    "page_url",
    "title",
    "description",
    "creator",
    "creator_url",
    "license",
    "license_url",
    "license_raw",
    "published_at",
    "taken_at",
    "captured_at",
    "sha1",
)
_OWN = ("source", "outcome", "reason", "http_status", "etag", "last_modified", "sha256")
_SIGHTINGS = f"""
    SELECT seq, {", ".join((*_ITEM, *_OWN))}, tags, coalesce(labels, []) AS labels, opt_out, evidence, carrier,
           epoch_us(fetched_at) AS fetched_at
    FROM sightings WHERE run_id = $run_id AND seq BETWEEN $first AND $last"""
# Processes that share one crawl have one row for an image between them, which may be another one's.
_IN_CRAWL = """
    SELECT DISTINCT source_id, image_url FROM sightings JOIN runs USING (run_id)
    WHERE crawl_id = (SELECT crawl_id FROM runs WHERE run_id = $run_id)
        AND (source_id, image_url) IN (SELECT (unnest($ids), unnest($urls)))"""


@dataclass(slots=True)
class JournalCount:
    """What was compared so far, and what is odd but no difference."""

    runs: int = 0
    segments: int = 0
    sightings: int = 0
    notes: list[str] = field(default_factory=list)


def compare_journals(workspace: Workspace, count: JournalCount, progress: Progress) -> Iterator[Found]:
    """Every difference between the journals and the ledger, as (kind, where, what); counts into `count`."""
    with open_ledger(workspace) as con:
        known = {run.run_id: run for run in runs(con)}
        segments: dict[str, dict[int, tuple[str, int]]] = {}
        for run_id, number, digest, sightings in con.execute(
            "SELECT run_id, segment, digest, sightings FROM segments ORDER BY run_id, segment"
        ).fetchall():
            segments.setdefault(run_id, {})[number] = (digest, sightings)
    folders = run_folders(workspace.journal)
    for run_id in sorted(set(known) - {folder.name for folder in folders}):
        yield "run", f"journal/{run_id}", "the ledger has this run, its journal is gone"
    with progress.start("read journals", len(folders)) as task:
        for folder in folders:
            count.runs += 1
            if folder.name in known:
                yield from _run(workspace, folder, known[folder.name], segments.get(folder.name, {}), count)
            else:
                count.notes.append(f"journal/{folder.name}: not in the ledger yet; the next crawl or run takes it in")
            task.advance(note=folder.name)


def _run(
    workspace: Workspace, folder: Path, row: RunRow, known: Mapping[int, tuple[str, int]], count: JournalCount
) -> Iterator[Found]:
    name = f"journal/{folder.name}"
    try:
        checked, header, end = verify_run(folder), read_header(folder), read_end(folder)
        sealed = {segment.number: segment for segment in sealed_segments(folder)}
    except (LedgerError, OSError) as error:
        yield "journal", name, str(error)
        return
    if checked.difference:
        yield "journal", name, checked.difference
    if checked.unsealed:
        count.notes.append(f"{name}: {checked.unsealed} sightings are not sealed yet: the crawl runs, or was killed")
    yield from _header(name, header, row)
    if (row.journal_digest or "") != (end.head if end else ""):
        yield (
            "run",
            name,
            f"the journal ends with {end.head if end else 'no seal'}, the ledger has {row.journal_digest}",
        )
    for number in sorted(set(known) | set(sealed)):
        where = f"{name}/{number:06d}.jsonl"
        segment = sealed.get(number)
        if number not in known:
            count.notes.append(f"{where}: not in the ledger yet; the next crawl or run takes it in")
        elif segment is None:
            yield "journal", where, "the ledger has this segment, it is gone or not sealed"
        elif known[number] != (segment.digest, segment.sightings):
            yield "journal", where, f"sealed as {segment.digest}, the ledger has {known[number][0]}"
        else:
            yield from _segment(workspace, segment, where, count)


def _header(name: str, header: RunHeader, row: RunRow) -> Iterator[Found]:
    for column in ("source", "spider", "config_digest", "code_version", "crawl_id"):
        written, kept = getattr(header, column), getattr(row, column)
        if written != kept:
            yield "run", f"{name}/run.json", f"{column} is {written!r}, the ledger has {kept!r}"


def _segment(workspace: Workspace, segment: Segment, where: str, count: JournalCount) -> Iterator[Found]:
    try:
        written = list(read_segment(segment.path))
    except (LedgerError, OSError) as error:
        yield "journal", where, str(error)
        return
    count.segments += 1
    count.sightings += len(written)
    if not written:
        return
    span = {"run_id": segment.run_id, "first": written[0].seq, "last": written[-1].seq}
    with open_ledger(workspace) as con:
        answer = con.execute(_SIGHTINGS, span)
        names = [column[0] for column in answer.description or ()]
        kept = {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in answer.fetchall()}
        items = [sighting.item for sighting in written if sighting.seq not in kept]
        asked = {"ids": [item.source_id for item in items], "urls": [item.image_url for item in items]}
        elsewhere = set(con.execute(_IN_CRAWL, {"run_id": segment.run_id, **asked}).fetchall() if items else ())
    for line, sighting in enumerate(written, start=1):
        row = kept.pop(sighting.seq, None)
        if row is None and (sighting.item.source_id, sighting.item.image_url) in elsewhere:
            continue
        if row is None:
            yield "sighting", f"{where}:{line}", "the ledger has no row for this sighting"
        elif differing := _differing(sighting, row):
            yield "sighting", f"{where}:{line}", "the ledger has another " + "; another ".join(differing)
    for seq in sorted(kept):
        yield "sighting", where, f"the ledger has a sighting {seq} that the journal has not"


def _differing(sighting: Sighting, row: Mapping[str, Any]) -> Sequence[str]:
    written: dict[str, Any] = {name: getattr(sighting.item, name) for name in _ITEM}
    written |= {name: getattr(sighting, name) for name in _OWN}
    written |= {"tags": list(sighting.item.tags), "labels": list(sighting.item.labels)}
    told = [f"{name}: {row[name]!r} instead of {value!r}" for name, value in written.items() if row[name] != value]
    if row["fetched_at"] != _microseconds(sighting.fetched_at):
        told.append("fetched_at")
    signals = {(signal.kind, signal.value, signal.where) for signal in (*sighting.item.signals, *sighting.opt_out)}
    if {(entry["kind"], entry["value"], entry["where"]) for entry in json.loads(row["opt_out"])} != signals:
        told.append("opt_out")
    references = (*sighting.item.evidence, *sighting.evidence)
    if json.loads(row["evidence"] or "[]") != [asdict(reference) for reference in references]:
        told.append("evidence")
    carrier = sighting.item.carrier
    if json.loads(row["carrier"] or "null") != (carrier and {"kind": carrier.kind, "args": dict(carrier.args)}):
        told.append("carrier")
    return told


def _microseconds(moment: str | None) -> int | None:
    return round(datetime.fromisoformat(moment).timestamp() * 1e6) if moment else None
