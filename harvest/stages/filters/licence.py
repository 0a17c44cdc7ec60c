"""Keep what carries one of the licences that the dataset may use. Unknown is none of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harvest.config.reader import Section, setting
from harvest.licences import licence, normalize
from harvest.stages.filters.base import Candidate, Case, Verdict, drop, keep

__all__ = ["LicenceFilter", "check_allowed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceFilter:
    """The SPDX ids and LicenseRef-* ids that are allowed."""

    version: ClassVar[int] = 1
    reads: ClassVar[frozenset[str]] = frozenset({"origin"})
    allow: tuple[str, ...] = setting()

    def judge(self, candidate: Candidate) -> Verdict:
        """By the licence of the sighting that answers for the image."""
        found = candidate.origin.license if candidate.origin else None
        if found is None:
            raw = candidate.origin.license_raw if candidate.origin else None
            return drop(f"licence unknown: the source says '{raw}'" if raw else "licence unknown")
        return keep(found) if found in self.allow else drop(f"licence not allowed: {found}")

    def cases(self) -> tuple[Case, ...]:
        """The same in SQL."""
        return (
            Case(when="license IS NULL AND coalesce(license_raw, '') = ''", reason="'licence unknown'"),
            Case(when="license IS NULL", reason="printf('licence unknown: the source says ''%s''', license_raw)"),
            Case(when="list_contains($allow, license)", keep=True, reason="license"),
            Case(reason="'licence not allowed: ' || license"),
        )


def check_allowed(section: Section) -> None:
    """Raise ConfigError for an id that no image can have: a misspelt one would drop everything without a word."""
    for index, entry in enumerate(section.read(LicenceFilter).allow):
        if licence(entry) is None:
            meant = normalize(entry)
            hint = f"; did you mean {meant!r}?" if meant else ""
            raise section.error(
                f"allow[{index}]", f"expected an SPDX licence id or a LicenseRef-* of ours, got {entry!r}{hint}"
            )
