"""ImageRearranger's badList.json: the images to be left out, by file name and place, as its editor saves and reads it.

The format is a list of `{"filename", "row", "col"}`, rows and columns from 0 at the top left.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harvest.errors import ConfigError, UsageError
from harvest.ledger import open_ledger, reviews
from harvest.review.verdicts import Verdict
from harvest.workspace import LAYOUT_TABLE, Workspace

__all__ = ["NAME", "Placed", "bad_list_of", "placed_files", "read_bad_list", "verdicts_of"]

NAME = "badList.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An image of a mosaic: its sha256, the file name it goes by, and its cell."""

    sha256: str
    file: str
    row: int
    col: int


def placed_files(workspace: Workspace, name: str) -> list[Placed]:
    """The images of the layout `name`, row by row. Raises UsageError where there is no layout."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - six megabytes that few commands need

    table = workspace.layouts / name / LAYOUT_TABLE
    if not table.is_file():
        raise UsageError(f"{name!r} has no mosaic yet; `harvest layout RECIPE` makes it")
    rows = pq.read_table(table, columns=["sha256", "file", "row", "col"]).to_pylist()
    return sorted((Placed(**row) for row in rows), key=lambda each: (each.row, each.col))


def verdicts_of(content: object, placed: Sequence[Placed], where: Path | str = NAME) -> tuple[list[Verdict], list[str]]:
    """The verdicts that a list comes to, and the file names that no image of the mosaic has.

    Images are found by name; the place counts where a name comes twice. Raises ConfigError with the path of the fault.
    """
    if not isinstance(content, list):
        raise ConfigError(where, "", 'expected a list of {"filename", "row", "col"}, as ImageRearranger saves it')
    by_name: dict[str, list[Placed]] = {}
    for each in placed:
        by_name.setdefault(each.file, []).append(each)
    found: dict[str, Verdict] = {}
    unknown: list[str] = []
    for index, entry in enumerate(content):
        filename = _filename(entry, index, where)
        here = by_name.get(filename, [])
        if len(here) > 1:
            here = [each for each in here if (each.row, each.col) == (entry.get("row"), entry.get("col"))]
        if len(here) == 1:
            found[here[0].sha256] = Verdict(verdict="drop", sha256=here[0].sha256)
        else:
            unknown.append(filename)
    return list(found.values()), unknown


def read_bad_list(workspace: Workspace, layout: str, file: Path) -> tuple[list[Verdict], list[str]] | None:
    """`verdicts_of` the list in a file, for the mosaic `layout`; None where the file holds no list."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError):
        return None
    return verdicts_of(content, placed_files(workspace, layout), file) if isinstance(content, list) else None


def bad_list_of(workspace: Workspace, name: str, placed: Sequence[Placed]) -> str:
    """The list of those that people leave out of the recipe `name`, where they lie on a mosaic, as JSON."""
    with open_ledger(workspace) as con:
        dropped = {row.sha256 for row in reviews(con, name, "filter") if row.verdict == "drop"}
    bad = [{"filename": each.file, "row": each.row, "col": each.col} for each in placed if each.sha256 in dropped]
    return json.dumps(bad, ensure_ascii=False, indent=2) + "\n"


def _filename(entry: Any, index: int, where: Path | str) -> str:
    filename = entry.get("filename") if isinstance(entry, dict) else None
    if not isinstance(filename, str) or not filename:
        raise ConfigError(where, f"[{index}].filename", f"expected a file name, got {filename!r}")
    return filename
