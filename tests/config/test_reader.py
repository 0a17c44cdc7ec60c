"""Every way a configuration file can be wrong has one line that says where and what was expected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from harvest.config.reader import Secret, digest_of, load_section, setting
from harvest.config.source import load_source
from harvest.errors import ConfigError

GOOD = """
name: fins
spider: flickr
contact: anna@example.org
pace: {delay: 2.5, hosts: {live.staticflickr.com: {delay: 5}}}
options: {api_key: "${FINS_KEY}"}
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "x.yaml"
    file.write_text(text)
    return file


def test_a_good_source_becomes_frozen_dataclasses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINS_KEY", "s3cret")

    source = load_source(write(tmp_path, GOOD))

    assert (source.name, source.spider, source.contact) == ("fins", "flickr", "anna@example.org")
    assert source.pace.delay == 2.5
    assert source.pace.hosts["live.staticflickr.com"].delay == 5.0
    assert source.options.values == {"api_key": "s3cret"}
    with pytest.raises(AttributeError):
        source.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("delay: 2.5", "delay: fast"), "pace.delay: expected a number >= 0, got 'fast'"),
        (("delay: 2.5", "delay: -1"), "pace.delay: expected a number >= 0, got -1"),
        (("delay: 2.5", "delay: .inf"), "pace.delay: expected a number >= 0, got inf"),
        (("delay: 2.5", "dely: 2.5"), "pace.dely: unknown key; did you mean 'delay'?"),
        (("delay: 5", "delay: true"), "pace.hosts.live.staticflickr.com.delay: expected a number >= 0, got True"),
        (("spider: flickr\n", ""), "spider: missing; expected the name of a spider (see `scrapy list`)"),
        (
            ("contact: anna@example.org", "contact: me"),
            "contact: expected who runs this crawl: an e-mail address or a URL, got 'me'",
        ),
        (
            ("contact: anna@example.org\n", ""),
            "contact: missing; expected who runs this crawl: an e-mail address or a URL",
        ),
        (
            ("pace: {", "opt_out: {honour: [robots, tdm]}\npace: {"),
            (
                "opt_out.honour[1]: expected one of robots, x-robots-tag, meta-robots, tdmrep, content-usage, "
                "content-signal, iptc, c2pa, got 'tdm'"
            ),
        ),
        (('options: {api_key: "${FINS_KEY}"}', "options: none"), "options: expected a mapping, got 'none'"),
    ],
)
def test_an_error_names_file_path_and_expectation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: tuple[str, str], message: str
) -> None:
    monkeypatch.setenv("FINS_KEY", "s3cret")
    file = write(tmp_path, GOOD.replace(*change))

    with pytest.raises(ConfigError) as error:
        load_source(file)

    assert str(error.value) == f"{file}: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "expected a mapping of settings, got list"),
        ("name: [", "not YAML: line 1, column 8: expected the node content, but found '<stream end>'"),
        ("a: 1\nb: 2\na: 3\n", "not YAML: line 3, column 1: key 'a' stands here twice"),
        (
            "a: {b: ['${HARVEST_TEST_UNSET}']}",
            (
                "a.b[0]: environment variable HARVEST_TEST_UNSET is not set; "
                "set it before the crawl: export HARVEST_TEST_UNSET=..."
            ),
        ),
    ],
)
def test_a_file_that_is_no_settings_says_so(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path, text)

    with pytest.raises(ConfigError) as error:
        load_section(file)

    assert str(error.value) == f"{file}: {message}"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: no such file"):
        load_section(tmp_path / "absent.yaml")


def test_a_secret_shows_itself_nowhere(tmp_path: Path) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Options:
        key: Secret = setting(pattern=r"^[a-f0-9]{32}$")

    section = load_section(write(tmp_path, "key: hunter2"))

    with pytest.raises(ConfigError) as error:
        section.read(Options)
    assert "hunter2" not in str(error.value)
    assert "hunter2" not in repr(Secret("hunter2"))


def test_the_digest_is_blind_to_layout_comments_and_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "one")
    first = digest_of(write(tmp_path, "a: 1\nb: ${KEY}\n"))
    monkeypatch.setenv("KEY", "two")

    assert digest_of(write(tmp_path, "# note\nb:   ${KEY}\na: 1\n")) == first
    assert digest_of(write(tmp_path, "a: 2\nb: ${KEY}\n")) != first


@dataclass(frozen=True, slots=True, kw_only=True)
class Either:
    words: Path | tuple[str, ...] | dict[str, str]
    cut: float | Literal["auto"] = 0.5


@pytest.mark.parametrize(
    ("text", "words", "cut"),
    [
        ("{words: fish.yaml, cut: auto}", Path("fish.yaml"), "auto"),
        ("{words: [pike, 7], cut: 0.2}", ("pike", "7"), 0.2),
        ("{words: {pike: a fish}}", {"pike": "a fish"}, 0.5),
    ],
)
def test_what_may_be_written_in_several_ways_is_read_by_its_shape(
    tmp_path: Path, text: str, words: object, cut: object
) -> None:
    read = load_section(write(tmp_path, text)).read(Either)

    assert (read.words, read.cut) == (words, cut)


def test_a_value_of_no_shape_is_told_all_of_them(tmp_path: Path) -> None:
    section = load_section(write(tmp_path, "{words: [pike], cut: sometimes}"))

    with pytest.raises(ConfigError) as failure:
        section.read(Either)

    assert failure.value.message == "expected a number or one of auto, got 'sometimes'"
