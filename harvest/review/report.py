"""Groups of copies side by side, as one HTML page that needs nothing but itself, and as JSON with the same content."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import Any

from harvest.ledger import open_ledger
from harvest.reports import ReportFiles, Thumbnails, moment, render, write_report
from harvest.review.copies import CopyGroup, CopyReport, Member, copy_report
from harvest.workspace import Workspace

__all__ = ["to_json", "write_copy_report"]

_GROUPS = 300  # on the page; the JSON file has all
_MEMBERS = 12  # of one group on the page
_PICTURES = 1_200
_PICTURE_PX = 224
_BINS = 8


def write_copy_report(workspace: Workspace, name: str) -> tuple[CopyReport, ReportFiles]:
    """Write reports/dedupe-<UTC time>.html and .json of the groups in force of the recipe called `name`.

    Raises CheckFailed when dedupe has not run for it.
    """
    with open_ledger(workspace) as con:
        report = copy_report(con, name)
    files = write_report(
        workspace, "dedupe", report.made_at, to_json(report), lambda json_name: _page(workspace, report, json_name)
    )
    return report, files


def to_json(report: CopyReport) -> dict[str, Any]:
    """The whole report as JSON values."""
    return {
        "recipe": report.name,
        "made_at": moment(report.made_at),
        "deduplicated_at": report.deduplicated_at,
        "images": report.images,
        "groups": len(report.groups),
        "dropped": report.dropped,
        "methods": dict(report.methods),
        "licence_conflicts": [group.id for group in report.conflicts],
        "reviews": report.reviews,
        "copies": [
            {"group": group.id, "licences": list(group.licences), "members": [_member(one) for one in group.members]}
            for group in report.groups
        ],
    }


def _member(member: Member) -> dict[str, Any]:
    names = [field.name for field in fields(Member) if field.name != "group_id"]
    return {name: getattr(member, name) for name in names}


def _page(workspace: Workspace, report: CopyReport, json_name: str) -> str:
    values = {
        "report": report,
        "shown": report.groups[:_GROUPS],
        "members": _MEMBERS,
        "json_name": json_name,
        "picture": Thumbnails(workspace, px=_PICTURE_PX, most=_PICTURES),
        "bars": _bars(report.groups),
    }
    return render("harvest.review", "copies", values, filters={"size": _size, "distance": _distance})


def _bars(groups: tuple[CopyGroup, ...]) -> list[tuple[int, float]]:
    """How many copies lie in each tenth of their threshold, and as a share of the fullest tenth."""
    others = [one for group in groups for one in group.members if not one.keeper and one.threshold > 0]
    counts = Counter(min(int(_BINS * one.distance / one.threshold), _BINS - 1) for one in others)
    most = max(counts.values(), default=0) or 1
    return [(counts[number], counts[number] / most) for number in range(_BINS)]


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


def _distance(member: Member) -> str:
    if member.method in {"phash", "pdq"}:
        return f"{member.distance:g} of {member.threshold:g} bits, {member.method}"
    return f"{member.distance:.3g} of {member.threshold:.3g}, {member.method}" if member.threshold else member.method
