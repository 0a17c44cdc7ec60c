"""Taking in the journal of a run that was written in another workspace, on this machine or on another."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from harvest.errors import LedgerError
from harvest.journal.reader import COPIED, END, HEADER, read_end, read_header, sealed_segments, verify_run
from harvest.journal.segments import seal_of
from harvest.journal.writer import seal_dead
from harvest.workspace import write_published

__all__ = ["take_in"]


def take_in(folder: Path, journal_root: Path) -> Path:
    """Copy `folder`, a run's journal, to `journal_root` as far as it is sealed, and return where it is now.

    The open end of a run that was killed is sealed in `folder` first, where that can be written. Every file is there
    whole or not at all, and the header comes last: a copy that was cut off is no run, and is completed the next time.
    Raises LedgerError when the journal does not agree with its seals or with what is here under its id.
    """
    with suppress(OSError):
        seal_dead(folder)
    header, found = read_header(folder), verify_run(folder)
    if found.difference:
        raise LedgerError(f"{found.difference}; not taken in")
    if folder.resolve().name != header.run_id:
        raise LedgerError(f"{folder}: the folder of the run {header.run_id} must have its name")
    here = journal_root / header.run_id
    if here.resolve() == folder.resolve():
        return here
    if (here / HEADER).exists() and read_header(here) != header:
        raise LedgerError(f"{folder}: another run than {here}, which is here under the same id; not taken in")
    segments = sealed_segments(folder)
    for segment in segments:
        mine = here / segment.path.name
        known = seal_of(mine) if mine.exists() else None
        if mine.exists() and (known is None or known.digest != segment.digest):
            raise LedgerError(f"{segment.path}: differs from {mine}, which is here already; not taken in")
        if not mine.exists():
            write_published(mine, segment.path.read_bytes())
    if not (here / HEADER).exists():
        write_published(here / COPIED, json.dumps({"from": str(folder)}) + "\n")
        write_published(here / HEADER, (folder / HEADER).read_bytes())
    if read_end(folder) and not (here / END).exists():
        write_published(here / END, (folder / END).read_bytes())
    return here
