"""Finding a kept answer again: a file, an offset and a record id, in a WARC or in the WACZ that it was packed into."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from harvest.items import EvidenceRef
from harvest.workspace import Workspace

__all__ = ["Finding", "archives_in", "missing_records", "package_of", "read_record"]

_LOCAL_HEADER = 30  # bytes of a zip entry's own header before its name


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One WARC record: its kind, its named fields, the answer's status and headers, and the bytes that it holds.

    The bytes of a `revisit` are empty; its `WARC-Refers-To` names the record that has them.
    """

    kind: str
    fields: tuple[tuple[str, str], ...]
    status: int | None
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def field(self, name: str) -> str | None:
        """The value of a named field of the record."""
        return next((value for key, value in self.fields if key.lower() == name.lower()), None)


def read_record(workspace: Workspace, ref: EvidenceRef) -> Finding:
    """The record that `ref` points at. Raises OSError where there is no file, ValueError where there is no record."""
    with _opened(workspace.root / ref.file) as (file, base):
        return _read(file, base + ref.offset, ref)


def missing_records(workspace: Workspace, refs: Iterable[EvidenceRef]) -> Iterator[tuple[EvidenceRef, str]]:
    """Those of `refs` that lead nowhere, each with what is wrong; files are opened once, in the order of `refs`."""
    by_file: dict[str, list[EvidenceRef]] = {}
    for ref in refs:
        by_file.setdefault(ref.file, []).append(ref)
    for name, wanted in by_file.items():
        try:
            with _opened(workspace.root / name) as (file, base):
                for ref in sorted(wanted, key=lambda ref: ref.offset):
                    try:
                        _head(file, base + ref.offset, ref)
                    except ValueError as error:
                        yield ref, str(error)
        except (OSError, KeyError, zipfile.BadZipFile):
            yield wanted[0], f"missing, and {len(wanted)} records with it"


def archives_in(folder: Path) -> Iterator[tuple[str, BinaryIO, int, int]]:
    """(name, file, first byte, bytes) of every WARC in a run's `folder`, also those in its WACZ, in order.

    The file is open until the next one is asked for.
    """
    for path in sorted(folder.glob("*.warc.gz")):
        with path.open("rb") as file:
            yield path.name, file, 0, path.stat().st_size
    package = folder / f"{folder.name}.wacz"
    if package.exists():
        with zipfile.ZipFile(package) as archive, package.open("rb") as file:
            for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
                if entry.filename.startswith("archive/"):
                    yield Path(entry.filename).name, file, _start(file, entry), entry.file_size


def package_of(path: Path) -> Path:
    """The WACZ that the WARC at `path` is packed into when its run has ended."""
    return path.parent / f"{path.parent.name}.wacz"


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """The WARC at `path` and where its first byte lies in the file that was opened."""
    package = package_of(path)
    if path.exists() or not package.exists():
        with path.open("rb") as file:
            yield file, 0
        return
    with zipfile.ZipFile(package) as archive, package.open("rb") as file:
        try:
            entry = archive.getinfo(f"archive/{path.name}")
        except KeyError:
            raise FileNotFoundError(path) from None
        yield file, _start(file, entry)


def _start(file: BinaryIO, entry: zipfile.ZipInfo) -> int:
    """Where the bytes of a stored entry of the zip `file` begin."""
    file.seek(entry.header_offset)
    header = file.read(_LOCAL_HEADER)
    names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    return entry.header_offset + _LOCAL_HEADER + names


def _read(file: BinaryIO, offset: int, ref: EvidenceRef) -> Finding:
    record = _head(file, offset, ref)
    http = record.http_headers
    code = http.get_statuscode() if http is not None else None
    return Finding(
        kind=record.rec_type,
        fields=tuple(record.rec_headers.headers),
        status=int(code) if code and code.isdecimal() else None,
        headers=tuple(http.headers) if http is not None else (),
        body=record.raw_stream.read(),
    )


def _head(file: BinaryIO, offset: int, ref: EvidenceRef):  # type: ignore[no-untyped-def]  # warcio has no types
    file.seek(offset)
    try:
        record = next(iter(ArchiveIterator(file)))
    except (StopIteration, ArchiveLoadFailed, EOFError, ValueError):
        raise ValueError(f"no record begins at byte {ref.offset}") from None
    found = record.rec_headers.get_header("WARC-Record-ID")
    if found != ref.record:
        raise ValueError(f"byte {ref.offset} begins {found}, not {ref.record}")
    return record
