"""The audit: every check of the registry asked of one workspace under one policy."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from harvest import __version__
from harvest.audit.check import Check, CheckResult, Finding
from harvest.audit.checks import CHECKS
from harvest.audit.checks.composition import DIMENSIONS
from harvest.audit.composition import Chart, chart
from harvest.audit.evidence import Evidence, Part, gather, registered
from harvest.audit.terms import parameters, terms_of
from harvest.config.policy import FacesAre, Policy, Severity
from harvest.errors import ConfigError
from harvest.ledger import Connection, open_ledger
from harvest.progress import Progress, SilentProgress
from harvest.workspace import Workspace

__all__ = ["LONGEST", "AuditReport", "audit"]

LONGEST = 10_000  # findings kept of one check; their number is counted to the end

_COUNTS = """
    SELECT (SELECT count(DISTINCT sha256) FROM audited) AS images,
           (SELECT count(*) FROM audited) AS files,
           (SELECT count(DISTINCT source) FROM origins) AS sources,
           (SELECT count(DISTINCT creator) FROM origins) AS creators,
           (SELECT count(DISTINCT license) FROM origins) AS licences,
           (SELECT count(*) FROM sightings SEMI JOIN audited USING (sha256)) AS sightings,
           (SELECT count(DISTINCT run_id) FROM sightings SEMI JOIN audited USING (sha256)) AS runs"""
_PERIOD = """
    SELECT strftime(min(fetched_at), '%Y-%m-%d'), strftime(max(fetched_at), '%Y-%m-%d')
    FROM sightings SEMI JOIN audited USING (sha256)"""
_ABOUT = """
    SELECT f.sha256, o.title, o.creator, o.license, o.page_url, o.image_url,
           coalesce((SELECT arg_min(d.path, d.size) FROM derived d WHERE d.sha256 = f.sha256 AND d.size >= 64),
                    (SELECT i.path FROM images i WHERE i.sha256 = f.sha256))
    FROM offenders f LEFT JOIN origins o USING (sha256)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit found. `passed` is the verdict: no check whose severity is `violation` found anything."""

    workspace: str
    made_at: datetime
    program: str
    policy: Policy
    parts: tuple[Part, ...]
    counts: Mapping[str, int]
    first_fetch: str | None
    last_fetch: str | None
    checks: tuple[CheckResult, ...]
    charts: tuple[Chart, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing stands against the dataset under this policy."""
        return not self.of(Severity.VIOLATION)

    def of(self, severity: Severity) -> tuple[CheckResult, ...]:
        """The checks of one severity that found something."""
        return tuple(result for result in self.checks if result.status == "found" and result.severity is severity)


def audit(
    workspace: Workspace,
    policy: Policy,
    *,
    digests: Mapping[str, str] | None = None,
    with_files: bool = True,
    faces: bool = False,
    progress: Progress | None = None,
) -> AuditReport:
    """Judge the workspace's exports, or where there are none the images that `digests` select, or all of them.

    `digests` maps each selecting stage to its recipe digest. `with_files` False leaves every file unread and skips the
    checks that need them. Else originals that were not read yet are read first, for what they say of themselves and,
    where the policy or `faces` asks for it, for faces; what is found is written to the ledger.
    Raises ConfigError when the policy names a check that does not exist, LedgerError when there is no ledger yet.
    """
    _require_known(policy)
    evidence = gather(
        workspace,
        digests=digests,
        with_files=with_files,
        faces=faces or policy.people.faces is not FacesAre.IGNORE,
        progress=progress or SilentProgress(),
    )
    with open_ledger(workspace) as con, registered(con, {**evidence.tables, **terms_of(policy)}):
        values = parameters(con, policy)
        checks = tuple(_ask(con, check, policy, evidence, values) for check in CHECKS.values())
        names = [column[0] for column in con.execute(_COUNTS).description or ()]
        counts = dict(zip(names, con.fetchone() or (), strict=True))
        first, last = con.execute(_PERIOD).fetchone() or (None, None)
        charts = tuple(chart(con, dimension, expression) for dimension, expression in DIMENSIONS.items())
        checks = _with_details(con, checks)
    return AuditReport(
        workspace=workspace.root.resolve().name,
        made_at=datetime.now(UTC),
        program=f"herbarium-harvester {__version__}",
        policy=policy,
        parts=evidence.parts,
        counts=counts,
        first_fetch=first,
        last_fetch=last,
        checks=checks,
        charts=charts,
    )


def _require_known(policy: Policy) -> None:
    for id_ in policy.severity:
        if id_ not in CHECKS:
            nearest = difflib.get_close_matches(id_, CHECKS, n=1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else f"; there are {', '.join(CHECKS)}"
            raise ConfigError(policy.file or "policy", f"severity.{id_}", f"no such check{hint}")


def _ask(con: Connection, check: Check, policy: Policy, evidence: Evidence, values: Mapping[str, Any]) -> CheckResult:
    severity = policy.severity_of(check.id, check.severity)
    if severity is Severity.IGNORE:
        return CheckResult(check=check, severity=severity, status="skipped", why="the policy ignores it")
    if lacking := sorted(check.needs - evidence.has):
        return CheckResult(
            check=check, severity=severity, status="skipped", why={**_LACKING, **evidence.lacking}[lacking[0]]
        )
    asked = {name: values[name] for name in con.extract_statements(check.sql)[0].named_parameters}
    found = con.execute(
        f"""WITH found AS MATERIALIZED ({check.sql})
            SELECT (SELECT count(*) FROM found), (SELECT count(DISTINCT sha256) FROM found), sha256, part, path, detail
            FROM found ORDER BY part, path, sha256, detail LIMIT {LONGEST}""",
        asked,
    ).fetchall()
    if not found:
        return CheckResult(check=check, severity=severity, status="passed")
    findings = tuple(Finding(sha256=row[2], part=row[3], path=row[4], detail=str(row[5])) for row in found)
    return CheckResult(
        check=check, severity=severity, status="found", count=found[0][0], images=found[0][1], findings=findings
    )


_LACKING: Mapping[str, str] = {
    "exports": "there is no export to judge",
    "embedded": "no file was read",
    "faces": "no faces were looked for: --faces, or people.faces in the policy",
    "files": "no file was read",
    "rechecks": "not asked again: --recheck",
    "selection": "no recipe was given",
}


def _with_details(con: Connection, checks: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """Tell of every finding what the ledger knows of its image; of what a check hides, no finding has a picture."""
    offenders = sorted({finding.sha256 for result in checks for finding in result.findings if finding.sha256})
    with registered(con, {"offenders": pa.table({"sha256": pa.array(offenders, pa.string())})}):
        about = {sha256: rest for sha256, *rest in con.execute(_ABOUT).fetchall()}
    hidden = {finding.sha256 for result in checks if result.check.hides for finding in result.findings}
    names = ("title", "creator", "license", "page_url", "image_url", "preview")

    def told(finding: Finding) -> Finding:
        known = dict(zip(names, about.get(finding.sha256, ()), strict=False))
        if finding.sha256 in hidden:
            known.pop("preview", None)
        return replace(finding, **known)

    return tuple(replace(result, findings=tuple(told(finding) for finding in result.findings)) for result in checks)
