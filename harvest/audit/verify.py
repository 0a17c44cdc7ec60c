"""Everything made anew from what lies below it, and compared with the ledger: files, journals, seals.

Files are hashed again: originals, sized copies, variants, exports and their papers. Journals are read again: their own
seals, the runs, and every row that came out of them. All other rows are held against their seals, and the seals against
each other. Of kept evidence it is asked that every record begins where a sighting says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harvest.audit.files import FileCount, compare_files
from harvest.audit.journals import compare_journals
from harvest.audit.sealed import SealCount, compare_head, compare_seals
from harvest.audit.vouched import JournalCount
from harvest.ledger import open_ledger
from harvest.ledger.seals import Head, head
from harvest.progress import Progress
from harvest.workspace import Workspace

__all__ = ["Difference", "VerifyReport", "ledger_head", "verify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where something is not as it was written.

    `where` is a path in the workspace, with a line where there is one, or a table and the key of a row.
    """

    kind: str  # original | derived | variant | export | paper | evidence | journal | run | sighting | row | seal
    where: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was compared, all that differs in a fixed order, and what is merely odd.

    `head` is the last seal, `number:digest`: kept elsewhere, it tells later whether the ledger is still the same.
    """

    checked: Mapping[str, int]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    head: str | None

    @property
    def ok(self) -> bool:
        """Whether everything agrees."""
        return not self.differences

    @property
    def first(self) -> str | None:
        """The first difference in words."""
        return f"{self.differences[0].where}: {self.differences[0].what}" if self.differences else None


def verify(
    workspace: Workspace, *, progress: Progress, with_files: bool = True, against: Head | None = None
) -> VerifyReport:
    """Compare every file (unless `with_files` is false), journal line and row with what vouches for it.

    `against` is a head that was kept elsewhere. Raises LedgerError when there is no ledger yet.
    """
    files, journals, seals = FileCount(), JournalCount(), SealCount()
    with open_ledger(workspace) as con:
        last = head(con)

    def found() -> Iterator[tuple[str, str, str]]:
        if against:
            yield from compare_head(workspace, against)
        if with_files:
            yield from compare_files(workspace, files, progress)
        yield from compare_journals(workspace, journals, progress)
        yield from compare_seals(workspace, seals, progress)

    differences = tuple(Difference(kind=kind, where=where, what=what) for kind, where, what in found())
    checked = {**files.checked, "run": journals.runs, "segment": journals.segments, "sighting": journals.sightings}
    return VerifyReport(
        checked={**checked, "seal": seals.seals, "sealed row": seals.rows},
        differences=differences,
        notes=(*files.notes, *journals.notes),
        head=str(last) if last else None,
    )


def ledger_head(workspace: Workspace) -> Head | None:
    """The last seal of the ledger, None when nothing was sealed yet. Raises LedgerError when there is no ledger yet."""
    with open_ledger(workspace) as con:
        return head(con)
