"""Rows that are too many for memory, put away on the disk for a while."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import pyarrow as pa

__all__ = ["Spool"]


class Spool:
    """Arrow rows in a nameless file, read back without being copied into memory; the file goes with the block.

    It lies in `folder`, else, where nobody may write there, with other temporary files.
    """

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder if os.access(folder, os.W_OK) else None)  # noqa: SIM115
        self._writer: pa.RecordBatchStreamWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Put rows away; all have the columns of the first."""
        self._writer = self._writer or pa.ipc.new_stream(self._file, rows.schema)
        batches: Iterable[pa.RecordBatch] = rows.to_batches() if isinstance(rows, pa.Table) else rows
        for batch in batches:
            self._writer.write_batch(batch)

    def read(self) -> pa.Table | None:
        """All rows, None when nothing was added; nothing can be added any more."""
        if self._writer is None:
            return None
        self._writer.close()
        self._file.flush()
        mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return pa.ipc.open_stream(pa.py_buffer(mapped)).read_all()

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """All rows one by one, as Python's values."""
        table = self.read()
        for batch in table.to_batches(1_024) if table is not None else ():
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
