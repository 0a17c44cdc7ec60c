"""What filters did, as one HTML page that needs nothing but itself, and as JSON with the same content."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import yaml

from harvest.ledger import open_ledger
from harvest.progress import Progress
from harvest.reports import ReportFiles, Thumbnails, moment, render, write_report
from harvest.review.choices import Choice, ChoiceReport, Judging, choice_report
from harvest.review.choices_reasons import Reason
from harvest.workspace import Workspace

__all__ = ["choices_to_json", "write_choice_report"]

_PICTURES = 320
_SHARPNESS = ((160, 144), (240, 120))  # up to so many pictures, so many pixels each: one to two megabytes
_LEAST_PX = 104
_SETTINGS = 360  # characters of a filter's settings on the page


def write_choice_report(
    workspace: Workspace,
    name: str,
    judgings: Sequence[Judging],
    *,
    dedupe_digest: str | None,
    progress: Progress,
) -> tuple[ChoiceReport, ReportFiles]:
    """Write reports/filter-<UTC time>.html and .json of the decisions of these filters of the recipe called `name`."""
    with open_ledger(workspace) as con:
        report = choice_report(con, name, judgings, dedupe_digest=dedupe_digest)
    px = next((px for count, px in _SHARPNESS if len(report.pictures) <= count), _LEAST_PX)
    thumbnails = Thumbnails(workspace, px=px, most=_PICTURES)
    with progress.start("thumbnails", min(len(report.pictures), _PICTURES)) as task:
        made: dict[str, str] = {}
        for sha256, picture in report.pictures.items():
            if uri := thumbnails(picture.path):
                made[sha256] = uri
            task.advance()
    files = write_report(
        workspace, "filter", report.made_at, choices_to_json(report), lambda json_name: _page(report, made, json_name)
    )
    return report, files


def choices_to_json(report: ChoiceReport) -> dict[str, Any]:
    """The whole report as JSON values."""
    return {
        "recipe": report.name,
        "made_at": moment(report.made_at),
        "images": report.images,
        "copies": report.copies,
        "only_copies": report.only_copies,
        "removed_by_filters": report.filtered,
        "chosen": report.chosen,
        "not_judged_yet": report.open,
        "reviews": dict(report.reviewed),
        "filters": [_choice(choice) for choice in report.choices],
        "overlaps": [asdict(overlap) for overlap in report.overlaps],
        "more_overlaps": report.more_overlaps,
        "chosen_samples": list(report.chosen_samples),
        "pictures": {sha256: asdict(picture) for sha256, picture in report.pictures.items()},
    }


def _choice(choice: Choice) -> dict[str, Any]:
    values = asdict(choice)
    judging = values.pop("judging")
    return {"stage": judging["stage"], "recipe_digest": judging["digest"], "settings": judging["settings"], **values}


def _page(report: ChoiceReport, made: Mapping[str, str], json_name: str) -> str:
    stages = [*(["dedupe"] if report.copies else []), *(choice.judging.stage for choice in report.choices)]
    dropped = {choice.judging.stage: (choice.dropped, choice.only) for choice in report.choices}
    values = {
        "report": report,
        "pictures": report.pictures,
        "made": made,
        "json_name": json_name,
        "stages": stages,
        "removed": {"dedupe": (report.copies, report.only_copies), **dropped},
        "said": {(key, one.stage): one for key, picture in report.pictures.items() for one in picture.said},
    }
    filters: dict[str, Callable[..., Any]] = {
        "number": _number,
        "tick": _tick,
        "settings": _settings,
        "telling": _telling,
        "called": _called,
        "noted": _noted,
    }
    return render("harvest.review", "choices", values, filters=filters)


def _called(stage: str) -> str:
    return "copies" if stage == "dedupe" else stage.removeprefix("filter.")


def _tick(value: float) -> str:
    """A round number, with all its digits."""
    return f"{value:,.6g}".replace("-", "\N{MINUS SIGN}")


def _number(value: float) -> str:
    """Three digits that count, or all of a whole number."""
    text = f"{value:,.0f}" if value == round(value) and abs(value) < 1e9 else f"{value:.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def _settings(settings: Mapping[str, Any]) -> str:
    """Settings on one line, as a recipe may write them."""
    text = yaml.safe_dump(dict(settings), default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6)
    line = " ".join(text.split()).removeprefix("{").removesuffix("}")
    return line if len(line) <= _SETTINGS else f"{line[:_SETTINGS]}…"


def _noted(detail: Mapping[str, Any]) -> str:
    """How a filter came to its verdicts on a whole set, in a line."""
    cut = detail.get("cut", detail)
    if words := cut.get("words") or cut.get("method"):
        return f"The cut: {words}."
    figures = {name: value for name, value in cut.items() if type(value) in {int, float} and name != "images"}
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in figures.items())


def _telling(choice: Choice) -> list[Reason]:
    """The reasons that say more than a histogram: where numbers decided, not that of all that was kept."""
    kept = [reason for reason in choice.reasons if reason.verdict == "keep"]
    said_by_histogram = kept if choice.scales and len(kept) == 1 else []
    return [reason for reason in choice.reasons if reason not in said_by_histogram]
