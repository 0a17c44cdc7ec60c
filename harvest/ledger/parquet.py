"""The whole ledger as Parquet, one file a table, for whoever has no DuckDB of this version or wants none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from harvest.errors import LedgerError, UsageError
from harvest.ledger.database import open_ledger
from harvest.ledger.migrate import schema_version
from harvest.ledger.seals import head
from harvest.progress import Progress, SilentProgress
from harvest.workspace import Workspace, digest_of_file, published_folder

__all__ = ["MANIFEST", "ParquetExport", "ParquetFile", "export_parquet"]

MANIFEST = "LEDGER.json"
_TABLES = """
    SELECT table_name FROM duckdb_tables()
    WHERE database_name = current_database() AND NOT temporary ORDER BY table_name"""
_COPY = "COPY (SELECT * FROM \"{table}\") TO '{file}' (FORMAT parquet, COMPRESSION zstd)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetFile:
    """One table: its file in the folder, how many rows and bytes that has, and the bytes' digest."""

    file: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetExport:
    """What `LEDGER.json` holds: the schema's version, the last seal (None where nothing was sealed), and the tables."""

    schema_version: int
    head: str | None
    tables: Mapping[str, ParquetFile]


def export_parquet(
    workspace: Workspace, folder: Path, *, replace: bool = False, progress: Progress | None = None
) -> ParquetExport:
    """Write every table of the ledger into `folder`, which appears whole or not at all, and what it holds.

    The ledger is open for reading meanwhile, so that all tables are of one moment: who would write to it waits. What
    a view makes of the tables is not written. Raises UsageError when the folder is there and `replace` is False, or is
    no such export, and LedgerError when a file cannot be written.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - six megabytes that few commands need

    _require_ours(folder, replace=replace)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with published_folder(folder) as temporary, open_ledger(workspace) as con:
            names = [name for (name,) in con.execute(_TABLES).fetchall()]
            tables: dict[str, ParquetFile] = {}
            with (progress or SilentProgress()).start("write Parquet", len(names)) as task:
                for name in names:
                    file = temporary / f"{name}.parquet"
                    con.execute(_COPY.format(table=name, file=str(file).replace("'", "''")))
                    tables[name] = ParquetFile(
                        file=file.name,
                        rows=pq.read_metadata(file).num_rows,
                        bytes=file.stat().st_size,
                        sha256=digest_of_file(file),
                    )
                    task.advance()
            last = head(con)
            version = schema_version(con, workspace.ledger)
            export = ParquetExport(schema_version=version, head=str(last) if last else None, tables=tables)
            (temporary / MANIFEST).write_text(json.dumps(asdict(export), indent=2) + "\n", encoding="utf-8")
    except (OSError, duckdb.Error) as error:
        raise LedgerError(f"{folder}: cannot be written: {error}; nothing of it was kept") from None
    return export


def _require_ours(folder: Path, *, replace: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not replace:
        raise UsageError(f"{folder}: is there already; name another folder, or say --replace")
    if not (folder / MANIFEST).is_file():
        raise UsageError(f"{folder}: holds no {MANIFEST}, so it is no export of a ledger; name another folder")
