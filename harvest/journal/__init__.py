"""What a run saw, line by line, before anything else knows of it.

A run's folder `journal/<run_id>/` holds `run.json` (its header), segments `NNNNNN.jsonl` and, at its end,
`finished.json`. A line is one Sighting as JSON; the last line of a sealed segment is its seal:

    {"seal": {"previous": "<digest of the seal before, or ''>", "sightings": 2, "digest": "<sha256>"}}

where the digest is taken over `previous` and the bytes of all lines before the seal, so that the last seal answers for
the whole run. A line counts when its newline is written: a kill leaves at most one torn line, which is dropped.
"""

from harvest.journal.foreign import take_in
from harvest.journal.reader import (
    Verified,
    living_runs,
    read_end,
    read_header,
    read_segment,
    run_folders,
    sealed_segments,
    sighting_at,
    unfinished,
    verify_run,
)
from harvest.journal.records import RunEnd, RunHeader, dump, from_json, to_json
from harvest.journal.segments import Segment
from harvest.journal.writer import JournalWriter, seal_dead

__all__ = [
    "JournalWriter",
    "RunEnd",
    "RunHeader",
    "Segment",
    "Verified",
    "dump",
    "from_json",
    "living_runs",
    "read_end",
    "read_header",
    "read_segment",
    "run_folders",
    "seal_dead",
    "sealed_segments",
    "sighting_at",
    "take_in",
    "to_json",
    "unfinished",
    "verify_run",
]
