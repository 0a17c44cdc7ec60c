"""The story of one image, from the first request to the last export."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harvest.errors import UsageError
from harvest.ledger import Connection, open_ledger
from harvest.workspace import Workspace

__all__ = ["Lineage", "lineage"]

Record = dict[str, Any]
_SHOWN = 12  # candidates listed when a prefix is not enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """All rows of the ledger that speak of one image, as plain values for JSON. Moments are ISO 8601 text in UTC."""

    sha256: str
    image: Record | None
    sightings: tuple[Record, ...]
    runs: tuple[Record, ...]
    group: tuple[Record, ...]
    decisions: tuple[Record, ...]
    derived: tuple[Record, ...]
    layouts: tuple[Record, ...]
    exports: tuple[Record, ...]
    takedowns: tuple[Record, ...]

    def to_json(self) -> Record:
        """The same as a mapping."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def lines(self) -> list[str]:
        """The story as a tree of plain lines; metadata cannot move the cursor or colour the terminal."""
        return [self.sha256, *_branches(self._tree())]

    def _tree(self) -> list[_Node]:
        runs = {run["run_id"]: run for run in self.runs}
        return [
            _Node("original: " + (_original(self.image) if self.image else "no row in images"), []),
            _Node(_counted(len(self.sightings), "sighting"), [_sighting(row, runs) for row in self.sightings]),
            _Node(
                _counted(len(self.group), "copy", "copies") if self.group else "no other copy",
                [*map(_copy, self.group)],
            ),
            _Node(_counted(len(self.decisions), "decision"), [*map(_decision, self.decisions)]),
            _Node(_counted(len(self.derived), "sized copy", "sized copies"), [*map(_derived, self.derived)]),
            _Node(_counted(len(self.layouts), "layout"), [*map(_layout, self.layouts)]),
            _Node(_counted(len(self.exports), "export"), [*map(_export, self.exports)]),
            *[_Node(f"taken down {row['requested_at']}: {row['reason']}", []) for row in self.takedowns],
        ]


def lineage(workspace: Workspace, prefix: str) -> Lineage:
    """The lineage of the one image whose sha256 begins with `prefix`.

    Raises UsageError when there is none or more than one, LedgerError when there is no ledger yet.
    """
    with open_ledger(workspace) as con:
        sha256 = _resolved(con, prefix)
        met = "sha256 = $sha256"
        runs = "run_id IN (SELECT run_id FROM sightings WHERE sha256 = $sha256)"
        group = "group_id IN (SELECT group_id FROM duplicates WHERE sha256 = $sha256) AND sha256 <> $sha256"
        images = _rows(con, "images", met, "sha256", sha256)
        return Lineage(
            sha256=sha256,
            image=images[0] if images else None,
            sightings=_rows(con, "sightings", met, "fetched_at NULLS LAST, run_id, seq", sha256),
            runs=_rows(con, "runs", runs, "started_at, run_id", sha256),
            group=_rows(con, "duplicates", group, "keeper DESC, distance, sha256", sha256),
            decisions=_rows(con, "decisions", met, "decided_at, stage", sha256),
            derived=_rows(con, "derived", met, "size, mode, recipe_digest", sha256),
            layouts=_rows(con, "layouts", met, "layout", sha256),
            exports=_rows(con, "exports", met, "export, path", sha256),
            takedowns=_rows(con, "takedowns", met, "requested_at", sha256),
        )


def _resolved(con: Connection, prefix: str) -> str:
    wanted = prefix.strip().lower()
    found = con.execute(
        """SELECT DISTINCT sha256 FROM (SELECT sha256 FROM images UNION ALL SELECT sha256 FROM sightings
                                        UNION ALL SELECT sha256 FROM takedowns)
           WHERE starts_with(sha256, $wanted) ORDER BY sha256""",
        {"wanted": wanted},
    ).fetchall()
    if len(found) == 1:
        return str(found[0][0])
    if not found:
        raise UsageError(f"no image whose sha256 begins with {prefix!r}; `harvest sql` finds it by title or address")
    listed = ", ".join(sha256[:16] for (sha256,) in found[:_SHOWN])
    raise UsageError(f"{len(found)} images begin with {prefix!r}, give more digits: {listed}")


