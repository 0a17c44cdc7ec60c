"""What a crawl says on stderr: what a person can use, one line each."""

from __future__ import annotations

import logging
from typing import Any

from scrapy.logformatter import LogFormatter, LogFormatterResult

__all__ = ["QuietFormatter", "quieten"]

_CHATTY = (
    "scrapy.addons",
    "scrapy.core.engine",
    "scrapy.crawler",
    "scrapy.downloadermiddlewares.redirect",
    "scrapy.extensions.memusage",
    "scrapy.middleware",
    "scrapy.spidermiddlewares.httperror",
    "scrapy.utils.log",
    "scrapy-playwright",
    "asyncio",
    "py.warnings",
)


class QuietFormatter(LogFormatter):
    """Says nothing of dropped items: an item is dropped only where it has its row already."""

    def dropped(self, *_args: Any, **_kwargs: Any) -> LogFormatterResult:
        """Not worth a line."""
        return None  # type: ignore[return-value]  # Scrapy documents None as "say nothing"


def quieten() -> None:
    """Raise the level of loggers that tell about Scrapy's own workings, unless somebody set one."""
    for name in _CHATTY:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)
    # It writes tracebacks of hosts that are down, which end as rows with a reason.
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)
