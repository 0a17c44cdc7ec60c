"""The story of one image, from the first request to the last export."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harvest.ledger import Connection, find_sha256, open_ledger
from harvest.ledger.seals import sealed_columns, sealed_tables
from harvest.workspace import Workspace

__all__ = ["Lineage", "lineage"]

Record = dict[str, Any]


_MET = "sha256 = $sha256"
# Field of Lineage: table or query, what of it, in which order.
_QUESTIONS = {
    "images": ("images", _MET, "sha256"),
    "sightings": ("sightings", _MET, "fetched_at NULLS LAST, run_id, seq"),
    "runs": ("runs", "run_id IN (SELECT run_id FROM sightings WHERE sha256 = $sha256)", "started_at, run_id"),
    "group": (
        """(SELECT d.*, p.source, p.image_url, p.page_url, p.title, p.creator, p.license
            FROM duplicates d LEFT JOIN provenance p USING (sha256))""",
        "group_id IN (SELECT group_id FROM duplicates WHERE sha256 = $sha256) AND sha256 <> $sha256",
        "keeper DESC, distance, sha256",
    ),
    "decisions": ("decisions", _MET, "decided_at, stage"),
    "derived": ("derived", _MET, "size, mode, recipe_digest"),
    "variants": ("augmented_rows", _MET, "recipe_digest, variant, making"),
    "splits": ("splits", _MET, "name"),
    "layouts": ("layouts", _MET, "layout"),
    "exports": ("exports", _MET, "export, path"),
    "stages": (
        "latest_stage_runs",
        """(stage = 'layout' AND name IN (SELECT layout FROM layouts WHERE sha256 = $sha256))
           OR (stage = 'export' AND name IN (SELECT export FROM exports WHERE sha256 = $sha256))""",
        "finished_at, stage, name",
    ),
    "embedded": ("embedded", _MET, "version"),
    "faces": ("faces", _MET, "detector"),
    "scores": ("scores", _MET, "scorer"),
    "labels": ("labels", _MET, "model, vocabulary, rank"),
    "given_labels": ("given_label_rows", _MET, "given"),
    "captions": ("captions", _MET, "name"),
    "reviews": ("reviews", "$sha256 IN (sha256, other)", "decided_at, review"),
    "rechecks": ("rechecks", _MET, "asked_at, recheck"),
    "takedowns": ("takedowns", _MET, "requested_at"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """All rows of the ledger that speak of one image, as plain values for JSON. Moments are ISO 8601 text in UTC.

    `group` are the other copies, each with the sighting that answers for it (`source`, `page_url`, `creator`,
    `license`...); `stages` the finished stages that its layouts and exports belong to; `variants` all that
    were ever made of it; `seals` those of its rows.
    """

    sha256: str
    image: Record | None
    sightings: tuple[Record, ...]
    runs: tuple[Record, ...]
    group: tuple[Record, ...]
    decisions: tuple[Record, ...]
    derived: tuple[Record, ...]
    variants: tuple[Record, ...]
    splits: tuple[Record, ...]
    layouts: tuple[Record, ...]
    exports: tuple[Record, ...]
    stages: tuple[Record, ...]
    embedded: tuple[Record, ...]
    faces: tuple[Record, ...]
    scores: tuple[Record, ...]
    labels: tuple[Record, ...]
    given_labels: tuple[Record, ...]
    captions: tuple[Record, ...]
    reviews: tuple[Record, ...]
    rechecks: tuple[Record, ...]
    takedowns: tuple[Record, ...]
    seals: tuple[Record, ...]

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
            *[_Node("the file says " + said, []) for row in self.embedded if (said := _embedded(row))],
            *[_Node(_counted(row["faces"], "face") + f" found by {row['detector']}", []) for row in self.faces],
            *[_Node(_score(row), []) for row in self.scores],
            *[_Node(f"shows {row['path']} ({row['score']:.2f}) by {row['model']}", []) for row in self.labels],
            *[_Node(_given(row), []) for row in self.given_labels],
            *[_Node(f"called {row['caption']!r} by {row['origin']} in {row['name']}", []) for row in self.captions],
            _Node(_counted(len(self.sightings), "sighting"), [_sighting(row, runs) for row in self.sightings]),
            _Node(
                _counted(len(self.group), "copy", "copies") if self.group else "no other copy",
                [*map(_copy, self.group)],
            ),
            _Node(_counted(len(self.decisions), "decision"), [*map(_decision, self.decisions)]),
            *([_Node(_counted(len(self.reviews), "review"), [*map(_review, self.reviews)])] if self.reviews else []),
            _Node(_counted(len(self.derived), "sized copy", "sized copies"), [*map(_derived, self.derived)]),
            *(
                [_Node(_counted(len(self.variants), "variant"), [*map(_variant, self.variants)])]
                if self.variants
                else []
            ),
            *[_Node(f"in the {row['split']} part of {row['name']}", []) for row in self.splits],
            _Node(_counted(len(self.layouts), "layout"), [*map(_layout, self.layouts)]),
            _Node(_counted(len(self.exports), "export"), [*map(_export, self.exports)]),
            *(
                [_Node(_counted(len(self.rechecks), "recheck"), [*map(_recheck, self.rechecks)])]
                if self.rechecks
                else []
            ),
            *map(_takedown, self.takedowns),
            *([_Node(_sealed(self.seals), [])] if self.seals else []),
        ]


def lineage(workspace: Workspace, prefix: str) -> Lineage:
    """The lineage of the one image whose sha256 begins with `prefix`.

    Raises UsageError when there is none or more than one, LedgerError when there is no ledger yet.
    """
    with open_ledger(workspace) as con:
        sha256 = find_sha256(con, prefix)
        found = {name: _rows(con, table, where, order, sha256) for name, (table, where, order) in _QUESTIONS.items()}
        images = found.pop("images")
        return Lineage(sha256=sha256, image=images[0] if images else None, seals=_seals(con, sha256), **found)


def _seals(con: Connection, sha256: str) -> tuple[Record, ...]:
    """The seals that vouch for the image's rows, table by table."""
    tables = [table for table in sealed_tables(con) if "sha256" in sealed_columns(con, table)]
    mine = " UNION ".join(f"SELECT seal FROM {table} WHERE sha256 = $sha256" for table in tables)
    rows = _rows(con, "seals", f"seal IN ({mine})", "seal", sha256)
    wanted = ("seal", "table_name", "rows", "digest", "sealed_at")
    return tuple({name: row[name] for name in wanted} for row in rows)


