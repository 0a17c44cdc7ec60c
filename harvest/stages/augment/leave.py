"""Which images may be adapted: what their licences say, and what the policy insists on."""

from __future__ import annotations

from collections.abc import Mapping

from harvest.config.policy import Policy, Severity
from harvest.errors import CheckFailed
from harvest.licences import licence

__all__ = ["barred_by", "refuse_adapting"]

_NAMED = 3


def barred_by(policy: Policy, license: str | None) -> str | None:  # noqa: A002 - the ledger's word
    """Why a work of this licence is not augmented, None where nothing speaks against it.

    What the policy lets pass elsewhere it lets pass here: each reason is that of a check, and counts as far as the
    findings of this check are violations.
    """
    known = licence(license) if license else None
    if known is None:
        return "licence: unknown" if _insists(policy, "licence-known") else None
    if "nd" in known.conditions:
        return f"licence: {known.id} allows no derivatives" if _insists(policy, "licence-augmented") else None
    if not policy.licences.allows(known.id):
        return f"licence: the policy does not allow {known.id}" if _insists(policy, "licence-allowed") else None
    return None


def refuse_adapting(policy: Policy, licences: Mapping[str, str | None]) -> None:
    """Raise CheckFailed where the policy declares a use that adapts and some of these works allow no derivatives.

    `licences` are by sha256.
    """
    if not policy.use.adapted or not _insists(policy, "licence-adapted"):
        return
    barred = [
        f"{sha256[:12]} ({name})"
        for sha256, name in sorted(licences.items())
        if name and (known := licence(name)) and "nd" in known.conditions
    ]
    if barred:
        more = f" and {len(barred) - _NAMED:,} more" if len(barred) > _NAMED else ""
        raise CheckFailed(
            f"the policy {policy.name} declares that images are adapted (use.adapted), and {len(barred):,} selected "
            f"allow no derivatives: {', '.join(barred[:_NAMED])}{more}; a `licence` filter leaves them out"
        )


def _insists(policy: Policy, check: str) -> bool:
    return policy.severity_of(check, Severity.VIOLATION) is Severity.VIOLATION
