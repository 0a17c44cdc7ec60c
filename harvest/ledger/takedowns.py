"""Tombstones: which images were taken down, by whose request, and what a request names.

A tombstone is a row that stays. The bytes go; the sightings stay, for they say where the bytes came from.
"""

# ruff: noqa: S608 - what is put into the SQL are constants of this module
from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from harvest.images.tombstones import Tombstone, Tombstones
from harvest.ledger.database import Connection
from harvest.ledger.insert import insert

__all__ = [
    "HeldImage",
    "TakedownRow",
    "copies_by_dedupe",
    "evidence_records",
    "images_by_creator",
    "images_by_creator_url",
    "images_by_digest",
    "images_by_url",
    "images_named",
    "near_images",
    "near_prints",
    "takedown_rows",
    "taken_down",
    "tombstoned_sha1",
    "tombstoned_urls",
    "tombstones",
    "unwanted",
    "write_takedowns",
]

_REFERENCES = '[{"role": "VARCHAR", "file": "VARCHAR", "record": "VARCHAR"}]'


@dataclass(frozen=True, slots=True, kw_only=True)
class TakedownRow:
    """One image that a request named: `matched` says how. Hashes are hex, None where the bytes were not at hand."""

    sha256: str
    requested_at: str | None = None
    reason: str
    requested_by: str
    request: str | None
    matched: str | None
    phash: str | None = None
    phash_version: str | None = None
    detail_hash: str | None = None
    detail_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldImage:
    """What a person needs to know an image by, and a program to find its bytes; no `path` where they never came."""

    sha256: str
    path: str | None
    phash: int | None
    phash_version: str | None
    title: str | None
    creator: str | None
    page_url: str | None
    image_url: str | None


def write_takedowns(con: Connection, rows: Collection[TakedownRow]) -> int:
    """Add tombstones; how many are new. Images that have one already keep it, and get no second one."""
    known = set(taken_down(con))
    return insert(con, "takedowns", TakedownRow, [row for row in rows if row.sha256 not in known])


def takedown_rows(con: Connection) -> list[TakedownRow]:
    """All tombstones as they were written, the first of each image, in the order of sha256."""
    names = tuple(TakedownRow.__dataclass_fields__)
    columns = ", ".join(
        f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%fZ')" if name == "requested_at" else name for name in names
    )
    rows = con.execute(
        f"""SELECT {columns} FROM takedowns
            QUALIFY row_number() OVER (PARTITION BY sha256 ORDER BY requested_at, request) = 1 ORDER BY sha256"""
    ).fetchall()
    return [TakedownRow(**dict(zip(names, row, strict=True))) for row in rows]


def taken_down(con: Connection) -> list[str]:
    """The sha256 of everything that was taken down, in order."""
    return [sha256 for (sha256,) in con.execute("SELECT DISTINCT sha256 FROM takedowns ORDER BY sha256").fetchall()]


def unwanted(con: Connection) -> list[str]:
    """The sha256 of everything that was taken down, or refused as a near copy of that, in order."""
    return [sha256 for (sha256,) in con.execute("SELECT sha256 FROM unwanted_bytes ORDER BY sha256").fetchall()]


def tombstones(con: Connection) -> Tombstones:
    """All tombstones, to hold bytes against."""
    rows = con.execute(
        "SELECT sha256, phash, phash_version, detail_hash, detail_version FROM takedowns ORDER BY ALL"
    ).fetchall()
    return Tombstones(
        Tombstone(
            sha256=sha256,
            phash=int(phash, 16) if phash else None,
            phash_version=version,
            detail_hash=int(detail, 16) if detail else None,
            detail_version=detail_version,
        )
        for sha256, phash, version, detail, detail_version in rows
    )


def tombstoned_urls(con: Connection) -> Iterator[tuple[str, str]]:
    """(address, sha256) of every address that brought nothing but what was taken down, whatever source named it."""
    yield from con.execute(
        """SELECT image_url, arg_max(sha256, (fetched_at IS NOT NULL, fetched_at, run_id, seq))
           FROM sightings WHERE sha256 IS NOT NULL AND image_url IN (
               SELECT image_url FROM sightings WHERE sha256 IN (SELECT sha256 FROM unwanted_bytes))
           GROUP BY image_url HAVING bool_and(sha256 IN (SELECT sha256 FROM unwanted_bytes)) ORDER BY image_url"""
    ).fetchall()


def tombstoned_sha1(con: Connection) -> Iterator[tuple[str, str]]:
    """(sha1, sha256), both hex, of what was taken down and whose sha1 is known."""
    yield from con.execute(
        """SELECT DISTINCT sha1, sha256 FROM images
           WHERE sha1 IS NOT NULL AND sha256 IN (SELECT sha256 FROM takedowns) ORDER BY ALL"""
    ).fetchall()


def images_by_creator(con: Connection, name: str) -> list[str]:
    """The sha256 of all bytes that any source credited to `name`, whatever its case and outer blanks, in order."""
    return _digests(con, "lower(trim(creator)) = lower(trim(?))", [name])


def images_by_creator_url(con: Connection, url: str) -> list[str]:
    """The sha256 of all bytes credited to the creator whose page is `url`, in order."""
    return _digests(con, "rtrim(creator_url, '/') = rtrim(?, '/')", [url])


def images_by_url(con: Connection, url: str) -> list[str]:
    """The sha256 of all bytes that were met at `url`, on the page `url`, or behind a redirect to it, in order."""
    return _digests(con, "image_url = $1 OR page_url = $1 OR raw->>'redirected_to' = $1", [url])


