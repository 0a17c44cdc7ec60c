"""What there is of images in a workspace: bytes, sizes, pictures that show them, exports, reports, kept answers."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from warcio.exceptions import ArchiveLoadFailed

from harvest.errors import LedgerError
from harvest.evidence import Unwanted, held_payloads
from harvest.images.decode import EXTENSIONS
from harvest.ledger import Connection, evidence_records, open_ledger
from harvest.progress import Progress
from harvest.store import Store, original_path
from harvest.workspace import INDEX_NAMES, LAYOUT_TABLE, SHEET_INDEX, Workspace, sheet_pages

__all__ = ["ExportedCopy", "Holdings", "evidence_of", "exported_copies", "holdings_of"]

_DIGITS = 10  # of a sha256, at least, in the names of sizes and on report pages
_HEX = re.compile(rb"[0-9a-f]{%d,64}" % _DIGITS)
_OVERLAP = 64
_CHUNK = 1 << 20
_MANIFEST = "MANIFEST.jsonl"

# A path that another image has too is not this image's alone, and stays.
_MADE = "(SELECT path, sha256 FROM derived_rows UNION ALL SELECT path, sha256 FROM augmented_rows)"
_DERIVED = f"""
    SELECT path FROM {_MADE} GROUP BY path
    HAVING bool_and(sha256 IN (SELECT sha256 FROM wanted)) ORDER BY path"""  # noqa: S608 - a constant
_OTHERS = f"""
    SELECT path FROM {_MADE} WHERE path IN (SELECT unnest(?)) GROUP BY path
    HAVING NOT bool_and(sha256 IN (SELECT sha256 FROM wanted))"""  # noqa: S608 - a constant
_EXPORTS = "SELECT DISTINCT export FROM exports WHERE sha256 IN (SELECT sha256 FROM wanted) ORDER BY export"
_COPIES = """
    SELECT export, e.sha256, path, credit, strftime(max(finished_at), '%Y-%m-%dT%H:%M:%SZ') AS written_at
    FROM export_rows e JOIN stage_runs USING (stage_run) JOIN wanted ON e.sha256 = wanted.sha256
    GROUP BY ALL ORDER BY ALL"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedCopy:
    """A file of an export that showed an image, also of one that was written over or given away since."""

    export: str
    sha256: str
    path: str
    credit: str
    written_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What is there, as paths in the workspace; exports, layouts, indexes by name, evidence as "<run>: n answers".

    `derived` are sized copies and variants.
    """

    originals: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    layouts: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()

    def __len__(self) -> int:
        return sum(len(getattr(self, name)) for name in self.__dataclass_fields__)


def holdings_of(
    workspace: Workspace, wanted: Collection[str], progress: Progress, *, also_in_evidence: Collection[str] = ()
) -> Holdings:
    """Everything of the images `wanted` that is in the workspace now; of `also_in_evidence`, raw answers alone.

    Raises LedgerError for evidence that cannot be read.
    """
    digests = frozenset(wanted)
    short = frozenset(digest[:_DIGITS] for digest in digests)
    with open_ledger(workspace) as con:
        _note(con, digests)
        rows = con.execute("SELECT sha256, path FROM images WHERE sha256 IN (SELECT sha256 FROM wanted)").fetchall()
        originals = {path for _, path in rows}
        # Bytes that a kill left without a row, or that were barred before they came.
        for digest in digests - {sha256 for sha256, _ in rows}:
            originals |= {original_path(digest, extension) for extension in set(EXTENSIONS.values())}
        derived = {path for (path,) in con.execute(_DERIVED).fetchall()}
        derived |= set(_strays(con, workspace, short))
        exports = {name for (name,) in con.execute(_EXPORTS).fetchall()}
    store, root = Store(workspace.root), workspace.root
    return Holdings(
        originals=tuple(path for path in sorted(originals) if store.holds(path) or (root / path).is_file()),
        derived=tuple(sorted(path for path in derived if (root / path).is_file())),
        layouts=tuple(folder.name for folder in _folders(workspace.layouts) if _lays_out(folder, digests)),
        sheets=tuple(folder.name for folder in _folders(workspace.layouts) if _has_sheet_of(folder, digests)),
        indexes=tuple(folder.name for folder in _folders(workspace.indexes) if _shows(folder / INDEX_NAMES, digests)),
        exports=tuple(
            folder.name for folder in _folders(workspace.exports) if folder.name in exports or _lists(folder, digests)
        ),
        reports=tuple(sorted(path.relative_to(root).as_posix() for path in _pages(workspace, short))),
        evidence=tuple(
            f"evidence/{run}: {count}"
            for run, count in _counts(workspace, digests | frozenset(also_in_evidence), progress)
        ),
    )


def exported_copies(workspace: Workspace, wanted: Collection[str]) -> tuple[ExportedCopy, ...]:
    """Every file of every export, past ones too, that showed one of these images: whose holders are to be told."""
    with open_ledger(workspace) as con:
        _note(con, frozenset(wanted))
        rows = con.execute(_COPIES).fetchall()
    names = tuple(ExportedCopy.__dataclass_fields__)
    return tuple(ExportedCopy(**dict(zip(names, row, strict=True))) for row in rows)


def evidence_of(workspace: Workspace, wanted: Collection[str]) -> dict[str, Unwanted]:
    """By run, which payloads of its kept answers are these images."""
    with open_ledger(workspace) as con:
        records = evidence_records(con, wanted)
    return {run: Unwanted(digests=frozenset(wanted), records=ids) for run, ids in records.items()}


def _note(con: Connection, wanted: Collection[str]) -> None:
    """Let statements on this connection read the digests as `wanted`."""
    con.register("wanted", pa.table({"sha256": pa.array(sorted(wanted), pa.string())}))


def _counts(workspace: Workspace, wanted: Collection[str], progress: Progress) -> Iterator[tuple[str, int]]:
    runs = evidence_of(workspace, wanted)
    with progress.start("read kept answers", len(runs)) as task:
        for run, unwanted in sorted(runs.items()):
            folder = workspace.evidence / run
            try:
                count = sum(1 for _ in held_payloads(folder, unwanted)) if folder.is_dir() else 0
            except (OSError, ArchiveLoadFailed) as error:
                raise LedgerError(f"{folder}: cannot be read: {error}; see `harvest verify`") from None
            if count:
                yield run, count
            task.advance(note=run)


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.glob("*") if path.is_dir() and not path.name.startswith("."))


def _strays(con: Connection, workspace: Workspace, short: frozenset[str]) -> Iterator[str]:
    """Sizes and variants that are named after one of the images, and are no row's or only theirs."""
    found = []
    for path in workspace.derived.rglob("*"):
        digits = path.stem.rpartition("-")[2]
        if digits[:_DIGITS] in short and len(digits) >= _DIGITS and path.is_file():
            found.append(path.relative_to(workspace.root).as_posix())
    others = con.execute(_OTHERS, [found]).fetchall() if found else []
    yield from set(found) - {path for (path,) in others}


