"""The audit as one HTML page that needs nothing but itself, and as JSON with the same content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harvest.audit.auditor import AuditReport
from harvest.audit.check import CheckResult, Finding
from harvest.audit.checks import GROUPS
from harvest.config.policy import Policy, Severity
from harvest.reports import ReportFiles, Thumbnails, moment, render
from harvest.reports import write_report as write_files
from harvest.workspace import Workspace

__all__ = ["ReportFiles", "to_json", "write_report"]

_ROWS = 200  # findings of one check that the page shows; the JSON file has more
_THUMBNAILS = 160  # in the whole page
_THUMBNAIL_PX = 112


def write_report(workspace: Workspace, report: AuditReport) -> ReportFiles:
    """Write reports/audit-<UTC time>.html and .json. An earlier report is never overwritten."""
    return write_files(
        workspace, "audit", report.made_at, to_json(report), lambda json_name: _page(workspace, report, json_name)
    )


def to_json(report: AuditReport) -> dict[str, Any]:
    """The whole report as JSON values."""
    return {
        "verdict": "passed" if report.passed else "failed",
        "workspace": report.workspace,
        "made_at": moment(report.made_at),
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
        "adapted_use": policy.use.adapted,
        "shared_as": policy.use.shared_as,
        "faces": str(policy.people.faces),
        "consents": len(policy.consents),
        "honoured": list(policy.opt_out.honour),
        "synthetic": list(policy.synthetic.exclude),
        "largest_share": {
            name: getattr(shares, name) for name in policy.composition.__dataclass_fields__ if name != "min_images"
        },
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


def _page(workspace: Workspace, report: AuditReport, json_name: str) -> str:
    results = {result.check.id: result for result in report.checks}
    values = {
        "report": report,
        "groups": {name: [results[check.id] for check in checks] for name, checks in GROUPS.items()},
        "tally": {severity.value: len(report.of(severity)) for severity in Severity},
        "asked": sum(result.status != "skipped" for result in report.checks),
        "passed": sum(result.status == "passed" for result in report.checks),
        "json_name": json_name,
        "rows": _ROWS,
        "grouped": _grouped,
        "thumbnail": Thumbnails(workspace, px=_THUMBNAIL_PX, most=_THUMBNAILS),
    }
    return render("harvest.audit", "report", values, filters={"sql": _dedent})


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


def _dedent(sql: str) -> str:
    lines = [line for line in sql.splitlines() if line.strip()]
    margin = min(len(line) - len(line.lstrip()) for line in lines)
    return "\n".join(line[margin:].rstrip() for line in lines)
