"""What is true of a set of images as a whole: asked before a set is handed on."""

# ruff: noqa: S608 - what is put into the SQL are constants of this module
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest.ledger.transactions import Connection, registered
from harvest.ledger.verdicts import images_among

__all__ = ["OF_SET", "SetFacts", "SplitFacts", "set_facts", "set_of", "split_facts", "table_of_set"]

OF_SET = "SEMI JOIN chosen USING (sha256)"
# Width and height of what is left of an original in a copy of it.
_LEFT = {
    None: "width::BIGINT AS width, height::BIGINT AS height",
    "crop": "least(width, height, $size)::BIGINT AS width, least(width, height, $size)::BIGINT AS height",
    "whole": """round(width * least(1, $size / greatest(width, height)))::BIGINT AS width,
                round(height * least(1, $size / greatest(width, height)))::BIGINT AS height""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFacts:
    """Numbers of a set of images.

    `licenses` counts by licence, None for unknown; `creator` is whoever made the most, `by_creator` how many. `small`
    have less than was asked of their original; `smallest` is the least of those, width by height. `uncaptioned` lack
    words of their own.
    """

    images: int
    licenses: Mapping[str | None, int]
    creator: str | None
    by_creator: int
    small: int
    smallest: tuple[int, int] | None
    uncaptioned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFacts:
    """How many images of a set are in which part of its recipe's split, how many in none, and how many have a copy in
    another part than their own.
    """

    parts: Mapping[str, int]
    outside: int
    leaking: int


def set_of(
    con: Connection,
    digests: Mapping[str, str],
    *,
    size: int | None = None,
    size_digest: str | None = None,
    parts_of: tuple[str, Sequence[str]] | None = None,
) -> NDArray[np.bytes_]:
    """The sha256s, (n,) of 64 bytes, in order, that every stage of `digests` (stage -> recipe_digest) keeps.

    With `size`, only those that have a copy of so many pixels: one of `size_digest`, or any. With `parts_of`, a
    recipe's name and parts of its split, only those in one of these parts, or all where none is given.
    """
    kept = images_among(con, kept_by=digests, not_dropped_by={})
    if parts_of is not None and parts_of[1]:
        inside = con.execute(
            "SELECT sha256 FROM splits WHERE name = ? AND split IN (SELECT unnest(?))", [parts_of[0], list(parts_of[1])]
        ).fetchall()
        kept = np.intersect1d(kept, np.asarray([sha256 for (sha256,) in inside], dtype="S64"))
    if size is None:
        return kept
    with registered(con, "chosen", table_of_set(kept)):
        column = (
            con.sql(
                f"""SELECT DISTINCT sha256 FROM derived {OF_SET}
                    WHERE size = $size AND recipe_digest = coalesce($digest, recipe_digest) ORDER BY sha256""",
                params={"size": size, "digest": size_digest},
            )
            .to_arrow_table()
            .column("sha256")
        )
    return np.asarray(column.to_numpy(), dtype="S64")


def set_facts(
    con: Connection,
    sha256s: NDArray[np.bytes_],
    *,
    px: int = 0,
    by_area: bool = False,
    copies: tuple[int, str | None] | None = None,
    captions: str | None = None,
) -> SetFacts:
    """Numbers of the images `sha256s`, (n,).

    An image is small whose shorter side has fewer than `px` pixels; `by_area`, one that has fewer than px * px in all.
    With `copies`, a size in pixels and the recipe digest of its rows, it is what such a copy keeps of it that counts,
    however much a copy was enlarged. `captions` names the recipe whose captions count, '' the titles that images have
    at their source, and None asks for none.
    """
    least = "width * height" if by_area else "least(width, height)"
    bound, mode = px * px if by_area else px, _mode_of(con, *copies) if copies else None
    with registered(con, "chosen", table_of_set(sha256s)):
        ((images, small, smallest),) = con.execute(
            f"""SELECT count(*), count(*) FILTER ({least} < $bound),
                       arg_min([width, height], ({least}, sha256)) FILTER ({least} < $bound)
                FROM (SELECT sha256, {_LEFT[mode]} FROM images {OF_SET})""",
            {"bound": bound, **({"size": copies[0]} if copies and mode else {})},
        ).fetchall()
        origins = con.sql(
            f"""SELECT license, nullif(trim(creator), '') AS creator, coalesce(trim(title), '') = '' AS untitled,
                       count(*) AS images
                FROM provenance {OF_SET} GROUP BY ALL"""
        ).to_arrow_table()
        uncaptioned = 0
        if captions:
            ((captioned,),) = con.execute(
                f"SELECT count(*) FROM captions {OF_SET} WHERE name = $name AND trim(caption) <> ''",
                {"name": captions},
            ).fetchall()
            uncaptioned = images - captioned
        with registered(con, "origins", origins):
            licenses = con.execute("SELECT license, sum(images)::BIGINT FROM origins GROUP BY license").fetchall()
            most = con.execute(
                """SELECT creator, sum(images)::BIGINT AS n FROM origins WHERE creator IS NOT NULL
                   GROUP BY creator ORDER BY n DESC, creator LIMIT 1"""
            ).fetchall()
            if captions == "":
                ((titled,),) = con.execute(
                    "SELECT coalesce(sum(images), 0)::BIGINT FROM origins WHERE NOT untitled"
                ).fetchall()
                uncaptioned = images - titled
    creator, by_creator = most[0] if most else (None, 0)
    return SetFacts(
        images=images,
        licenses=dict(sorted(licenses, key=lambda row: (row[0] is None, row[0] or ""))),
        creator=creator,
        by_creator=by_creator,
        small=small,
        smallest=tuple(smallest) if smallest else None,
        uncaptioned=uncaptioned,
    )


def _mode_of(con: Connection, size: int, digest: str | None) -> str | None:
    """How the copies of a size were made: a key of _LEFT."""
    rows = con.execute(
        "SELECT mode FROM derived WHERE size = ? AND recipe_digest = coalesce(?, recipe_digest) LIMIT 1", [size, digest]
    ).fetchall()
    return ("crop" if rows[0][0] == "crop" else "whole") if rows else None


def split_facts(con: Connection, sha256s: NDArray[np.bytes_], recipe: str) -> SplitFacts | None:
    """How the split of `recipe` divides the images `sha256s`, (n,); None where it has none.

    Copies of each other are what its dedupe put into one group, whether it kept them or not.
    """
    ((is_split,),) = con.execute("SELECT EXISTS (FROM splits WHERE name = ?)", [recipe]).fetchall()
    if not is_split:
        return None
    with registered(con, "chosen", table_of_set(sha256s)):
        parts = con.execute(
            f"SELECT split, count(*) FROM splits {OF_SET} WHERE name = ? GROUP BY split ORDER BY split", [recipe]
        ).fetchall()
        ((leaking,),) = con.execute(
            """SELECT coalesce(sum(images), 0)::BIGINT FROM (
                    SELECT count(*) FILTER (sha256 IN (SELECT sha256 FROM chosen)) AS images
                    FROM duplicate_rows JOIN (SELECT sha256, split FROM splits WHERE name = $name) USING (sha256)
                    WHERE stage_run IN (
                        SELECT stage_run FROM latest_stage_runs WHERE stage = 'dedupe' AND name = $name
                    ) GROUP BY group_id HAVING count(DISTINCT split) > 1
                )""",
            {"name": recipe},
        ).fetchall()
    return SplitFacts(parts=dict(parts), outside=len(sha256s) - sum(count for _, count in parts), leaking=leaking)


def table_of_set(sha256s: NDArray[np.bytes_]) -> pa.Table:
    """The sha256s, (n,), as the column of a table that statements may read."""
    return pa.table({"sha256": pa.array(sha256s).cast(pa.string())})
