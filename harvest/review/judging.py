"""Pictures to be judged one after another, on a page that needs nothing but itself and saves what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from harvest.ledger import Connection, open_ledger
from harvest.reports import ReportFiles, Thumbnails, render, write_report
from harvest.workspace import Workspace

__all__ = ["Suggestion", "write_judging_page"]

_SHARPNESS = ((24, 720), (60, 512), (120, 384))  # up to so many pictures, so many pixels each: the page stays portable
_LEAST_PX = 256
_SHOWN = """
    SELECT sha256, i.path, i.width, i.height, p.title, p.creator, p.license, p.source, p.page_url
    FROM images_here i LEFT JOIN provenance p USING (sha256) WHERE sha256 IN (SELECT unnest(?))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """An image that somebody should judge, and why this one.

    `probability` is how likely, as far as it was learned, that it is kept: 0 to 1, None where nothing was learned yet.
    """

    sha256: str
    probability: float | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A suggestion with what is known of its image."""

    sha256: str
    path: str
    width: int
    height: int
    title: str | None
    creator: str | None
    license: str | None
    source: str | None
    page_url: str | None
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
    moment = made_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    px = next((px for count, px in _SHARPNESS if len(shown) <= count), _LEAST_PX)
    content = {
        "recipe": recipe_name,
        "stage": "filter",
        "made_at": moment,
        "suggestions": [asdict(one) for one in shown],
    }

    def page(json_name: str) -> str:
        values = {
            "recipe": recipe_name,
            "moment": moment,
            "shown": shown,
            "json_name": json_name,
            "picture": Thumbnails(workspace, px=px, most=len(shown)),
        }
        return render("harvest.review", "judging", values)

    return write_report(workspace, "judge", made_at, content, page)


def _shown(con: Connection, suggestions: Sequence[Suggestion]) -> list[_Shown]:
    answer = con.execute(_SHOWN, [[one.sha256 for one in suggestions]])
    names = [column[0] for column in answer.description or ()]
    known = {row[0]: dict(zip(names, row, strict=True)) for row in answer.fetchall()}
    return [
        _Shown(**known[one.sha256], probability=one.probability, reason=one.reason)
        for one in suggestions
        if one.sha256 in known
    ]
