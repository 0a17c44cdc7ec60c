"""The spider that every source's spider is built on: it reads the YAML and makes Scrapy obey it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import scrapy
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.utils.conf import closest_scrapy_cfg
from twisted.python.failure import Failure

from harvest import DISTRIBUTION, __version__
from harvest.config.source import SourceConfig, load_source
from harvest.crawl.logs import quieten
from harvest.crawl.net.browser import BrowserOptions, browser_meta, browser_settings
from harvest.crawl.net.pace import hold_host
from harvest.crawl.net.robots import RobotsDenied
from harvest.crawl.shared import shared_settings, shared_source
from harvest.crawl.sites.coverage import Coverage
from harvest.crawl.steps.expect import Shares, expected_fields
from harvest.crawl.steps.state import RunState, Tally
from harvest.errors import ConfigError, HarvestError, SourceChanged, UsageError
from harvest.items import ImageItem
from harvest.licences import licence, normalize
from harvest.store import settle_store
from harvest.workspace import Workspace

__all__ = ["SourceSpider"]

O = TypeVar("O")  # noqa: E741 - a spider's options
Callback = Callable[..., Any]


class SourceSpider(scrapy.Spider, Generic[O]):
    """Base of all spiders: `-a source=PATH [-a workspace=DIR] [-a limit=N] [-a retry=now]`.

    A spider names its options dataclass in `options_type`, parses, and yields ImageItem and Request, nothing else. What
    it raises ends the run: SourceRefused and SourceChanged with exit code 3, ConfigError from `check` with 2.
    """

    options_type: ClassVar[type[Any]]
    source: SourceConfig
    options: O

    def __init__(
        self,
        source: str | None = None,
        workspace: str | None = None,
        limit: str | None = None,
        retry: str | None = None,
        **unknown: str,
    ) -> None:
        super().__init__()
        if unknown:
            raise UsageError(f"unknown spider argument {min(unknown)!r}; known are source, workspace, limit and retry")
        if retry not in {None, "now"}:
            raise UsageError(f"retry: expected now, got {retry!r}")
        if not source:
            raise UsageError(f"which source? scrapy crawl {self.name} -a source=configs/sources/<name>.yaml")
        self.source = shared_source(load_source(_found(Path(source))))
        if self.source.spider != self.name:
            raise ConfigError(
                self.source.file, "spider", f"this file is for the spider {self.source.spider!r}, not {self.name!r}"
            )
        self.options = self.source.options.read(self.options_type)
        self.workspace = Workspace(Path(workspace or os.environ.get("HARVEST_WORKSPACE") or "workspace"))
        self.limit = _whole(limit)
        self.license = _license(self.source)
        self.retry_now = retry == "now"
        self.run = RunState(tally=Tally(Shares(expected_fields(self.source))))
        self.is_done = False
        self.error: HarvestError | None = None
        self.troubles: list[str] = []
        self.denied: list[str] = []
        self.coverage = Coverage(is_shared=self.source.scheduler is not None)
        self._unread: set[str] = set()
        self.check()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Make the spider and set what its source decides. Raises ConfigError, UsageError and ComponentMissing."""
        spider = cls(*args, **kwargs)
        spider._set_crawler(crawler)
        for name, value in {**_settings(spider.source), **shared_settings(spider.source)}.items():
            crawler.settings.set(name, value, priority="spider")
        browser = getattr(spider.options, "browser", None)
        if isinstance(browser, BrowserOptions) and browser.enabled:
            for name, value in browser_settings(browser, spider.source).items():
                crawler.settings.set(name, value, priority="spider")
        quieten(crawler.settings["LOG_LEVEL"])
        settle_store(spider.workspace.root, os.environ.get("HARVEST_STORE"))
        return spider

    def check(self) -> None:
        """What a spider asks of its options beyond their types. Raises ConfigError."""

    def closed(self, reason: str) -> None:  # noqa: ARG002 - Scrapy's name and signature
        """Write down how much of its lists was met, where the spider counted it in `self.coverage`."""
        self.coverage.write(self.workspace, self.source.name, self.run.run_id)

    def page(self, url: str, callback: Callback, *, errback: Callback | None = None, **arguments: Any) -> Request:
        """A request for a page, by browser when the source's options say so; `arguments` go to the callback."""
        browser = getattr(self.options, "browser", None)
        meta = browser_meta(browser) if isinstance(browser, BrowserOptions) and browser.enabled else {}
        return Request(url, callback, errback=errback, cb_kwargs=arguments, meta=meta)

    def read_json(self, response: Response) -> Any:
        """The answer's JSON, None when it is none."""
        try:
            return json.loads(response.body)
        except (ValueError, RecursionError):
            return None

    def announce(self, images: int) -> None:
        """Note how many images the source says that a list of it holds; what is announced adds up."""
        self.run.announced += images

    def note_unread(self, record: Mapping[str, Any], read: Collection[str], what: str) -> None:
        """Say once of each field of a source's record that nobody reads: it may hold what the ledger should know.

        `read` names the fields that are read or knowingly left, `what` the kind of record.
        """
        for name in sorted(record.keys() - set(read) - self._unread):
            self._unread.add(name)
            self.logger.warning("%s has a field %r that is not read", what, name)

    def again(self, response: Response, reason: str) -> Request:
        """The same request once more after a pause of the whole host. Raises SourceChanged when it was asked enough."""
        request = response.request
        assert request is not None
        times = request.meta.get("asked_again", 0) + 1
        if times > self.source.pace.retries:
            raise SourceChanged(f"{reason}, also not after {times} attempts; try again later")
        hold_host(self.crawler, request, times)
        return request.replace(dont_filter=True, meta={**request.meta, "asked_again": times})

    def complete(self, item: ImageItem) -> ImageItem:
        """The item with the terms that hold for the whole source where the record says nothing of its own."""
        if item.creator is None and self.source.creator:
            item = replace(item, creator=self.source.creator)
        if item.license is None and item.license_raw is None and item.license_url is None and self.source.license:
            known = licence(self.license or "")
            item = replace(
                item,
                license=self.license,
                license_url=self.source.terms or (known.uri if known else None),
                license_raw=self.source.license,
            )
        if self.source.citation:
            item = replace(item, raw={**item.raw, "citation": self.source.citation})
        return item

    def give_up(self, error: HarvestError) -> None:
        """End the run with `error`, the first one counts: nothing more is asked for, what was met is still fetched."""
        self.is_done = True
        if self.error is None:
            self.error = error

    def missed(self, url: str, why: str) -> None:
        """Note a page that should have been read and was not: the run ends as failed, since images are missing."""
        self.troubles.append(f"{url}: {why}")
        self.logger.warning("%s: %s", url, why)

    def page_failed(self, failure: Failure) -> Iterator[Any]:
        """Where Scrapy brings a page that did not answer."""
        request: Request = failure.request  # type: ignore[attr-defined]
        if isinstance(failure.value, RobotsDenied):
            self.denied.append(request.url)
            self.logger.warning("%s: not read, robots.txt denies it", request.url)
            return iter(())
        response = getattr(failure.value, "response", None)
        said = str(failure.value).strip().partition("\n")[0] or type(failure.value).__name__
        self.missed(request.url, f"HTTP {response.status}" if response is not None else said)
        return iter(())