def images_by_digest(con: Connection, prefix: str) -> dict[str, str]:
    """By sha256 of the bytes as served, what begins with `prefix`: they, or a file that was made of them."""
    rows = con.execute(
        """SELECT sha256, min(what) FROM (
               SELECT sha256, '' AS what FROM images WHERE starts_with(sha256, $1)
               UNION SELECT sha256, '' FROM sightings WHERE starts_with(sha256, $1)
               UNION SELECT sha256, 'a size of it' FROM derived WHERE starts_with(derived_sha256, $1)
               UNION SELECT sha256, 'a variant of it' FROM augmented_rows WHERE starts_with(derived_sha256, $1)
               UNION SELECT sha256, 'an exported file of it' FROM export_rows WHERE starts_with(derived_sha256, $1)
           ) GROUP BY sha256 ORDER BY sha256""",
        [prefix.lower()],
    ).fetchall()
    return dict(rows)


def images_named(con: Connection, sha256s: Collection[str]) -> dict[str, HeldImage]:
    """What is known of these bytes, by sha256, in order; what nobody met and nobody holds is not in the answer."""
    rows = con.execute(
        """SELECT sha256, path, phash, phash_version, title, creator, page_url, image_url FROM (
               SELECT * FROM sightings WHERE sha256 IN (SELECT unnest(?))
               QUALIFY row_number() OVER (
                   PARTITION BY sha256 ORDER BY outcome NOT IN ('stored', 'known', 'unchanged'), creator IS NULL,
                       title IS NULL, page_url IS NULL, source, source_id, image_url, run_id, seq) = 1
           ) FULL JOIN (SELECT sha256, path, phash, phash_version FROM images WHERE sha256 IN (SELECT unnest(?)))
           USING (sha256) ORDER BY sha256""",
        [list(sha256s), list(sha256s)],
    ).fetchall()
    names = tuple(HeldImage.__dataclass_fields__)
    return {row[0]: HeldImage(**dict(zip(names, row, strict=True))) for row in rows}


def near_images(con: Connection, sha256s: Collection[str], bits: int) -> list[tuple[str, str, int]]:
    """(sha256, of which, bits of 64) for the images here that may be near copies of these, `sha256s` left out."""
    return _near(
        con,
        "SELECT sha256, phash, phash_version FROM images WHERE sha256 IN (SELECT unnest($seeds))",
        {"seeds": list(sha256s), "bits": bits},
    )


def near_prints(con: Connection, sha256: str, phash: int, version: str, bits: int) -> list[tuple[str, str, int]]:
    """`near_images` of a picture that need not be in the ledger."""
    seed = "SELECT unnest($seeds) AS sha256, $phash::UBIGINT AS phash, $version AS phash_version"
    return _near(con, seed, {"seeds": [sha256], "phash": phash, "version": version, "bits": bits})


def copies_by_dedupe(con: Connection, sha256s: Collection[str]) -> list[tuple[str, str, str]]:
    """(sha256, of which, by what method) for the direct copies of these that the dedupe in force found.

    Two members of a group are direct copies where one of them is the group's keeper.
    """
    rows: list[Any] = con.execute(
        """SELECT other.sha256, min(mine.sha256), min(other.method)
           FROM duplicates mine JOIN duplicates other USING (group_id)
           WHERE mine.sha256 IN (SELECT unnest($1)) AND other.sha256 NOT IN (SELECT unnest($1))
               AND (mine.keeper OR other.keeper)
           GROUP BY other.sha256 ORDER BY other.sha256""",
        [list(sha256s)],
    ).fetchall()
    return rows


def evidence_records(con: Connection, sha256s: Collection[str]) -> dict[str, frozenset[str]]:
    """By run, in order, the ids of the WARC records that brought these bytes; the same run may hold them again."""
    rows = con.execute(
        f"""SELECT regexp_extract(ref.file, '^evidence/([^/]+)/', 1) AS run, list(DISTINCT ref.record) FROM (
               SELECT unnest(from_json(evidence, '{_REFERENCES}')) AS ref
               FROM sightings WHERE sha256 IN (SELECT unnest(?)) AND json_array_length(evidence) > 0
           ) WHERE ref.role = 'image' AND run <> '' GROUP BY run ORDER BY run""",
        [list(sha256s)],
    ).fetchall()
    return {run: frozenset(records) for run, records in rows}


def _digests(con: Connection, condition: str, parameters: list[str]) -> list[str]:
    rows = con.execute(
        f"SELECT DISTINCT sha256 FROM sightings WHERE sha256 IS NOT NULL AND ({condition}) ORDER BY sha256", parameters
    ).fetchall()
    return [sha256 for (sha256,) in rows]


def _near(con: Connection, seeds: str, parameters: dict[str, Any]) -> list[tuple[str, str, int]]:
    return con.execute(
        f"""SELECT sha256, arg_min(of_which, (bits, of_which)), min(bits) FROM (
                SELECT other.sha256, mine.sha256 AS of_which, bit_count(xor(mine.phash, other.phash)) AS bits
                FROM ({seeds}) mine JOIN images_here other
                    ON mine.phash_version = other.phash_version AND bit_count(xor(mine.phash, other.phash)) <= $bits
                WHERE other.sha256 NOT IN (SELECT unnest($seeds))
            ) GROUP BY sha256 ORDER BY sha256""",
        parameters,
    ).fetchall()
