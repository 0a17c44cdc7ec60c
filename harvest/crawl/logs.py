"""What a crawl says on stderr: what a person can use, one line each."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Iterable
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from scrapy import Request, Spider
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.python.failure import Failure

from harvest.hosts.addresses import Unfetched

__all__ = ["QuietFormatter", "hidden", "hide", "hide_url", "quieten"]

_CHATTY = (
    "scrapy.addons",
    "scrapy.core.engine",
    "scrapy.core.scraper",
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

    def download_error(
        self, failure: Failure, request: Request, spider: Spider, errmsg: str | None = None
    ) -> LogFormatterResult:
        """What was not asked for with good reason is told by its row."""
        said = super().download_error(failure, request, spider, errmsg)
        return {**said, "level": logging.DEBUG} if isinstance(failure.value, Unfetched) else said


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
    """From now on no message that this process logs shows any of `secrets`, tracebacks included."""
    new = {str(secret) for secret in secrets if secret} - _Discreet.secrets
    if new:
        _Discreet.secrets = _Discreet.secrets | new
        logging.setLogRecordFactory(_Discreet)


def hidden() -> frozenset[str]:
    """What `hide` was told."""
    return frozenset(_Discreet.secrets)


def hide_url(url: str) -> None:
    """Hide the user and the password of a URL, however they are written on the way; the host may be told."""
    parts = urlsplit(url)
    if not parts.password:
        return
    login = f"{unquote(parts.username or '')}:{unquote(parts.password)}"
    raw = parts.netloc.rpartition("@")[0]
    hide((url, raw, login, parts.password, unquote(parts.password), b64encode(login.encode("utf-8")).decode()))


class _Discreet(logging.LogRecord):
    secrets: ClassVar[set[str]] = set()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        if self.exc_info and isinstance(self.exc_info, tuple) and self.exc_info[0] is not None:
            # Formatters take the text that is there already.
            self.exc_text = self._without(logging.Formatter().formatException(self.exc_info))

    def getMessage(self) -> str:  # noqa: N802 - logging's name
        return self._without(super().getMessage())

    def _without(self, text: str) -> str:
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text
