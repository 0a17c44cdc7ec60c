"""A policy: what an audit insists on, and how loudly."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from harvest.config.gates import GateTerms
from harvest.config.reader import digest_of, load_section, setting
from harvest.config.severity import Severity
from harvest.config.source import OPT_OUT_KINDS
from harvest.errors import ConfigError
from harvest.licences import LICENCES

__all__ = [
    "CompositionTerms",
    "Consent",
    "ConsentTerms",
    "FacesAre",
    "GateTerms",
    "HonouredTerms",
    "LicenceTerms",
    "PeopleTerms",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceTerms:
    """`allow` lists SPDX and LicenseRef-* ids, `*` and `[0-9]` as in file names; empty allows every known licence."""

    allow: tuple[str, ...] = _OPEN

    def allows(self, license: str) -> bool:  # noqa: A002 - the ledger's word
        """Whether a known licence is one of those listed."""
        return not self.allow or any(fnmatchcase(license, pattern) for pattern in self.allow)


@dataclass(frozen=True, slots=True, kw_only=True)
class UseTerms:
    """What the dataset is for.

    Non-commercial licences cannot serve a `commercial` use, and no-derivatives ones none in which the images are
    `adapted` afterwards (augmented, cropped, composed). `shared_as` is the licence under which the result is handed on:
    share-alike works have to allow it.
    """

    commercial: bool = False
    adapted: bool = False
    shared_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HonouredTerms:
    """Kinds of refusal that keep an image out, wherever and whenever it was met."""

    honour: tuple[str, ...] = setting(OPT_OUT_KINDS, choices=OPT_OUT_KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticTerms:
    """IPTC digital source types that keep an image out: https://cv.iptc.org/newscodes/digitalsourcetype/."""

    exclude: tuple[str, ...] = _SYNTHETIC


class FacesAre(StrEnum):
    """What faces in a picture ask for; `ignore` leaves them unsought."""

    IGNORE = "ignore"
    NOTE = "note"
    NEEDS_CONSENT = "needs-consent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Where it is written that the people in an image, or in all of a source, agreed; one of `sha256` and `source`."""

    sha256: str | None = setting(None, pattern=r"^[0-9a-f]{64}$", expected="a sha256, 64 small hex digits")
    source: str | None = None
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTerms:
    """What counts as consent: a label of the image at its source, or an entry of a YAML file `consent: [...]`.

    Files are named relative to the policy.
    """

    labels: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleTerms:
    """What is asked of pictures in which a detector finds faces."""

    faces: FacesAre = FacesAre.IGNORE
    consent: ConsentTerms = field(default_factory=ConsentTerms)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositionTerms:
    """The largest share, in [0, 1], one creator, source, licence, decade or country may have.

    Where fewer than `min_images` are audited, any share passes.
    """

    creator: float = setting(0.2, gt=0, le=1)
    source: float = setting(1.0, gt=0, le=1)
    license: float = setting(1.0, gt=0, le=1)
    decade: float = setting(1.0, gt=0, le=1)
    country: float = setting(1.0, gt=0, le=1)
    min_images: int = setting(20, ge=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    name: str = setting("research", pattern=_SLUG, expected="a name of small letters, digits, '.', '_' and '-'")
    description: str | None = None
    licences: LicenceTerms = field(default_factory=LicenceTerms)
    use: UseTerms = field(default_factory=UseTerms)
    opt_out: HonouredTerms = field(default_factory=HonouredTerms)
    synthetic: SyntheticTerms = field(default_factory=SyntheticTerms)
    people: PeopleTerms = field(default_factory=PeopleTerms)
    composition: CompositionTerms = field(default_factory=CompositionTerms)
    gates: GateTerms = field(default_factory=GateTerms)
    severity: Mapping[str, Severity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Consents:
    consent: tuple[Consent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(_Document):
    """A validated policy. `severity` overrules what a check says of itself, by the check's id.

    `consents` are the entries of the files that `people.consent` names. `file` and `digest` are None for the policy
    that holds when none is named.
    """

    consents: tuple[Consent, ...] = ()
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
            raise _no_licence(file, f"licences.allow[{index}]", pattern)
    if document.use.shared_as not in {None, *LICENCES}:
        raise _no_licence(file, "use.shared_as", str(document.use.shared_as))
    consents = tuple(entry for name in document.people.consent.files for entry in _consents(file.parent / name))
    values: dict[str, Any] = {name: getattr(document, name) for name in _Document.__dataclass_fields__}
    return Policy(**values, consents=consents, file=file, digest=digest_of(file))


def _no_licence(file: Path, path: str, got: str) -> ConfigError:
    nearest = difflib.get_close_matches(got, LICENCES, n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return ConfigError(file, path, f"expected an SPDX or LicenseRef-* id of the licence table, got {got!r}{hint}")


def _consents(file: Path) -> tuple[Consent, ...]:
    entries = load_section(file).read(_Consents).consent
    for index, entry in enumerate(entries):
        if (entry.sha256 is None) == (entry.source is None):
            raise ConfigError(file, f"consent[{index}]", "expected either sha256 or source")
    return entries
