"""The registry of checks, in the order in which the report shows them. To add one: a file here and a line below."""

from __future__ import annotations

from collections.abc import Mapping

from harvest.audit.check import Check
from harvest.audit.checks.composition import COMPOSITION
from harvest.audit.checks.embedded import EMBEDDED
from harvest.audit.checks.files import FILES
from harvest.audit.checks.licences import LICENCES
from harvest.audit.checks.origin import ORIGIN
from harvest.audit.checks.paper import PAPER
from harvest.audit.checks.people import PEOPLE
from harvest.audit.checks.recheck import RECHECK
from harvest.audit.checks.refusals import REFUSALS

__all__ = ["CHECKS", "GROUPS"]

GROUPS: Mapping[str, tuple[Check, ...]] = {
    "Traced to its source": ORIGIN,
    "Bytes as recorded": FILES,
    "Paper trail of the exports": PAPER,
    "Licences": LICENCES,
    "Refusals and origin": REFUSALS,
    "What the sources say today": RECHECK,
    "What the files say": EMBEDDED,
    "People": PEOPLE,
    "Composition": COMPOSITION,
}
CHECKS: Mapping[str, Check] = {check.id: check for group in GROUPS.values() for check in group}