def _found(source: Path) -> Path:
    """`source` as seen from here, else from the folder where scrapy.cfg stands."""
    root = closest_scrapy_cfg()
    if not source.exists() and root and (Path(root).parent / source).exists():
        return Path(root).parent / source
    return source


def _whole(limit: str | None) -> int | None:
    if limit is None:
        return None
    if not limit.isdecimal() or int(limit) < 1:
        raise UsageError(f"limit: expected a whole number >= 1, got {limit!r}")
    return int(limit)


def _license(source: SourceConfig) -> str | None:
    if source.license is None:
        return None
    found = normalize(source.license)
    if found is None and source.license.startswith("LicenseRef-"):
        return source.license
    if found is None:
        expected = "an SPDX id, a LicenseRef-* or a licence's URL"
        raise ConfigError(source.file, "license", f"expected {expected}, got {source.license!r}")
    return found


def _settings(source: SourceConfig) -> dict[str, Any]:
    pace, limits = source.pace, source.limits
    return {
        "USER_AGENT": f"{DISTRIBUTION}/{__version__} (+{source.contact})",
        "DOWNLOAD_DELAY": pace.delay,
        "CONCURRENT_REQUESTS_PER_DOMAIN": pace.concurrency,
        "DOWNLOAD_SLOTS": {
            host: {"delay": own.delay, "concurrency": own.concurrency} for host, own in pace.hosts.items()
        },
        "RETRY_TIMES": pace.retries,
        "DOWNLOAD_TIMEOUT": limits.timeout,
        "DOWNLOAD_MAXSIZE": limits.max_bytes,
    }
