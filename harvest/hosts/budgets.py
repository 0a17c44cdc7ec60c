"""What hosts ask for: their published limits, and the budget of a source at each address.

A limit holds where a source's YAML says nothing of that host. Delays hold from the start of one request to the start of
the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from harvest.config.source import SourceConfig

__all__ = ["LONGEST_WAIT", "PUBLISHED", "SHUT_FOR", "Budget", "Budgets", "HostLimit", "host_of", "retry_after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLimit:
    """What one host, or the part of it below a path, publishes: seconds between requests, how many at once, a day.

    `name` is a host, a host with the beginning of a path, or `.domain` for all hosts below a domain, which then share
    one budget; `source` is where the limit is written down.
    """

    name: str
    source: str
    delay: float | None = None
    concurrency: int | None = None
    daily: int | None = None


LONGEST_WAIT = 300.0  # seconds; a host that asks for more is left alone until another run
SHUT_FOR = 600.0  # seconds that a host is left alone which refuses again and again

_WAYBACK = "https://github.com/edgi-govdata-archiving/wayback/releases/tag/v0.5.1"
_WIKIMEDIA = "https://wikitech.wikimedia.org/wiki/Robot_policy"
_ARCHIVE = "https://archive.org/developers/"
PUBLISHED = (
    # 3,600 calls an hour a key.
    HostLimit(name="api.flickr.com", delay=1.1, concurrency=1, source="https://www.flickr.com/services/developer/api/"),
    # Nothing is published; it answers 429 on a budget of its own, sometimes even at one file in three to ten seconds.
    HostLimit(
        name="live.staticflickr.com",
        delay=2.0,
        concurrency=1,
        source="https://github.com/mikf/gallery-dl/issues/8297",
    ),
    # Beyond 30 index and 600 replay requests a minute it blocks for an hour, then longer: 24 and 480 are safe.
    HostLimit(name="web.archive.org/cdx/", delay=2.5, concurrency=1, source=_WAYBACK),
    HostLimit(name="web.archive.org", delay=0.125, concurrency=2, source=_WAYBACK),
    HostLimit(name="archive.org", concurrency=5, source=_ARCHIVE),
    # Downloads are sent on to the machines that hold them.
    HostLimit(name=".us.archive.org", concurrency=5, source=_ARCHIVE),
    HostLimit(name="index.commoncrawl.org", delay=1.0, concurrency=1, source="https://status.commoncrawl.org/"),
    # 200 requests a minute for clients that say how to reach who runs them, as every User-Agent here does.
    HostLimit(name="commons.wikimedia.org", delay=0.3, concurrency=1, source=_WIKIMEDIA),
    HostLimit(name="upload.wikimedia.org", concurrency=2, source=_WIKIMEDIA),
    # Without a key: 20 requests a minute and 200 a day.
    HostLimit(
        name="api.openverse.org",
        delay=3.0,
        concurrency=1,
        daily=200,
        source="https://docs.openverse.org/api/reference/authentication_and_throttling.html",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How a source may ask at some addresses: `name` is shared by all of them, also between processes.

    `delay` in seconds from start to start, `concurrency` at once, `daily` a UTC day; `jitter` is the share by which
    delays vary, nothing where a host published a limit.
    """

    name: str
    delay: float
    concurrency: int
    daily: int | None = None
    jitter: float = 0.5


class Budgets:
    """The budget of one source at any address: its YAML's `pace.hosts`, else a published limit, else `pace` itself.

    The longest name that fits counts. A `pace.delay` or `pace.concurrency` that the YAML spells out holds for hosts
    with a published limit too, where it is the politer of the two.
    """

    def __init__(self, source: SourceConfig) -> None:
        self._source = source
        self._hosts: dict[str, tuple[tuple[str, Budget], ...]] = {}

    def at(self, url: str) -> Budget:
        """The budget that a request to `url` is paid from."""
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        if host not in self._hosts:
            self._hosts[host] = tuple(sorted(self._of(host), key=lambda entry: -len(entry[0])))
        path = parts.path or "/"
        return next(budget for prefix, budget in self._hosts[host] if path.startswith(prefix))

    def _of(self, host: str) -> Iterator[tuple[str, Budget]]:
        pace = self._source.pace
        own = {prefix: name for name in pace.hosts if (prefix := _covers(name, host)) is not None}
        for prefix, name in own.items():
            mine = pace.hosts[name]
            yield prefix, Budget(name=name, delay=mine.delay, concurrency=mine.concurrency, daily=mine.daily)
        if "" in own:
            return
        published = {prefix: limit for limit in PUBLISHED if (prefix := _covers(limit.name, host)) is not None}
        for prefix, limit in published.items():
            if prefix not in own:
                yield prefix, self._published(limit)
        if "" not in published:
            yield "", Budget(name=host, delay=pace.delay, concurrency=pace.concurrency)

    def _published(self, limit: HostLimit) -> Budget:
        pace, said = self._source.pace, self._source.said
        delay = pace.delay if limit.delay is None else limit.delay
        concurrency = pace.concurrency if limit.concurrency is None else limit.concurrency
        return Budget(
            name=limit.name,
            delay=max(delay, pace.delay) if "pace.delay" in said else delay,
            concurrency=min(concurrency, pace.concurrency) if "pace.concurrency" in said else concurrency,
            daily=limit.daily,
            jitter=0.5 if limit.delay is None else 0.0,
        )


def host_of(url: str) -> str:
    """The host and port of an address, without anybody's login."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, as number or date (RFC 9110, 10.2.3); None when it says neither.

    >>> retry_after("120"), retry_after("soon")
    (120.0, None)
    """
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _covers(name: str, host: str) -> str | None:
    """The path prefix (maybe empty) below which `name` covers `host`, None where it does not."""
    given, slash, path = name.partition("/")
    fits = host.endswith(given) if given.startswith(".") else host == given.lower()
    return slash + path if fits else None
