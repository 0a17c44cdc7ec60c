"""Groups of copies with all that a person needs to judge them: pictures, figures, terms, the reason of the choice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from harvest.errors import CheckFailed
from harvest.ledger import Connection, latest_stage

__all__ = ["CopyGroup", "CopyReport", "Member", "copy_report"]

_MEMBERS = """
    WITH grouped AS (
        SELECT d.* EXCLUDE (stage_run) FROM duplicate_rows d WHERE stage_run = $stage_run
    ), met AS (
        SELECT sha256, list(DISTINCT coalesce(license, 'unknown') ORDER BY coalesce(license, 'unknown')) AS licences,
               count(DISTINCT (source, image_url)) AS places
        FROM sightings SEMI JOIN grouped USING (sha256)
        WHERE outcome IN ('stored', 'known', 'unchanged') GROUP BY sha256
    )
    SELECT g.group_id, g.sha256, g.keeper, g.kind, g.method, g.distance, g.threshold, g.reason,
           i.width, i.height, i.format, i.bytes, i.path,
           p.source, p.title, p.creator, p.license, p.page_url, p.image_url,
           coalesce(p.published_at, p.taken_at, p.captured_at) AS date,
           coalesce(m.licences, []) AS licences, coalesce(m.places, 0) AS places
    FROM grouped g JOIN images i USING (sha256) LEFT JOIN provenance p USING (sha256) LEFT JOIN met m USING (sha256)
    ORDER BY g.group_id, g.keeper DESC, g.distance, g.sha256"""
_REVIEWED = "SELECT count(*) FROM reviews_in_force WHERE name = ? AND stage = 'dedupe'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One copy. `distance` and `threshold` are in the unit of `method`, as in the ledger's view `duplicates`.

    `path` is the original, relative to the workspace. `licences` are those of all its sightings, `unknown` among
    them where one had none; `places` is how many addresses it was met at.
    """

    group_id: str
    sha256: str
    keeper: bool
    kind: str
    method: str
    distance: float
    threshold: float
    reason: str | None
    width: int
    height: int
    format: str
    bytes: int
    path: str
    source: str | None
    title: str | None
    creator: str | None
    license: str | None
    page_url: str | None
    image_url: str | None
    date: str | None
    licences: tuple[str, ...]
    places: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyGroup:
    """Copies of one picture, the kept one first."""

    id: str
    members: tuple[Member, ...]

    @property
    def licences(self) -> tuple[str, ...]:
        """Every licence under which any of the copies was met."""
        return tuple(sorted({name for member in self.members for name in member.licences}))

    @property
    def doubt(self) -> float:
        """How near to being no copy the farthest is: 0 for equal ones, 1 at the threshold."""
        return max((one.distance / one.threshold if one.threshold else 0.0 for one in self.members), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyReport:
    """The newest dedupe of a recipe; the most doubtful groups first."""

    name: str
    made_at: datetime
    deduplicated_at: str
    images: int
    groups: tuple[CopyGroup, ...]
    reviews: int

    @property
    def dropped(self) -> int:
        """How many copies are left out."""
        return sum(not member.keeper for group in self.groups for member in group.members)

    @property
    def conflicts(self) -> tuple[CopyGroup, ...]:
        """The groups whose copies were met under different licences."""
        return tuple(group for group in self.groups if len(group.licences) > 1)

    @property
    def methods(self) -> Mapping[str, int]:
        """How many copies each method found."""
        found: dict[str, int] = {}
        for member in (one for group in self.groups for one in group.members if not one.keeper):
            found[member.method] = found.get(member.method, 0) + 1
        return dict(sorted(found.items()))


def copy_report(con: Connection, name: str) -> CopyReport:
    """The groups in force of the recipe called `name`. Raises CheckFailed when dedupe has not run for it."""
    stage = latest_stage(con, "dedupe", name)
    if stage is None:
        raise CheckFailed(f"nothing was deduplicated for the recipe {name!r} yet; `harvest dedupe` does it")
    answer = con.execute(_MEMBERS, {"stage_run": stage.stage_run})
    members = list(_members(answer.fetchall()))
    groups = [
        CopyGroup(id=key, members=tuple(found)) for key, found in itertools.groupby(members, lambda one: one.group_id)
    ]
    ((reviews,),) = con.execute(_REVIEWED, [name]).fetchall()
    return CopyReport(
        name=name,
        made_at=datetime.now(UTC),
        deduplicated_at=stage.finished_at,
        images=int(stage.detail.get("images", 0)),
        groups=tuple(sorted(groups, key=lambda group: (-group.doubt, group.id))),
        reviews=reviews,
    )


def _members(rows: Sequence[tuple[Any, ...]]) -> Iterator[Member]:
    names = [field.name for field in fields(Member)]
    for row in rows:
        values = dict(zip(names, row, strict=True))
        yield Member(**{**values, "licences": tuple(values["licences"])})
