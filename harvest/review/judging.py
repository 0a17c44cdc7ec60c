"""Pictures to be judged one after another, on a page that needs nothing but itself and saves what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from harvest.ledger import CatalogueRow, Connection, catalogued, open_ledger
from harvest.reports import ReportFiles, Thumbnails, moment, render, write_report
from harvest.workspace import Workspace

__all__ = ["Suggestion", "write_judging_page"]

_SHARPNESS = ((24, 720), (60, 512), (120, 384))  # up to so many pictures, so many pixels each: the page stays portable
_LEAST_PX = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """An image that somebody should judge, and why this one.

    `probability` is how likely, as far as it was learned, that it is kept: 0 to 1, None where nothing was learned yet.
    """

    sha256: str
    probability: float | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown(CatalogueRow):
    """A suggestion with what is known of its image."""

    probability: float | None
    reason: str


def write_judging_page(workspace: Workspace, recipe_name: str, suggestions: Sequence[Suggestion]) -> ReportFiles:
    """Write reports/judge-<UTC time>.html and .json: the suggestions, in their order, to be kept or dropped by key,
    button or swipe. What was taken down meanwhile is left out.

    The page saves verdicts.json: {recipe, stage: "filter", verdicts: [{verdict: keep | drop, sha256}]}, which
    `harvest review RECIPE --of filter --from verdicts.json` takes.
    """
    with open_ledger(workspace) as con:
        shown = _shown(con, suggestions)
    made_at = datetime.now(UTC)
    px = next((px for count, px in _SHARPNESS if len(shown) <= count), _LEAST_PX)
    content = {
        "recipe": recipe_name,
        "stage": "filter",
        "made_at": moment(made_at),
        "suggestions": [asdict(one) for one in shown],
    }

    def page(json_name: str) -> str:
        values = {
            "recipe": recipe_name,
            "moment": moment(made_at),
            "shown": shown,
            "json_name": json_name,
            "picture": Thumbnails(workspace, px=px, most=len(shown)),
        }
        return render("harvest.review", "judging", values)

    return write_report(workspace, "judge", made_at, content, page)


def _shown(con: Connection, suggestions: Sequence[Suggestion]) -> list[_Shown]:
    known = catalogued(con, [one.sha256 for one in suggestions])
    return [
        _Shown(**asdict(known[one.sha256]), probability=one.probability, reason=one.reason)
        for one in suggestions
        if one.sha256 in known
    ]
