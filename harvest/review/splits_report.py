"""The report of a split, as one HTML page that needs nothing but itself, and as JSON with the same content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harvest.config.split import SPLITS
from harvest.progress import Progress
from harvest.reports import ReportFiles, Thumbnails, moment, render, write_report
from harvest.review.splits import SplitReport, split_report
from harvest.review.splits_near import TINY, Baseline, Pair
from harvest.workspace import Workspace

__all__ = ["split_to_json", "too_easy", "write_split_report"]

_PICTURE_PX = 224
_PICTURES = 400


def write_split_report(
    workspace: Workspace, name: str, *, model: str | None, labels: Mapping[str, Sequence[str]], progress: Progress
) -> tuple[SplitReport, ReportFiles]:
    """Write reports/split-<UTC time>.html and .json of the split in force of the recipe called `name`.

    `model` and `labels` are as `split_report` takes them. Raises CheckFailed when nothing was split yet.
    """
    report = split_report(workspace, name, model=model, labels=labels, progress=progress)
    files = write_report(
        workspace, "split", report.made_at, split_to_json(report), lambda json_name: _page(workspace, report, json_name)
    )
    return report, files


def too_easy(found: Baseline | None) -> str:
    """The sentence that says whether the split is too easy."""
    if found is None or found.verdict == "unknown":
        return "Whether the split is too easy cannot be told: too few images that are held out have labels that differ."
    compared = (
        f"the nearest of the tiny pictures has {_percent(found.right)} of the labels in {found.part} right, always "
        f"saying \u201c{found.label}\u201d {_percent(found.commonest)}"
    )
    match found.verdict:
        case "easy":
            return f"The split is too easy: {compared}. Whoever learns its pictures by heart passes this test."
        case "partly":
            return f"The split is easy in part: {compared}. Some of what it asks can be answered from memory."
        case "open":
            few = f"{found.images:,} images are too few to be sure"
            return f"Nothing says that the split is too easy, but {few}: {compared}."
        case _:
            return f"The split is not too easy: {compared}. Learning by heart does not pass this test."


def split_to_json(report: SplitReport) -> dict[str, Any]:
    """The whole report as JSON values."""
    found = report.baseline
    return {
        "recipe": report.name,
        "made_at": moment(report.made_at),
        "split_at": report.split_at,
        "images": report.images,
        "parts": report.parts,
        "asked": dict(report.asked),
        "counts": dict(report.counts),
        "shares": {split: count / max(report.images, 1) for split, count in report.counts.items()},
        "joined": report.joined,
        "moved": dict(report.moved),
        "labels": [{"label": each.label, "counts": dict(each.counts)} for each in report.labels],
        "unlabelled": report.unlabelled,
        "imbalance": report.imbalance,
        "largest_parts": [asdict(each) for each in report.largest],
        "compared": report.compared,
        "nearest_by_vectors": {"model": report.model, "pairs": [_pair(report, pair) for pair in report.near_vectors]},
        "nearest_by_phash": {"pairs": [_pair(report, pair) for pair in report.near_hashes]},
        "too_easy": {
            "sentence": too_easy(found),
            "verdict": found.verdict if found else "unknown",
            **(asdict(found) if found else {}),
        },
    }


def _pair(report: SplitReport, pair: Pair) -> dict[str, Any]:
    about = {
        side: {"sha256": sha256, "split": report.placed[sha256], **_told(report, sha256)}
        for side, sha256 in (("held", pair.held), ("learned", pair.learned))
    }
    return {"value": pair.value, **about}


def _told(report: SplitReport, sha256: str) -> dict[str, Any]:
    row = report.seen.get(sha256)
    return {name: getattr(row, name, None) for name in ("title", "creator", "source", "license", "page_url")}


def _page(workspace: Workspace, report: SplitReport, json_name: str) -> str:
    found = report.baseline
    values = {
        "report": report,
        "splits": [split for split in SPLITS if report.asked[split] > 0 or report.counts[split]],
        "sentence": too_easy(found),
        "bars": _bars(found),
        "tiny": TINY,
        "json_name": json_name,
        "picture": Thumbnails(workspace, px=_PICTURE_PX, most=_PICTURES),
    }
    return render("harvest.review", "splits", values)


def _bars(found: Baseline | None) -> list[tuple[str, float, tuple[float, float] | None]]:
    """What guesses labels, how often it is right, and the interval of that where it was measured on few."""
    if found is None:
        return []
    bars: list[tuple[str, float, tuple[float, float] | None]] = [
        ("nearest tiny picture", found.right, (found.least, found.most)),
        (f"always \u201c{found.label}\u201d", found.commonest, None),
    ]
    if found.by_chance is not None:
        bars.append(("nearest one, if split by chance", found.by_chance, None))
    return bars


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
