"""Near copies within a set of images, and images that lie beside it and are none of it."""

# ruff: noqa: S608 - what is put into the SQL are constants of this module
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest.ledger.sets import OF_SET, table_of_set
from harvest.ledger.transactions import Connection, registered
from harvest.ledger.verdicts import images_among

__all__ = ["NearFacts", "beside_set", "near_within"]

_SHOWN = 3
# Values that differ in at most 3 bits agree in at least one of 4 bands of 16.
_MOST_BITS = 3
_BANDS = """
    SELECT value, version, band, (value >> (band * 16)) & 65535 AS key
    FROM hashes, (SELECT unnest([0, 1, 2, 3]) AS band)"""
_COMPARED = 1 << 22  # hashes at once, so that they take some tens of megabytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NearFacts:
    """How many images of a set have a near copy in it, in how many groups, and some of them, by sha256."""

    images: int
    groups: int
    examples: tuple[str, ...]


def near_within(con: Connection, sha256s: NDArray[np.bytes_], *, recipe: str, bits: int | None) -> NearFacts:
    """Near copies left within the images `sha256s`, (n,).

    They are members of one group of copies of the dedupe of `recipe`; with `bits`, 0 to 3, also pictures whose hashes
    differ by no more than so many of 64.
    """
    if bits is not None and not 0 <= bits <= _MOST_BITS:
        raise ValueError(f"bands find hashes at most {_MOST_BITS} bits apart, not {bits}")
    with registered(con, "chosen", table_of_set(sha256s)):
        rows = con.execute(
            f"""SELECT count(*), list(sha256 ORDER BY sha256) FROM duplicate_rows {OF_SET}
                WHERE stage_run IN (
                    SELECT stage_run FROM latest_stage_runs WHERE stage = 'dedupe' AND name = $name
                ) GROUP BY group_id HAVING count(*) > 1 ORDER BY min(sha256)""",
            {"name": recipe},
        ).fetchall()
        groups = [(count, members) for count, members in rows]
        if bits is not None:
            groups += _near_hashes(con, bits)
    examples = [member for _, members in groups for member in members[:2]]
    return NearFacts(
        images=sum(count for count, _ in groups), groups=len(groups), examples=tuple(examples[: 2 * _SHOWN])
    )


def _near_hashes(con: Connection, bits: int) -> list[tuple[int, list[str]]]:
    """(how many images, some of them) for each group whose hashes hang together, each within `bits` of another one."""
    hashes = con.sql(
        f"""SELECT phash AS value, phash_version AS version, count(*) AS images, min(sha256) AS sha256,
                   max(sha256) AS last
            FROM images {OF_SET} GROUP BY ALL"""
    ).to_arrow_table()
    with registered(con, "hashes", hashes):
        same = con.execute("SELECT version, value, images, sha256, last FROM hashes WHERE images > 1").fetchall()
        near = con.execute(
            f"""WITH bands AS ({_BANDS}),
                pairs AS (
                    SELECT DISTINCT one.value, other.value AS near, version
                    FROM bands one JOIN bands other USING (version, band, key)
                    WHERE one.value < other.value AND bit_count(xor(one.value, other.value)) <= $bits
                )
                SELECT version, a.value, a.images, a.sha256, b.value, b.images, b.sha256
                FROM pairs JOIN hashes a USING (value, version)
                JOIN hashes b ON b.value = near AND b.version = a.version""",
            {"bits": bits},
        ).fetchall()
    return _groups(same, near)


