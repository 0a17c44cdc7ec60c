"""The audit as one HTML page that needs nothing but itself, and as JSON with the same content."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from harvest.audit.auditor import AuditReport
from harvest.audit.check import CheckResult, Finding
from harvest.audit.checks import GROUPS
from harvest.config.policy import Policy, Severity
from harvest.images.decode import decode_rgb
from harvest.licences import licence
from harvest.store import Store
from harvest.workspace import Workspace, write_published

__all__ = ["ReportFiles", "to_json", "write_report"]

_ROWS = 200  # findings of one check that the page shows; the JSON file has more
_THUMBNAILS = 160  # in the whole page
_THUMBNAIL_PX = 112
_UNSEEN = dict.fromkeys([*range(8234, 8239), *range(8294, 8298), 8206, 8207, 1564])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiles:
    """Where a report was written."""

    html: Path
    json: Path


def write_report(workspace: Workspace, report: AuditReport) -> ReportFiles:
    """Write reports/audit-<UTC time>.html and .json. An earlier report is never overwritten."""
    stem = f"audit-{report.made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    number = 1
    while (workspace.reports / f"{stem}.html").exists() or (workspace.reports / f"{stem}.json").exists():
        number += 1
        stem = f"{stem.split('.', maxsplit=1)[0]}.{number}"
    out = ReportFiles(html=workspace.reports / f"{stem}.html", json=workspace.reports / f"{stem}.json")
    write_published(out.json, json.dumps(to_json(report), ensure_ascii=False, indent=1) + "\n")
    write_published(out.html, _render(workspace, report, out.json.name))
    return out


def to_json(report: AuditReport) -> dict[str, Any]:
    """The whole report as JSON values."""
    return {
        "verdict": "passed" if report.passed else "failed",
        "workspace": report.workspace,
        "made_at": report.made_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "program": report.program,
        "policy": _policy(report.policy),
        "parts": [{"name": part.name, "kind": part.kind, "files": part.files} for part in report.parts],
        "counts": dict(report.counts),
        "first_fetch": report.first_fetch,
        "last_fetch": report.last_fetch,
        "checks": [_check(result) for result in report.checks],
        "composition": {
            chart.dimension: {
                "largest": [
                    {"name": bar.name, "images": bar.images, "share": round(bar.share, 6)} for bar in chart.bars
                ],
                "others": {
                    "names": chart.others,
                    "images": chart.other_images,
                    "share": round(chart.other_share, 6),
                },
            }
            for chart in report.charts
        },
    }


def _policy(policy: Policy) -> dict[str, Any]:
    shares = policy.composition
    return {
        "name": policy.name,
        "description": policy.description,
        "file": policy.file.name if policy.file else None,
        "digest": policy.digest,
        "licences": list(policy.licences.allow),
        "commercial_use": policy.use.commercial,
        "honoured": list(policy.opt_out.honour),
        "synthetic": list(policy.synthetic.exclude),
        "largest_share": {name: getattr(shares, name) for name in ("creator", "source", "license", "decade")},
        "severity": {name: str(severity) for name, severity in policy.severity.items()},
    }


def _check(result: CheckResult) -> dict[str, Any]:
    fields = [name for name in Finding.__dataclass_fields__ if name != "preview"]
    return {
        "id": result.check.id,
        "severity": str(result.severity),
        "status": result.status,
        "why": result.why,
        "title": result.check.title,
        "fault": result.check.fault,
        "explanation": result.check.explanation,
        "sql": _dedent(result.check.sql),
        "count": result.count,
        "images": result.images,
        "findings": [{name: getattr(finding, name) for name in fields} for finding in result.findings],
    }


def _render(workspace: Workspace, report: AuditReport, json_name: str) -> str:
    environment = Environment(
        loader=PackageLoader("harvest.audit"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_readable,
    )
    environment.filters |= {"web": _web, "licence": _licence, "sql": _dedent, "n": "{:,}".format, "pct": _percent}
    assets = files("harvest.audit") / "templates"
    style, script = ((assets / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    results = {result.check.id: result for result in report.checks}
    return environment.get_template("report.html").render(
        report=report,
        groups={name: [results[check.id] for check in checks] for name, checks in GROUPS.items()},
        tally={severity.value: len(report.of(severity)) for severity in Severity},
        asked=sum(result.status != "skipped" for result in report.checks),
        passed=sum(result.status == "passed" for result in report.checks),
        json_name=json_name,
        rows=_ROWS,
        grouped=_grouped,
        thumbnail=_Thumbnails(workspace),
        style=style,
        script=script,
        # The page may run its own style and script and show its own pictures, and nothing else.
        policy=f"default-src 'none'; img-src data:; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'",
    )


@dataclass(slots=True)
class _Row:
    """One line of the page's table: a finding about an image, in every file that it concerns."""

    finding: Finding
    paths: list[str]


def _grouped(findings: Sequence[Finding]) -> list[_Row]:
    rows: dict[tuple[str | None, str], _Row] = {}
    for number, finding in enumerate(findings):
        key = (finding.sha256 or str(number), finding.detail)
        rows.setdefault(key, _Row(finding, [])).paths.extend([finding.path] if finding.path else [])
    return list(rows.values())


class _Thumbnails:
    """Makes pictures of offenders as data: URIs until enough are on the page."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._made = workspace, dict[str, str | None]()

    def __call__(self, finding: Finding) -> str | None:
        path = finding.preview
        if path is None or (path not in self._made and len(self._made) >= _THUMBNAILS):
            return None
        if path not in self._made:
            self._made[path] = _thumbnail(Store(self._workspace.root), path)
        return self._made[path]


def _thumbnail(store: Store, path: str) -> str | None:
    try:
        picture = decode_rgb(store.local(path), longest=_THUMBNAIL_PX)
    except Exception:
        return None
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=72)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _readable(value: object) -> object:
    """Metadata as it is stored, without the characters that would make a line read otherwise than that."""
    return value.translate(_UNSEEN) if type(value) is str else value


def _web(url: str | None) -> str | None:
    """The address when a browser may follow it, None for javascript: and its like."""
    try:
        return url if url and urlsplit(url).scheme.lower() in {"http", "https"} else None
    except ValueError:
        return None


def _licence(id_: str | None) -> str:
    known = licence(id_) if id_ else None
    return known.name if known else (id_ or "unknown")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _dedent(sql: str) -> str:
    lines = [line for line in sql.splitlines() if line.strip()]
    margin = min(len(line) - len(line.lstrip()) for line in lines)
    return "\n".join(line[margin:].rstrip() for line in lines)
