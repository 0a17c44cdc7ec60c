"""A policy: what an audit insists on, and how loudly."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from harvest.config.reader import digest_of, load_section, setting
from harvest.config.source import OPT_OUT_KINDS
from harvest.errors import ConfigError
from harvest.licences import LICENCES

__all__ = [
    "CompositionTerms",
    "HonouredTerms",
    "LicenceTerms",
    "Policy",
    "Severity",
    "SyntheticTerms",
    "UseTerms",
    "default_policy",
    "load_policy",
]

_SLUG = r"^[a-z0-9][a-z0-9._-]*$"
_OPEN = (
    "CC0-1.0",
    "CC-PDM-1.0",
    "CC-PDDC",
    "CC-BY*",
    "LicenseRef-CC-BY*",
    "OGL-UK-3.0",
    "LicenseRef-No-Known-Copyright-Restrictions",
    "LicenseRef-US-Government-Work",
    "LicenseRef-Public-Domain",
    "LicenseRef-RightsStatements-NoC-*",
    "LicenseRef-RightsStatements-NKC-1.0",
)
_SYNTHETIC = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")


class Severity(StrEnum):
    """What a check's findings mean: only a violation fails the audit; `ignore` leaves the check out."""

    VIOLATION = "violation"
    WARNING = "warning"
    NOTE = "note"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceTerms:
    """`allow` lists SPDX and LicenseRef-* ids, `*` and `[0-9]` as in file names; empty allows every known licence."""

    allow: tuple[str, ...] = _OPEN

    def allows(self, license: str) -> bool:  # noqa: A002 - the ledger's word
        """Whether a known licence is one of those listed."""
        return not self.allow or any(fnmatchcase(license, pattern) for pattern in self.allow)


@dataclass(frozen=True, slots=True, kw_only=True)
class UseTerms:
    """What the dataset is for; non-commercial licences cannot serve a commercial one."""

    commercial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HonouredTerms:
    """Kinds of refusal that keep an image out, wherever and whenever it was met."""

    honour: tuple[str, ...] = setting(OPT_OUT_KINDS, choices=OPT_OUT_KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticTerms:
    """IPTC digital source types that keep an image out: https://cv.iptc.org/newscodes/digitalsourcetype/."""

    exclude: tuple[str, ...] = _SYNTHETIC


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositionTerms:
    """The largest share, in [0, 1], one creator, source, licence or decade may have; fewer than `min_images` pass."""

    creator: float = setting(0.2, gt=0, le=1)
    source: float = setting(1.0, gt=0, le=1)
    license: float = setting(1.0, gt=0, le=1)
    decade: float = setting(1.0, gt=0, le=1)
    min_images: int = setting(20, ge=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    name: str = setting("research", pattern=_SLUG, expected="a name of small letters, digits, '.', '_' and '-'")
    description: str | None = None
    licences: LicenceTerms = field(default_factory=LicenceTerms)
    use: UseTerms = field(default_factory=UseTerms)
    opt_out: HonouredTerms = field(default_factory=HonouredTerms)
    synthetic: SyntheticTerms = field(default_factory=SyntheticTerms)
    composition: CompositionTerms = field(default_factory=CompositionTerms)
    severity: Mapping[str, Severity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(_Document):
    """A validated policy. `severity` overrules what a check says of itself, by the check's id.

    `file` and `digest` are None for the policy that holds when none is named.
    """

    file: Path | None = None
    digest: str | None = None

    def severity_of(self, check: str, default: Severity) -> Severity:
        """How much the findings of one check weigh here."""
        return self.severity.get(check, default)


def default_policy() -> Policy:
    """The policy that holds when none is named: configs/policies/research.yaml says the same."""
    return Policy()


def load_policy(file: Path) -> Policy:
    """Read and validate a policy. Raises ConfigError; unknown check ids are found by the audit, which knows them."""
    document = load_section(file).read(_Document)
    for index, pattern in enumerate(document.licences.allow):
        if not any(fnmatchcase(known, pattern) for known in LICENCES):
            nearest = difflib.get_close_matches(pattern, LICENCES, n=1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise ConfigError(
                file,
                f"licences.allow[{index}]",
                f"expected an SPDX or LicenseRef-* id of the licence table, got {pattern!r}{hint}",
            )
    values: dict[str, Any] = {name: getattr(document, name) for name in _Document.__dataclass_fields__}
    return Policy(**values, file=file, digest=digest_of(file))
