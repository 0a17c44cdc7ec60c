"""One crawl by several workers, on one or many machines: through scrapy-redis, with acknowledgement, without pickle."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from harvest.config.reader import Secret
from harvest.config.source import SourceConfig
from harvest.errors import UsageError

__all__ = ["SCHEDULER", "shared_settings", "shared_source"]

SCHEDULER = "HARVEST_SCHEDULER"  # in the environment, where no list of processes shows the password


def shared_source(source: SourceConfig) -> SourceConfig:
    """The source with the scheduler that the environment names, which goes before its own. Raises UsageError."""
    url = os.environ.get(SCHEDULER)
    if url:
        source = replace(source, scheduler=checked(url))
    if source.scheduler:
        from harvest.crawl.logs import hide  # noqa: PLC0415 - brings Scrapy along, which starting a crawl does not need

        hide([source.scheduler, urlsplit(source.scheduler).password or ""])
    return source


def checked(url: str) -> Secret:
    """The address of a Redis. Raises UsageError when it is none."""
    if not re.match(r"(rediss?://[^/]|unix:///)", url):
        raise UsageError("scheduler: expected redis://host:port/number")
    return Secret(url)


def shared_settings(source: SourceConfig) -> dict[str, Any]:
    """Scrapy settings that let workers share the crawl of `source`; none when it names no scheduler."""
    return {"SCHEDULER": "harvest.crawl.shared.scheduler.SharedScheduler"} if source.scheduler else {}
