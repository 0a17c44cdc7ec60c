"""What runs of a shared crawl that were killed have journaled in this workspace: that is not to be fetched again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from harvest.errors import HarvestError
from harvest.items import Outcome
from harvest.journal import JournalWriter, read_end, read_header, read_segment, run_folders
from harvest.journal.lock import FolderLock

__all__ = ["counts_of", "has_ended", "inherit", "journaled", "resumable"]

Key = tuple[str, str]


def resumable(journal: Path, source: str, digest: str) -> str | None:
    """The id of the newest shared crawl of this very config whose runs here have not all ended."""
    for folder in reversed(run_folders(journal)):
        header = read_header(folder)
        is_ours = (header.source, header.config_digest) == (source, digest) and header.crawl_id is not None
        if is_ours and read_end(folder) is None and has_ended(folder):
            return header.crawl_id
    return None


def inherit(journal: Path, crawl_id: str) -> tuple[Path, ...]:
    """The folders of all runs of the crawl that are here. Those that nobody writes any more are closed.

    A run that was killed ends with the outcome `continued`: others do the rest of it.
    """
    folders = []
    for folder in run_folders(journal):
        header = read_header(folder)
        if header.crawl_id != crawl_id:
            continue
        folders.append(folder)
        if read_end(folder) is None and has_ended(folder):
            try:
                JournalWriter.open(journal, header, wait=0).close("continued")
            except HarvestError:
                continue  # another worker does the same at this moment, or `harvest verify` has something to tell
    return tuple(folders)


def journaled(folder: Path) -> dict[Key, Outcome]:
    """What the run in `folder` has journaled so far."""
    return {
        (sighting.item.source_id, sighting.item.image_url): sighting.outcome
        for segment in sorted(folder.glob("*.jsonl"))
        for sighting in read_segment(segment)
    }


def counts_of(folders: Iterable[Path]) -> Mapping[str, int]:
    """How many images of these runs came to which outcome."""
    return Counter(outcome.value for folder in folders for outcome in journaled(folder).values())


def has_ended(folder: Path) -> bool:
    """Whether no process writes this run."""
    lock = FolderLock.take(folder)
    if lock is None:
        return False
    lock.release()
    return True
