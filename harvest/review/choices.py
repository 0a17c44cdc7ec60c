"""What the filters of a recipe did: what each removed, and only it, by which numbers, and what lies at its cuts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from harvest.ledger import Connection, catalogued, latest_stage, reviews
from harvest.review.choices_fates import Fates, Overlap, fates
from harvest.review.choices_numbers import Bound, Scale, scales
from harvest.review.choices_reasons import Reason, reasons

__all__ = ["Choice", "ChoiceReport", "Judging", "Picture", "Said", "choice_report"]

_DEDUPE, _FILTER = "dedupe", "filter"
_OVERLAPS = 14
_REASONS = 12
_ROOMY = 7  # filters up to which each is shown with all its pictures; with more, each has fewer

_ASKED = "SELECT unnest($stages) AS stage, unnest($digests) AS recipe_digest, unnest(range(len($stages))) AS number"
_SAID = f"""
    SELECT sha256, stage, verdict, reason FROM decisions JOIN ({_ASKED}) USING (stage, recipe_digest)
    WHERE sha256 IN (SELECT unnest($sha256s)) ORDER BY sha256, number"""  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """A filter of a recipe, and where its decisions are.

    `settings` are those that the recipe gives it, `parameters` all that it has. `bounds` are for filters that judge by
    columns of `images`. `has_one_number` says that all numbers by which it decided measure the same.
    """

    stage: str
    digest: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    bounds: tuple[Bound, ...] = ()
    has_one_number: bool = True

    @property
    def name(self) -> str:
        """The filter's name in the recipe, numbered where it stands there again."""
        return self.stage.removeprefix("filter.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What one filter did. `only` is how many images it dropped that nothing else drops.

    `detail` is what it noted of how it judged a whole set: how a threshold was found.
    """

    judging: Judging
    kept: int
    dropped: int
    only: int
    only_samples: tuple[str, ...]
    reasons: tuple[Reason, ...]
    kinds_of_reasons: int
    scales: tuple[Scale, ...]
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One stage's verdict on one image."""

    stage: str
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image that the report shows; `path` is the original, relative to the workspace."""

    sha256: str
    path: str
    width: int
    height: int
    title: str | None
    creator: str | None
    license: str | None
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceReport:
    """The filters of a recipe over all images that are here.

    `copies` is how many dedupe left out, `only_copies` how many of them no filter drops; `open` is how many nothing
    drops and some stage has not judged yet. `reviewed` counts verdicts by people. `overlaps` are the most frequent;
    `more_overlaps` says how many others there are.
    """

    name: str
    made_at: datetime
    images: int
    copies: int
    only_copies: int
    chosen: int
    open: int
    reviewed: Mapping[str, int]
    choices: tuple[Choice, ...]
    overlaps: tuple[Overlap, ...]
    more_overlaps: int
    chosen_samples: tuple[str, ...]
    pictures: Mapping[str, Picture]

    @property
    def filtered(self) -> int:
        """How many images filters drop that are no copies."""
        return self.images - self.copies - self.chosen - self.open


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    """How many pictures there are of each kind."""

    quantiles: int = 9
    beside_cuts: int = 6
    only: int = 12
    reasons: int = 4
    chosen: int = 36

    @classmethod
    def among(cls, filters: int) -> Self:
        """Enough for few filters, less for each of many."""
        return cls() if filters <= _ROOMY else cls(beside_cuts=4, only=6, reasons=2, chosen=24)


def choice_report(
    con: Connection, name: str, judgings: Sequence[Judging], *, dedupe_digest: str | None = None
) -> ChoiceReport:
    """What stands in the ledger about the filters `judgings` of the recipe called `name`.

    Counting is done by the ledger; what comes here is a number and a name for each image and axis, one axis at a time.
    """
    room = _Room.among(len(judgings))
    digests = ({_DEDUPE: dedupe_digest} if dedupe_digest else {}) | {one.stage: one.digest for one in judgings}
    found = fates(con, digests, samples=room.chosen)
    choices = tuple(_choice(con, name, one, found, room) for one in judgings)
    shown = {*found.chosen.sha256s, *(sha256 for one in choices for sha256 in _shown(one))}
    return ChoiceReport(
        name=name,
        made_at=datetime.now(UTC),
        images=found.images,
        copies=found.dropped.get(_DEDUPE, 0),
        only_copies=found.only(_DEDUPE).images,
        chosen=found.chosen.images,
        open=found.open,
        reviewed=_reviewed(con, name),
        choices=choices,
        overlaps=found.overlaps[:_OVERLAPS],
        more_overlaps=len(found.overlaps[_OVERLAPS:]),
        chosen_samples=found.chosen.sha256s,
        pictures=_pictures(con, shown, digests),
    )


def _choice(con: Connection, name: str, judging: Judging, found: Fates, room: _Room) -> Choice:
    axes = scales(
        con,
        stage=judging.stage,
        digest=judging.digest,
        names=(judging.settings, judging.parameters),
        bounds=judging.bounds,
        has_one_number=judging.has_one_number,
        quantiles=room.quantiles,
        beside_cuts=room.beside_cuts,
    )
    why, kinds = reasons(con, stage=judging.stage, digest=judging.digest, most=_REASONS, samples=room.reasons)
    only, last = found.only(judging.stage), latest_stage(con, judging.stage, name)
    beside_cuts = {one.sha256 for axis in axes for strip in axis.strips for one in (*strip.below, *strip.above)}
    fresh = sorted(only.sha256s, key=lambda sha256: (sha256 in beside_cuts, sha256))
    return Choice(
        judging=judging,
        kept=found.kept[judging.stage],
        dropped=found.dropped[judging.stage],
        only=only.images,
        only_samples=tuple(fresh[: room.only]),
        reasons=why,
        kinds_of_reasons=kinds,
        scales=axes,
        detail=last.detail if last and last.recipe_digest == judging.digest else {},
    )


def _shown(choice: Choice) -> Iterator[str]:
    yield from choice.only_samples
    for reason in choice.reasons:
        yield from reason.sha256s
        if reason.named:
            yield reason.named
    for axis in choice.scales:
        for some in (axis.quantiles, *(part for strip in axis.strips for part in (strip.below, strip.above))):
            yield from (one.sha256 for one in some)


def _pictures(con: Connection, sha256s: Collection[str], digests: Mapping[str, str]) -> dict[str, Picture]:
    said: dict[str, list[Said]] = {}
    asked = {"sha256s": sorted(sha256s), "stages": list(digests), "digests": list(digests.values())}
    for sha256, stage, verdict, reason in con.execute(_SAID, asked).fetchall() if digests else ():
        said.setdefault(sha256, []).append(Said(stage=stage, verdict=verdict, reason=reason))
    return {
        sha256: Picture(
            sha256=sha256,
            path=row.path,
            width=row.width,
            height=row.height,
            title=row.title,
            creator=row.creator,
            license=row.license,
            said=tuple(said.get(sha256, ())),
        )
        for sha256, row in sorted(catalogued(con, sha256s).items())
    }


def _reviewed(con: Connection, name: str) -> dict[str, int]:
    counts = {"keep": 0, "drop": 0}
    for row in reviews(con, name, _FILTER):
        counts[row.verdict] = counts.get(row.verdict, 0) + 1
    return counts
