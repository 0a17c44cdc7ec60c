"""What files were found to say of themselves, and how many faces they show: one row an image and version of reader."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from harvest.ledger.insert import insert
from harvest.ledger.transactions import Connection, registered

__all__ = ["EmbeddedRow", "FacesRow", "face_boxes", "uninspected", "write_embedded", "write_faces"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedRow:
    """Statements in one file, None where it says nothing. `license` is an id of the licence table, where one fits."""

    sha256: str
    version: str
    copyright: str | None = None
    creator: str | None = None
    license: str | None = None
    license_raw: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    country: str | None = None
    generator: str | None = None
    generator_where: str | None = None
    digital_source_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FacesRow:
    """Faces in one picture; `boxes` is JSON: a list of [x, y, width, height, score], shares of the upright picture."""

    sha256: str
    detector: str
    faces: int
    boxes: str


def write_embedded(con: Connection, rows: Collection[EmbeddedRow]) -> int:
    """Add statements; how many were new. What a version of the reader found stays."""
    return insert(con, "embedded", EmbeddedRow, rows)


def write_faces(con: Connection, rows: Collection[FacesRow]) -> int:
    """Add counts of faces; how many were new. What a detector found stays."""
    return insert(con, "faces", FacesRow, rows)


def face_boxes(con: Connection, detector: str) -> dict[str, str]:
    """By sha256, the boxes that `detector` found, as in a FacesRow, of the images that show a face."""
    statement = "SELECT sha256, boxes FROM faces WHERE detector = ? AND faces > 0 ORDER BY sha256"
    return dict(con.execute(statement, [detector]).fetchall())


def uninspected(
    con: Connection, sha256s: pa.Array, *, version: str, detector: str | None
) -> list[tuple[str, str, bool, bool]]:
    """(sha256, path, lacks statements, lacks faces) of those of the images `sha256s` that lack a row of `version`, or
    of `detector` if that is given; ordered by sha256.
    """
    with registered(con, "judged", pa.table({"sha256": sha256s})):
        return con.execute(
            """SELECT sha256, path, e.sha256 IS NULL AS lacks_statements,
                      $detector IS NOT NULL AND f.sha256 IS NULL AS lacks_faces
               FROM images i SEMI JOIN judged USING (sha256)
               LEFT JOIN (FROM embedded WHERE version = $version) e USING (sha256)
               LEFT JOIN (FROM faces WHERE detector = $detector) f USING (sha256)
               WHERE lacks_statements OR lacks_faces ORDER BY sha256""",
            {"version": version, "detector": detector},
        ).fetchall()
