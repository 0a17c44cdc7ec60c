"""The answer to "where is this from, was it allowed, is it unchanged": audit, lineage, verification.

Asking sources again is in harvest.audit.recheck, which brings an HTTP client along.
"""

from harvest.audit.auditor import AuditReport, audit
from harvest.audit.check import Check, CheckResult, Finding
from harvest.audit.checks import CHECKS
from harvest.audit.lineage import Lineage, lineage
from harvest.audit.prov import to_prov
from harvest.audit.report import ReportFiles, to_json, write_report
from harvest.audit.verify import Difference, VerifyReport, ledger_head, verify

__all__ = [
    "CHECKS",
    "AuditReport",
    "Check",
    "CheckResult",
    "Difference",
    "Finding",
    "Lineage",
    "ReportFiles",
    "VerifyReport",
    "audit",
    "ledger_head",
    "lineage",
    "to_json",
    "to_prov",
    "verify",
    "write_report",
]
