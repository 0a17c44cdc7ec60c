"""Counts of the ledger that the datasheet tells: what was met, what was dropped and why, what is known of people."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass

import pyarrow as pa

from harvest.ledger import Connection
from harvest.ledger.transactions import registered

__all__ = ["Census", "census"]

# Addresses, not sightings: a second crawl that meets the same again changes nothing.
_MET = """
    WITH addresses AS (
        SELECT CASE WHEN bool_or(outcome IN ('stored', 'known', 'unchanged')) THEN 'kept'
                    WHEN bool_or(outcome = 'refused') THEN 'refused'
                    WHEN bool_or(outcome = 'broken') THEN 'broken'
                    WHEN bool_or(outcome = 'gone') THEN 'gone'
                    ELSE 'failed' END AS outcome
        FROM sightings WHERE source IN (SELECT DISTINCT source FROM sightings SEMI JOIN wanted USING (sha256))
        GROUP BY source, source_id, image_url
    )
    SELECT outcome, count(*) FROM addresses GROUP BY outcome ORDER BY outcome"""
_DROPPED = """
    SELECT stage, count(DISTINCT sha256) AS images FROM decisions
    JOIN (SELECT unnest(?) AS stage, unnest(?) AS recipe_digest) USING (stage, recipe_digest)
    WHERE verdict = 'drop' GROUP BY stage ORDER BY stage"""
_REFUSALS = """
    SELECT signal->>'kind' AS kind, count(DISTINCT (source, source_id, image_url)) AS addresses
    FROM (SELECT source, source_id, image_url, unnest(from_json(opt_out, '["JSON"]')) AS signal
          FROM sightings WHERE opt_out <> '[]')
    GROUP BY kind ORDER BY kind"""
_FACES = """
    SELECT detector, count(*) AS looked_at, count(*) FILTER (faces > 0) AS with_faces, coalesce(sum(faces), 0) AS faces
    FROM faces SEMI JOIN wanted USING (sha256) GROUP BY detector ORDER BY detector"""
_GROUPS = """
    SELECT kind, count(*) AS images FROM duplicates WHERE NOT keeper GROUP BY kind ORDER BY kind"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceCount:
    """What one detector of faces saw in the exported images."""

    detector: str
    looked_at: int
    with_faces: int
    faces: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """`met` are addresses by what came of them at best (kept, refused, broken, gone, failed), of the sources that
    exported images are from; `dropped` images by stage; `copies`
    images that are no keeper of their group, by kind; `refusals` addresses by kind of opt-out, all over the ledger;
    `taken_down` images that somebody had removed.
    """

    met: Mapping[str, int]
    dropped: Mapping[str, int]
    copies: Mapping[str, int]
    refusals: Mapping[str, int]
    faces: tuple[FaceCount, ...]
    taken_down: int

    def digest(self) -> str:
        """The counts as a text that is the same for the same counts."""
        return json.dumps(asdict(self), sort_keys=True)


def census(con: Connection, sha256s: Collection[str], stages: Mapping[str, str]) -> Census:
    """Count what the ledger has of and around the images `sha256s`; `stages` are their deciding stages' digests."""
    with registered(con, "wanted", pa.table({"sha256": pa.array(sorted(set(sha256s)), pa.string())})):
        met, faces = con.execute(_MET).fetchall(), con.execute(_FACES).fetchall()
    ((taken_down,),) = con.execute("SELECT count(DISTINCT sha256) FROM takedowns").fetchall()
    return Census(
        met=dict(met),
        dropped=dict(con.execute(_DROPPED, [list(stages.keys()), list(stages.values())]).fetchall()),
        copies=dict(con.execute(_GROUPS).fetchall()),
        refusals=dict(con.execute(_REFUSALS).fetchall()),
        faces=tuple(
            FaceCount(detector=detector, looked_at=looked_at, with_faces=with_faces, faces=int(count))
            for detector, looked_at, with_faces, count in faces
        ),
        taken_down=int(taken_down),
    )
