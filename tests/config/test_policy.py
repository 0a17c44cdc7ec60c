from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from harvest.config.policy import Consent, LicenceTerms, Severity, default_policy, load_policy
from harvest.errors import ConfigError

POLICIES = Path(__file__).parents[2] / "configs" / "policies"


def policy(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "p.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("name", ["strict", "research", "personal"])
def test_given_policies_load_under_their_file_name(name: str) -> None:
    assert load_policy(POLICIES / f"{name}.yaml").name == name


def test_research_file_says_what_holds_when_no_policy_is_named() -> None:
    named, default = load_policy(POLICIES / "research.yaml"), default_policy()

    for field in ("name", "licences", "use", "opt_out", "synthetic", "people", "composition", "severity"):
        assert getattr(named, field) == getattr(default, field), field


def test_strict_takes_the_free_licences_alone() -> None:
    terms = load_policy(POLICIES / "strict.yaml").licences

    assert all(terms.allows(name) for name in ("CC-BY-4.0", "CC0-1.0", "CC-BY-SA-2.0", "CC-BY-3.0-DE"))
    assert not any(terms.allows(name) for name in ("CC-BY-NC-2.0", "CC-BY-ND-4.0", "LicenseRef-All-Rights-Reserved"))


def test_empty_list_allows_every_known_licence() -> None:
    assert LicenceTerms(allow=()).allows("LicenseRef-All-Rights-Reserved")


def test_severity_overrules_the_check(tmp_path: Path) -> None:
    loaded = load_policy(policy(tmp_path, "name: mine\nseverity: {creator-named: violation, sighted: ignore}\n"))

    assert loaded.severity_of("creator-named", Severity.NOTE) is Severity.VIOLATION
    assert loaded.severity_of("sighted", Severity.VIOLATION) is Severity.IGNORE
    assert loaded.severity_of("page-url", Severity.WARNING) is Severity.WARNING


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("severity: {sighted: loud}", "severity.sighted: expected one of violation, warning, note, ignore, got 'loud'"),
        ("composition: {creator: 1.5}", "composition.creator: expected a number > 0 and <= 1, got 1.5"),
        ("opt_out: {honour: [robot]}", "opt_out.honour[0]: expected one of "),
        (
            "licences: {allow: [CC0-1.0, CC-BY-5.0]}",
            "licences.allow[1]: expected an SPDX or LicenseRef-* id of the licence table, got 'CC-BY-5.0'; ",
        ),
        ("licenses: {}", "licenses: unknown key; did you mean 'licences'?"),
        ("use: {shared_as: CC-BY-SA}", "use.shared_as: expected an SPDX or LicenseRef-* id of the licence table, got "),
        ("people: {faces: blur}", "people.faces: expected one of ignore, note, needs-consent, got 'blur'"),
        ("people: {consents: []}", "people.consents: unknown key; did you mean 'consent'?"),
        ("people: {consent: {labels: x}}", "people.consent.labels: expected a list, each entry a text, got 'x'"),
        ("composition: {country: 0}", "composition.country: expected a number > 0 and <= 1, got 0"),
    ],
)
def test_errors_name_file_path_and_expectation(tmp_path: Path, text: str, message: str) -> None:
    file = policy(tmp_path, text)

    with pytest.raises(ConfigError) as caught:
        load_policy(file)

    assert str(caught.value).startswith(f"{file}: {message}")


SHA = "ab" * 32


def test_consent_is_read_from_the_files_beside_the_policy(tmp_path: Path) -> None:
    (tmp_path / "consent.yaml").write_text(
        f"consent:\n- {{sha256: {SHA}, evidence: release 7}}\n- {{source: portraits, evidence: contract of 3 May}}\n"
    )

    loaded = load_policy(policy(tmp_path, "people: {faces: needs-consent, consent: {files: [consent.yaml]}}"))

    assert loaded.consents == (
        Consent(sha256=SHA, evidence="release 7"),
        Consent(source="portraits", evidence="contract of 3 May"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {evidence: release 7}", "consent[0]: expected either sha256 or source"),
        (f"- {{sha256: {SHA}, source: x, evidence: y}}", "consent[0]: expected either sha256 or source"),
        ("- {sha256: AB12, evidence: y}", "consent[0].sha256: expected a sha256, 64 small hex digits, got 'AB12'"),
        (f"- {{sha256: {SHA}}}", "consent[0].evidence: missing; expected a text"),
    ],
)
def test_errors_in_a_file_of_consent_name_its_path(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "consent.yaml"
    file.write_text(f"consent:\n{text}\n")

    with pytest.raises(ConfigError) as caught:
        load_policy(policy(tmp_path, "people: {consent: {files: [consent.yaml]}}"))

    assert str(caught.value) == f"{file}: {message}"


def test_file_of_consent_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: no such file"):
        load_policy(policy(tmp_path, "people: {consent: {files: [none.yaml]}}"))


def test_given_policies_say_every_setting() -> None:
    def left_out(section: Any, given: Mapping[str, Any], at: str = "") -> Iterator[str]:
        for name in (each.name for each in fields(section)):
            if name not in given:
                yield at + name
            elif is_dataclass(value := getattr(section, name)):
                yield from left_out(value, given[name], f"{at}{name}.")

    for file in sorted(POLICIES.glob("*.yaml")):
        unsaid = {*left_out(load_policy(file), yaml.safe_load(file.read_text()))}
        assert unsaid == {"consents", "file", "digest"}, file.name
