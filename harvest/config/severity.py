"""How much a finding weighs."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Severity"]


class Severity(StrEnum):
    """What a check's findings mean: only a violation fails the audit; `ignore` leaves the check out."""

    VIOLATION = "violation"
    WARNING = "warning"
    NOTE = "note"
    IGNORE = "ignore"
