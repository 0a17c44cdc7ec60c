"""Bringing a ledger's schema up to date: numbered SQL files, each applied together with its record or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb

from harvest.errors import LedgerError, LedgerTooNew
from harvest.ledger.seals import seal_unsealed
from harvest.ledger.transactions import transaction

__all__ = ["Migration", "latest_version", "migrate", "migrations", "schema_version"]

FOLDER = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file `NNNN_name.sql`."""

    version: int
    name: str
    file: Path


@cache
def migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """The migrations of a folder in the order in which they are applied, numbered 1, 2, 3... without a gap."""
    found = []
    for file in sorted(folder.glob("*.sql")):
        number, _, name = file.stem.partition("_")
        found.append(Migration(version=int(number), name=name, file=file))
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"{folder}: migrations are not numbered 1, 2, 3...: {[m.file.name for m in found]}")
    return tuple(found)


def latest_version(folder: Path = FOLDER) -> int:
    """The schema version that this program knows."""
    return len(migrations(folder))


def schema_version(con: duckdb.DuckDBPyConnection, ledger: Path, folder: Path = FOLDER) -> int:
    """The open ledger's version, 0 when it is empty.

    Raises LedgerTooNew when it is newer than this program, LedgerError when the file holds something else.
    """
    try:
        ((version,),) = con.execute("SELECT coalesce(max(version), 0) FROM schema_migrations").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        # Asked only now: to list all tables takes half as long as to open a ledger.
        if con.execute("SELECT count(*) FROM duckdb_tables()").fetchall() != [(0,)]:
            raise LedgerError(
                f"{ledger}: a DuckDB file, but not a ledger of this program; name another workspace"
            ) from None
        return 0
    if version > latest_version(folder):
        raise LedgerTooNew(
            f"{ledger}: has schema version {version}, and this program knows {latest_version(folder)}; "
            "use the newer version of the program that wrote it"
        )
    return int(version)


def migrate(con: duckdb.DuckDBPyConnection, ledger: Path, folder: Path = FOLDER) -> None:
    """Apply what is missing. An existing ledger is first copied to `<ledger>.before-NNNN`.

    The rows that a ledger from before there were seals holds are sealed as they are.
    """
    version = schema_version(con, ledger, folder)
    for migration in migrations(folder)[version:]:
        if version > 0:
            _copy_aside(con, ledger, migration)
        with transaction(con):
            con.execute(
                "CREATE TABLE IF NOT EXISTS schema_migrations ("
                "version INTEGER PRIMARY KEY, name VARCHAR NOT NULL, applied_at TIMESTAMPTZ NOT NULL DEFAULT now())"
            )
            had_seals = _has_seals(con)
            con.execute(migration.file.read_text(encoding="utf-8"))
            con.execute(
                "INSERT INTO schema_migrations (version, name) VALUES (?, ?)", [migration.version, migration.name]
            )
            if _has_seals(con) and not had_seals:
                seal_unsealed(con)


def _has_seals(con: duckdb.DuckDBPyConnection) -> bool:
    return bool(con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'seals'").fetchall())


def _copy_aside(con: duckdb.DuckDBPyConnection, ledger: Path, migration: Migration) -> None:
    """Copy through DuckDB: this process may not open the file itself, for closing it would drop DuckDB's own lock."""
    copy = ledger.with_name(f"{ledger.name}.before-{migration.version:04d}")
    part = copy.with_name(copy.name + ".part")
    part.unlink(missing_ok=True)
    ((own,),) = con.execute("SELECT current_database()").fetchall()
    con.execute(f"ATTACH '{_quoted(str(part))}' AS copy_aside")
    con.execute(f'COPY FROM DATABASE "{own}" TO copy_aside')
    con.execute("CHECKPOINT copy_aside")
    con.execute("DETACH copy_aside")
    part.replace(copy)


def _quoted(text: str) -> str:
    return text.replace("'", "''")
