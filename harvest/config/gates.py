"""What is asked of a set before it is exported, and how much each answer weighs: `gates:` of a policy."""

from __future__ import annotations

from dataclasses import dataclass

from harvest.config.reader import setting
from harvest.config.severity import Severity

__all__ = ["GateTerms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateTerms:
    """A gate that finds something refuses the export (`violation`), is told and written into its papers (`warning`,
    `note`), or is not asked (`ignore`).

    `at_least` is how many images a set should have, unless its export asks for another number. Pictures whose hashes
    differ by no more than `near_bits` of 64 are near copies where the recipe's dedupe does not look for them itself.
    Which licences, which use and which share of one creator are right, the policy's other sections say.
    """

    at_least: int = setting(500, ge=0)
    near_bits: int = setting(3, ge=0, le=3)
    few_images: Severity = Severity.WARNING
    licence_unknown: Severity = Severity.WARNING
    licence_use: Severity = Severity.VIOLATION
    licence_mixed: Severity = Severity.WARNING
    near_copies: Severity = Severity.WARNING
    one_creator: Severity = Severity.WARNING
    small_images: Severity = Severity.WARNING
    no_caption: Severity = Severity.WARNING
    split: Severity = Severity.WARNING
    split_leak: Severity = Severity.VIOLATION
    format_rules: Severity = Severity.VIOLATION