def _lays_out(folder: Path, wanted: Collection[str]) -> bool:
    """Whether a mosaic shows one of the images; one without its table is taken to show them.

    There are several tables where a mosaic was about to be drawn anew: pictures of the earlier one may still be there.
    """
    tables = list(folder.glob("*.parquet"))
    if folder / LAYOUT_TABLE in tables:
        return any(_shows(table, wanted) for table in tables)
    return any(path.name != SHEET_INDEX for path in {*folder.iterdir()} - {*sheet_pages(folder)})


def _shows(table: Path, wanted: Collection[str]) -> bool:
    """Whether a Parquet table names one of the images; one that cannot be read is taken to name them."""
    import pyarrow.compute as pc  # noqa: PLC0415 - seven megabytes that few commands need
    import pyarrow.parquet as pq  # noqa: PLC0415 - six megabytes that few commands need

    try:
        shown = pq.read_table(table, columns=["sha256"]).column("sha256").cast(pa.string())
    except (OSError, KeyError, pa.ArrowException):
        return True
    return bool(pc.any(pc.is_in(shown, pa.array(sorted(wanted), pa.string()))).as_py())


def _has_sheet_of(folder: Path, wanted: Collection[str]) -> bool:
    """Whether contact sheets show one of the images; those without their list are taken to show them."""
    listed = folder / SHEET_INDEX
    if listed.exists():
        try:
            return not set(json.loads(listed.read_bytes())["images"]).isdisjoint(wanted)
        except (OSError, ValueError, KeyError, TypeError):
            return True
    return bool(sheet_pages(folder))


def _lists(folder: Path, wanted: Collection[str]) -> bool:
    """Whether an export's own manifest names one of the images."""
    try:
        with (folder / _MANIFEST).open(encoding="utf-8") as lines:
            return any(json.loads(line).get("original_sha256") in wanted for line in lines)
    except (OSError, ValueError, AttributeError):
        return False


def _pages(workspace: Workspace, short: frozenset[str]) -> Iterator[Path]:
    """Report pages that name one of the images: a thumbnail may stand beside it."""
    for page in workspace.reports.rglob("*.html"):
        if page.is_file() and _names(page, short):
            yield page


def _names(page: Path, short: frozenset[str]) -> bool:
    tail = b""
    with page.open("rb") as file:
        while chunk := file.read(_CHUNK):
            window = tail + chunk
            if any(found[0][:_DIGITS].decode() in short for found in _HEX.finditer(window)):
                return True
            tail = window[-_OVERLAP:]
    return False
