"""A source config: where images are, on what terms they may be asked for, and who is asking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harvest.config.reader import Secret, Section, digest_of, load_section, setting
from harvest.config.sizes import SizeConfig, check_sizes

__all__ = ["Expectations", "HostPace", "Limits", "OptOutTerms", "Pace", "SourceConfig", "load_source"]

OPT_OUT_KINDS = ("robots", "x-robots-tag", "meta-robots", "tdmrep", "content-usage", "content-signal", "iptc", "c2pa")
_SLUG = r"^[a-z0-9][a-z0-9._-]*$"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPace:
    """Seconds between two requests to one host, how many may be under way there at once, and how many a day (UTC)."""

    delay: float = setting(1.0, ge=0)
    concurrency: int = setting(2, ge=1)
    daily: int | None = setting(None, ge=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The pace of a whole source; `hosts` names the ones that have a budget of their own (an API beside its CDN).

    A name in `hosts` is a host, a host with the beginning of a path (`web.archive.org/cdx/`) where one host has two
    budgets, or `.domain` for all hosts below a domain together. What is not said here is taken from the hosts'
    published limits, then from `delay` and `concurrency`. `daily` bounds the requests of the whole source in a day
    (UTC), counted over all of its processes and runs; a run that has used it up ends, and the next one goes on.
    """

    delay: float = setting(1.0, ge=0)
    concurrency: int = setting(2, ge=1)
    retries: int = setting(3, ge=0)
    daily: int | None = setting(None, ge=1)
    hosts: Mapping[str, HostPace] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one answer may cost us before it is dropped with a reason."""

    max_bytes: int = setting(64 * 1024 * 1024, gt=0)
    max_pixels: int = setting(100_000_000, gt=0)
    max_redirects: int = setting(10, ge=0)
    max_header_bytes: int = setting(64 * 1024, ge=1024)
    timeout: float = setting(60.0, gt=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOutTerms:
    """Which refusals are honoured before and during the crawl; the others are recorded only."""

    honour: tuple[str, ...] = setting(OPT_OUT_KINDS, choices=OPT_OUT_KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """What a complete crawl of this source brings at the least; falling short ends with exit code 3.

    `fields` maps fields of an item (`license`, `creator`, `title`, ...) to the share of images that must have them.
    """

    min: int = setting(0, ge=0)
    fields: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """The file's own shape: every key that stands at its top."""

    name: str = setting(pattern=_SLUG, expected="a name of small letters, digits, '.', '_' and '-'")
    spider: str = setting(pattern=_SLUG, expected="the name of a spider (see `scrapy list`)")
    contact: str = setting(pattern=r"@|https?://", expected="who runs this crawl: an e-mail address or a URL")
    terms: str | None = None
    license: str | None = None
    creator: str | None = None
    citation: str | None = None
    pace: Pace = field(default_factory=Pace)
    limits: Limits = field(default_factory=Limits)
    opt_out: OptOutTerms = field(default_factory=OptOutTerms)
    expect: Expectations = field(default_factory=Expectations)
    max_age_days: float = setting(7.0, ge=0)
    proxy: Secret | None = setting(None, pattern=r"^https?://", expected="a proxy URL, http://host:port")
    allow_private_addresses: bool = False
    evidence: str = setting("none", choices=("none", "warc", "wacz"))
    scheduler: Secret | None = setting(None, pattern=r"^rediss?://", expected="redis://host:port/number")
    sizes: tuple[SizeConfig, ...] = ()
    options: Section | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig(_Document):
    """A validated source. `options` is read by the spider that `spider` names, into a dataclass of its own.

    `license` and `creator` are the terms that hold for the whole source where a record says nothing of its own; `terms`
    is the URL where they are written down, `citation` how the dataset wants to be named. `max_age_days` is how long a
    fetched URL counts as fresh. `allow_private_addresses` lets requests go to this machine and its private networks.
    `said` has the paths that the file spells out where that matters (`pace.delay`, `pace.concurrency`).
    `evidence` keeps raw answers. `scheduler` is a Redis that several workers share. `sizes` are made while the bytes
    are at hand.
    """

    file: Path
    digest: str
    options: Section
    said: frozenset[str] = frozenset()


def load_source(file: Path) -> SourceConfig:
    """Read and validate a source config. Raises ConfigError."""
    section = load_section(file)
    document = section.read(_Document)
    check_sizes(section, document.sizes, plain=True)
    values = {name: getattr(document, name) for name in _Document.__dataclass_fields__ if name != "options"}
    return SourceConfig(
        **values,
        file=file,
        digest=digest_of(file),
        options=document.options or Section(file, "options", {}),
        said=frozenset(f"pace.{key}" for key in section.section("pace").values),
    )
