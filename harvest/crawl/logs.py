"""What a crawl says on stderr: what a person can use, one line each."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, ClassVar

from scrapy.logformatter import LogFormatter, LogFormatterResult

__all__ = ["QuietFormatter", "hide", "quieten"]

_CHATTY = (
    "scrapy.addons",
    "scrapy.core.engine",
    "scrapy.crawler",
    "scrapy.downloadermiddlewares.redirect",
    "scrapy.extensions.memusage",
    "scrapy.middleware",
    "scrapy.spidermiddlewares.httperror",
    "scrapy.utils.log",
    "asyncio",
    "py.warnings",
)


_DRAMATIC = ("scrapy.downloadermiddlewares.robotstxt", "scrapy-playwright")


class QuietFormatter(LogFormatter):
    """Says nothing of dropped items: an item is dropped only where it has its row already."""

    def dropped(self, *_args: Any, **_kwargs: Any) -> LogFormatterResult:
        """Not worth a line."""
        return None  # type: ignore[return-value]  # Scrapy documents None as "say nothing"


def quieten(level: str | int) -> None:
    """Raise the level of loggers that tell about Scrapy's own workings, unless all is to be told (DEBUG)."""
    for name in _CHATTY if level not in {"DEBUG", logging.DEBUG} else ():
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)
    # These write tracebacks of hosts and pages that do not answer, which the run tells of by itself.
    for name in _DRAMATIC:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def hide(secrets: Iterable[str]) -> None:
    """From now on no message that this process logs shows any of `secrets`."""
    _Discreet.secrets |= {secret for secret in secrets if secret}
    logging.setLogRecordFactory(_Discreet)


class _Discreet(logging.LogRecord):
    secrets: ClassVar[set[str]] = set()

    def getMessage(self) -> str:  # noqa: N802 - logging's name
        text = super().getMessage()
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text
