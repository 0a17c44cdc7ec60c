"""Reading journals: which runs there are, what they saw, and whether anybody changed that since."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any

from harvest.errors import LedgerError
from harvest.items import Sighting
from harvest.journal.lock import FolderLock
from harvest.journal.records import RunEnd, RunHeader, from_json
from harvest.journal.segments import Contents, Segment, contents_of, digest_of, seal_of, segment_paths

__all__ = [
    "COPIED",
    "END",
    "HEADER",
    "Verified",
    "living_runs",
    "read_end",
    "read_header",
    "read_segment",
    "run_folders",
    "sealed_segments",
    "sighting_at",
    "unfinished",
    "verify_run",
]

HEADER, END = "run.json", "finished.json"
COPIED = "copied.json"  # only where a run was written in another workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a check of one run's journal found, up to the first difference (`file:line: what`; None when all is well).

    `sightings` counts the lines that check out, `unsealed` those of them that no seal answers for yet; `head` is the
    digest of the last seal that holds, which the ledger's `runs.journal_digest` repeats.
    """

    run_id: str
    segments: int = 0
    sightings: int = 0
    unsealed: int = 0
    head: str = ""
    difference: str | None = None


def run_folders(journal_root: Path) -> list[Path]:
    """The folders of all runs, in the order of their ids, which is that of time."""
    return sorted(header.parent for header in journal_root.glob(f"*/{HEADER}"))


def living_runs(journal_root: Path) -> list[str]:
    """The runs that a process is writing at this moment, by id."""
    living = []
    for folder in run_folders(journal_root):
        if not (folder / END).exists():
            lock = FolderLock.take(folder)
            if lock is None:
                living.append(folder.name)
            else:
                lock.release()
    return living


def read_header(folder: Path) -> RunHeader:
    """The header of a run. Raises LedgerError when it cannot be read."""
    return RunHeader(**_read(folder / HEADER, RunHeader))


def read_end(folder: Path) -> RunEnd | None:
    """How a run ended; None while it runs, or when it was killed. Raises LedgerError when that cannot be read."""
    return RunEnd(**_read(folder / END, RunEnd)) if (folder / END).exists() else None


def _read(path: Path, shape: type[RunHeader | RunEnd]) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise LedgerError(f"{path}: cannot be read: {error}") from None
    expected = {f.name for f in fields(shape)}
    # What came later than the journal has a default.
    needed = {f.name for f in fields(shape) if f.default is MISSING}
    if not isinstance(values, dict) or not needed <= values.keys() <= expected:
        raise LedgerError(f"{path}: expected a JSON object with {', '.join(shape.__dataclass_fields__)}")
    return values


def unfinished(journal_root: Path, source: str, config_digest: str) -> RunHeader | None:
    """The newest run of this very source config that began here, did not end, and that no process is writing now."""
    for folder in reversed(run_folders(journal_root)):
        header = read_header(folder)
        is_ours = not (folder / END).exists() and not (folder / COPIED).exists()
        if is_ours and (header.source, header.config_digest) == (source, config_digest):
            lock = FolderLock.take(folder)
            if lock:
                lock.release()
                return header
    return None


def sealed_segments(folder: Path) -> list[Segment]:
    """The sealed segments of a run in order, as their seals describe them."""
    return [segment for segment in map(seal_of, segment_paths(folder)) if segment]


def read_segment(path: Path) -> Iterator[Sighting]:
    """The sightings of a segment, sealed or not, without a torn last line. Raises LedgerError at any other bad line."""
    for number, line in enumerate(contents_of(path).lines, start=1):
        try:
            yield from_json(json.loads(line))
        except (KeyError, TypeError, ValueError) as error:
            raise LedgerError(f"{path}:{number}: not a journal line: {error}") from None


def sighting_at(path: Path, offset: int) -> Sighting:
    """The sighting whose line begins `offset` bytes into a segment. Raises LedgerError when none begins there."""
    with path.open("rb") as file:
        file.seek(offset)
        line = file.readline()
    try:
        return from_json(json.loads(line))
    except (KeyError, TypeError, ValueError) as error:
        raise LedgerError(f"{path}: no journal line at byte {offset}: {error}") from None


def verify_run(folder: Path) -> Verified:
    """Read a run's whole journal again and compare it with its seals.

    Found are a changed, added or missing line, a changed, missing or exchanged segment, and, when the run is finished,
    a missing end. The open end of a run that is still written, or was killed, is no difference.
    Raises LedgerError when the run's header cannot be read.
    """
    header = read_header(folder)
    found = Verified(run_id=header.run_id)
    paths = segment_paths(folder)
    for number, path in enumerate(paths, start=1):
        contents = contents_of(path)
        difference = next(_differences(path, number, contents, found, header, last=path == paths[-1]), None)
        if difference:
            return replace(found, difference=difference)
        found = replace(
            found,
            segments=number,
            sightings=found.sightings + len(contents.lines),
            unsealed=0 if contents.segment else len(contents.lines),
            head=contents.segment.digest if contents.segment else found.head,
        )
    end = read_end(folder)
    if end and (end.head != found.head or found.unsealed):
        return replace(found, difference=f"{folder / END}: expected the journal to end with seal {end.head or 'none'}")
    return found


def _differences(
    path: Path, number: int, contents: Contents, before: Verified, header: RunHeader, *, last: bool
) -> Iterator[str]:
    if int(path.stem) != number:
        yield f"{path}: segment {number:06d} is missing before it"
    for line, (seq, text) in enumerate(enumerate(contents.lines, start=before.sightings), start=1):
        try:
            values = json.loads(text)
            identity = (values["run_id"], values["seq"])
        except (KeyError, TypeError, ValueError):
            yield f"{path}:{line}: not a journal line"
            return
        if identity != (header.run_id, seq):
            yield f"{path}:{line}: expected run {header.run_id} and seq {seq}, got {identity[0]} and {identity[1]}"
    sealed = contents.segment
    end = f"{path}:{len(contents.lines) + 1}"
    if sealed is None:
        if not last:
            yield f"{end}: no seal, though segments follow"
        return
    if contents.torn:
        yield f"{end}: {contents.torn} bytes follow the seal"
    if sealed.previous != before.head:
        yield f"{end}: sealed after {sealed.previous or 'nothing'}, but the seal before it is {before.head or 'none'}"
    if sealed.sightings != len(contents.lines):
        yield f"{end}: sealed with {sealed.sightings} sightings, but there are {len(contents.lines)}"
    digest = digest_of(before.head, contents.lines)
    if sealed.digest != digest:
        yield f"{end}: sealed as {sealed.digest}, but the lines before it have digest {digest}"