def _groups(same: Sequence[tuple[Any, ...]], near: Sequence[tuple[Any, ...]]) -> list[tuple[int, list[str]]]:
    """Hashes that several images have, and pairs of near ones, put together where they share one."""
    group_of: dict[tuple[str, int], dict[tuple[str, int], tuple[int, list[str]]]] = {}
    for version, value, count, first, last in same:
        group_of[version, value] = {(version, value): (count, [first, last])}
    for version, one, images, sha256, other, others, its in near:
        ends = (((version, one), (images, [sha256])), ((version, other), (others, [its])))
        mine, theirs = (group_of.setdefault(key, {key: held}) for key, held in ends)
        if mine is not theirs:
            small, large = sorted((mine, theirs), key=len)
            large.update(small)
            group_of.update(dict.fromkeys(small, large))
    found = {id(group): group for group in group_of.values()}.values()
    told = [
        (sum(count for count, _ in group.values()), sorted(name for _, names in group.values() for name in names))
        for group in found
    ]
    return sorted(told, key=lambda group: group[1])


def beside_set(
    con: Connection,
    sha256s: NDArray[np.bytes_],
    *,
    kept_by: Mapping[str, str],
    among: Collection[str] | None,
    dropped_by: Mapping[str, str],
    bits: int,
    count: int,
    seed: int,
) -> list[str]:
    """At most `count` images that are not among `sha256s`, (n,), by sha256 in order.

    Every stage of `kept_by` (stage -> recipe_digest) keeps them. They are of those in `among`; without it, at least one
    stage of `dropped_by` drops them. None is in a group of copies with one of `sha256s`, nor within `bits` of 64 of its
    hash. `seed` decides which ones of more than `count` they are, and more of them at another count keep these.
    """
    kept = images_among(con, kept_by=kept_by, not_dropped_by={})
    others = np.setdiff1d(kept, sha256s)
    if among is not None:
        others = np.intersect1d(others, np.asarray(sorted(among), dtype="S64"))
    with registered(con, "chosen", table_of_set(sha256s)), registered(con, "others", table_of_set(others)):
        hashes = con.sql(
            "SELECT DISTINCT phash_version AS version, phash AS value FROM images SEMI JOIN chosen USING (sha256)"
        )
        taken = hashes.to_arrow_table()
        candidates = con.sql(
            """SELECT i.sha256, i.phash_version AS version, i.phash AS value
               FROM images i SEMI JOIN others USING (sha256)
               SEMI JOIN (
                   SELECT sha256 FROM others WHERE $anyhow
                   UNION ALL
                   SELECT sha256 FROM decisions
                   JOIN (SELECT unnest($stages) AS stage, unnest($digests) AS recipe_digest)
                       USING (stage, recipe_digest)
                   WHERE verdict = 'drop'
               ) AS eligible USING (sha256)
               ANTI JOIN (
                   SELECT other.sha256 FROM duplicates mine SEMI JOIN chosen USING (sha256)
                   JOIN duplicates other USING (group_id)
               ) AS copies USING (sha256)
               ORDER BY sha256($seed || i.sha256)""",
            params={
                "stages": list(dropped_by.keys()),
                "digests": list(dropped_by.values()),
                "anyhow": among is not None,
                "seed": f"{seed}:",
            },
        ).to_arrow_table()
    found: list[str] = []
    length = max(1, _COMPARED // (len(taken) or 1))
    for first in range(0, len(candidates), length):
        block = candidates.slice(first, length)
        names = np.asarray(block.column("sha256").to_pylist())
        found += names[~_is_near(block, taken, bits)].tolist()
        if len(found) >= count:
            break
    return sorted(found[:count])


def _is_near(block: pa.Table, taken: pa.Table, bits: int) -> NDArray[np.bool_]:
    """For each hash of `block`, whether one of `taken` of the same version is within `bits` of it."""
    near = np.zeros(len(block), bool)
    versions, of_taken = (np.asarray(table.column("version").to_pylist(), dtype=object) for table in (block, taken))
    values, others = (table.column("value").to_numpy().astype(np.uint64) for table in (block, taken))
    for version in set(versions):
        here = versions == version
        apart = np.bitwise_count(values[here, None] ^ others[None, of_taken == version])
        near[here] = (apart <= bits).any(axis=1)
    return near
