"""Reports under reports/: a page and JSON of the same content beside it, never written over."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harvest.workspace import Workspace, write_published

__all__ = ["ReportFiles", "moment", "write_report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiles:
    """Where a report was written."""

    html: Path
    json: Path


def moment(made_at: datetime) -> str:
    """When a report was made, as it says it: 2026-01-02T03:04:05Z."""
    return made_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def write_report(
    workspace: Workspace, kind: str, made_at: datetime, content: Mapping[str, Any], page: Callable[[str], str]
) -> ReportFiles:
    """Write reports/<kind>-<UTC time>.json and .html; `page` makes the page, given the name of the JSON file.

    A report that is there already is left alone: the new one has a number behind the time.
    """
    first = f"{kind}-{made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    stem, number = first, 1
    while (workspace.reports / f"{stem}.html").exists() or (workspace.reports / f"{stem}.json").exists():
        number += 1
        stem = f"{first}.{number}"
    out = ReportFiles(html=workspace.reports / f"{stem}.html", json=workspace.reports / f"{stem}.json")
    write_published(out.json, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    write_published(out.html, page(out.json.name))
    return out
