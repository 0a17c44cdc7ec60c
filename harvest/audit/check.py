"""What a check is, what it may look at, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass

from harvest.config.policy import Severity

__all__ = ["Check", "CheckResult", "Finding", "Status"]

Status = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question to the ledger: `title` claims that all is well, `fault` names what is found where it is not.

    `sql` selects what is wrong: sha256, part, path and detail, one row a finding.

    Beside the ledger's tables it may read what the audit gathered before (harvest.audit.evidence):

    - `audited(part, sha256, path, derived_sha256, license, credit)`: what is judged; path is relative to the workspace
    - `origins`: the ledger's view `provenance`, of the audited images alone, and the country that their files name
    - `files(path, sha256, kind, wanted, found)`: digests the ledger gives and digests on disk, found NULL when missing
    - `manifest(part, line, file, sha256, original_sha256, made_from_sha256, license, creator, page_url, image_url)`
    - `strays(part, path)`: files in an export's folder that no row knows
    - `missing_exports(part, path, files)`: exports whose folder is gone; nothing of them is in `audited`
    - `remains(sha256, path, kind)`: what is still on the disk of images that were taken down
    - `selection(sha256)`: what the recipe selects today
    - `terms(license, name, uri, is_free, by, nc, nd, sa)`: the licence table with the conditions of each
    - `consents(sha256, source, evidence)`: entries of the policy's files of consent

    and the parameters that harvest.audit.terms.parameters makes of the policy. `needs` names what has to be there for
    the question to be asked: `exports`, `files`, `selection`, `embedded` (files were read), `faces` (looked for),
    `rechecks` (some source was asked again). `hides` keeps pictures of what it finds out of the report.
    """

    id: str
    severity: Severity
    title: str
    fault: str
    explanation: str
    sql: str
    needs: frozenset[str] = frozenset()
    hides: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, with what is known of the image so that somebody can act on it."""

    sha256: str | None
    part: str | None
    path: str | None
    detail: str
    title: str | None = None
    creator: str | None = None
    license: str | None = None
    page_url: str | None = None
    image_url: str | None = None
    preview: str | None = None  # a picture of it, relative to the workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """How one check went. `count` is exact; `findings` may stop short of it.

    `status` is `passed`, `found` or `skipped`; `why` says why it was skipped.
    """

    check: Check
    severity: Severity
    status: Status
    count: int = 0
    images: int = 0
    findings: tuple[Finding, ...] = ()
    why: str | None = None
