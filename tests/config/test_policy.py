from __future__ import annotations

from pathlib import Path

import pytest

from harvest.config.policy import LicenceTerms, Severity, default_policy, load_policy
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

    for field in ("name", "licences", "use", "opt_out", "synthetic", "composition", "severity"):
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
    ],
)
def test_errors_name_file_path_and_expectation(tmp_path: Path, text: str, message: str) -> None:
    file = policy(tmp_path, text)

    with pytest.raises(ConfigError) as caught:
        load_policy(file)

    assert str(caught.value).startswith(f"{file}: {message}")