def _rows(con: Connection, table: str, where: str, order: str, sha256: str) -> tuple[Record, ...]:
    kinds = con.execute(f"DESCRIBE FROM {table}").fetchall()
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


def _score(row: Record) -> str:
    return f"{'nothing' if row['value'] is None else format(row['value'], '.4g')} measured by {row['scorer']}"


def _given(row: Record) -> str:
    done = "labelled" if row["verdict"] == "add" else "no longer labelled"
    return f"{done} {row['label']!r} by {row['decided_by']} at {row['decided_at']}"


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
    heading = (
        f"{row['sha256'][:16]} {row['kind']}, {row['distance']:g} of {row['threshold']:g} by {row['method']}{kept}"
    )
    told = [row["reason"]] if row["reason"] else []
    if row["image_url"]:
        told += [
            f"from {row['source']}, page {row['page_url'] or 'unknown'}",
            f"creator {row['creator'] or 'unknown'}, licence {row['license'] or 'unknown'}",
        ]
    return _Node(heading, [_Node(text, []) for text in told])


def _embedded(row: Record) -> str:
    """What the file says of itself, in one line; nothing where it says nothing."""
    said = [
        f"{name}: {row[column]}"
        for column, name in (
            ("copyright", "copyright"),
            ("creator", "creator"),
            ("license_raw", "licence"),
            ("generator", "generator"),
            ("digital_source_type", "digital source type"),
        )
        if row[column]
    ]
    if row["latitude"] is not None:
        said.append(f"position: {row['latitude']:.4f}, {row['longitude']:.4f}")
    return "; ".join(said)


def _review(row: Record) -> _Node:
    pair = f" {row['sha256'][:12]} and {row['other'][:12]}" if row["other"] else ""
    return _Node(
        f"{row['decided_at']} {row['stage']} of {row['name']}: {row['verdict']}{pair}, {row['reason']}, "
        f"by {row['decided_by']}",
        [],
    )


def _recheck(row: Record) -> _Node:
    status = f", HTTP {row['http_status']}" if row["http_status"] else ""
    why = f": {row['detail']}" if row["detail"] else ""
    told = [f"leads to {row['moved_to']}"] if row["moved_to"] else []
    if row["license_raw_now"]:
        told.append(f"licence {row['license_now'] or 'unknown'} (the page says: {row['license_raw_now']})")
    told += [f"says now {each['kind']}: {each['value']} ({each['where']})" for each in json.loads(row["opt_out"])]
    return _Node(
        f"{row['asked_at']} {row['image_url']}: {row['outcome']}{status}{why}", [_Node(text, []) for text in told]
    )


def _takedown(row: Record) -> _Node:
    how = [_Node(f"named by {row['matched']}", [])] if row["matched"] else []
    return _Node(f"taken down {row['requested_at']}: {row['reason']}, by {row['requested_by']}", how)


def _sealed(seals: Sequence[Record]) -> str:
    newest = seals[-1]
    tables = ", ".join(dict.fromkeys(row["table_name"] for row in seals))
    counted = _counted(len(seals), "seal")
    return f"{counted} over its rows in {tables}; the newest is {newest['seal']}, {newest['digest'][:16]}"


def _decision(row: Record) -> _Node:
    measured = (
        f" ({row['value']:g} against {row['threshold']:g})" if None not in {row["value"], row["threshold"]} else ""
    )
    return _Node(f"{row['stage']}: {row['verdict']}, {row['reason']}{measured}, by {row['decided_by']}", [])


def _derived(row: Record) -> _Node:
    return _Node(f"{row['size']} px {row['mode']}: {row['path']}, sha256 {row['derived_sha256'][:16]}", [])


def _variant(row: Record) -> _Node:
    done = "; ".join(f"{name} {json.dumps(told)}" for name, told in json.loads(row["parameters"]).items())
    return _Node(f"{row['variant']}: {row['path']}, sha256 {row['derived_sha256'][:16]}", [_Node(done, [])])


def _layout(row: Record) -> _Node:
    return _Node(f"{row['layout']}: row {row['row']}, column {row['col']}", [])


def _export(row: Record) -> _Node:
    children = [_Node(f"licence {row['license'] or 'unknown'}", []), _Node(f"credit {row['credit']}", [])]
    return _Node(f"exports/{row['export']}/{row['path']}, sha256 {row['derived_sha256'][:16]}", children)