def _rows(con: Connection, table: str, where: str, order: str, sha256: str) -> tuple[Record, ...]:
    kinds = con.execute(f"DESCRIBE {table}").fetchall()
    columns = ", ".join(_column(name, kind) for name, kind, *_ in kinds)
    # The order is given on the table's own columns: a moment's text sorts alike, but NULLs would not.
    answer = con.execute(f"SELECT {columns} FROM (FROM {table} WHERE {where} ORDER BY {order})", {"sha256": sha256})
    return tuple(dict(zip([name for name, *_ in kinds], row, strict=True)) for row in answer.fetchall())


def _column(name: str, kind: str) -> str:
    quoted = f'"{name}"'
    return f"strftime({quoted}, '%Y-%m-%dT%H:%M:%SZ') AS {quoted}" if kind == "TIMESTAMP WITH TIME ZONE" else quoted


@dataclass(frozen=True, slots=True)
class _Node:
    text: str
    children: Sequence[_Node]


def _branches(nodes: Sequence[_Node], margin: str = "") -> Iterator[str]:
    for node in nodes:
        last = node is nodes[-1]
        yield f"{margin}{'└─' if last else '├─'} {_plain(node.text)}"
        yield from _branches(node.children, margin + ("   " if last else "│  "))


def _plain(text: str) -> str:
    """One line without control characters: a title may hold terminal escapes."""
    return " ".join("".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Cs"} else c for c in text).split())


def _counted(count: int, one: str, many: str | None = None) -> str:
    return f"1 {one}" if count == 1 else f"{count or 'no'} {many or one + 's'}"


def _original(row: Record) -> str:
    return f"{row['path']}, {row['format']} {row['width']}x{row['height']}, {row['bytes']:,} bytes"


def _sighting(row: Record, runs: dict[str, Record]) -> _Node:
    run = runs.get(row["run_id"])
    told = [
        f"image {row['image_url']}",
        f"page {row['page_url'] or 'unknown'}",
        f"title {row['title'] or 'unknown'}, creator {row['creator'] or 'unknown'}",
        f"licence {row['license'] or 'unknown'} (the source said: {row['license_raw'] or 'nothing'})",
    ]
    if row["opt_out"] not in {None, "[]"}:
        told.append(f"statements {row['opt_out']}")
    told += [
        f"evidence of the {ref['role']}: {ref['file']}, byte {ref['offset']}, record {ref['record']}"
        for ref in json.loads(row["evidence"] or "[]")
    ]
    how = f"run {row['run_id']}"
    if run:
        how += f", spider {run['spider']}, version {run['code_version']}, {run['outcome'] or 'not finished'}"
    else:
        how += ", which the ledger does not know"
    status = f", HTTP {row['http_status']}" if row["http_status"] else ""
    heading = f"{row['fetched_at'] or 'no time'} {row['source']} {row['source_id']}: {row['outcome']}{status}"
    return _Node(heading, [_Node(text, []) for text in (*told, how)])


def _copy(row: Record) -> _Node:
    kept = ", kept" if row["keeper"] else ""
    return _Node(
        f"{row['sha256'][:16]} {row['kind']}, {row['distance']} of {row['threshold']} by {row['method']}{kept}", []
    )


def _decision(row: Record) -> _Node:
    measured = (
        f" ({row['value']:g} against {row['threshold']:g})" if None not in {row["value"], row["threshold"]} else ""
    )
    return _Node(f"{row['stage']}: {row['verdict']}, {row['reason']}{measured}, by {row['decided_by']}", [])


def _derived(row: Record) -> _Node:
    return _Node(f"{row['size']} px {row['mode']}: {row['path']}, sha256 {row['derived_sha256'][:16]}", [])


def _layout(row: Record) -> _Node:
    return _Node(f"{row['layout']}: row {row['row']}, column {row['col']}", [])


def _export(row: Record) -> _Node:
    children = [_Node(f"licence {row['license'] or 'unknown'}", []), _Node(f"credit {row['credit']}", [])]
    return _Node(f"exports/{row['export']}/{row['path']}, sha256 {row['derived_sha256'][:16]}", children)
