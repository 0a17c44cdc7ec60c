"""A crawl as a process of its own, `python -m harvest.crawl`; `harvest.crawl.several` starts them."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scrapy import signals
from scrapy.crawler import AsyncCrawlerProcess, Crawler, CrawlerProcessBase
from scrapy.settings import Settings

from harvest.config.source import load_source
from harvest.crawl.base import SourceSpider
from harvest.crawl.several import INTERRUPTED
from harvest.errors import ConfigError, HarvestError

__all__ = ["main", "run_crawler"]

_BEAT = 0.5  # seconds between two progress lines


def run_crawler(process: CrawlerProcessBase, crawler: Crawler, arguments: Mapping[str, Any]) -> int:
    """Run one crawl to its end in this process and return the exit code; what went wrong is a line on stderr."""
    task: Any = process.crawl(crawler, **arguments)
    process.start()
    spider: Any = crawler.spider
    error = None if task.cancelled() or not task.done() else task.exception()
    if error is None and isinstance(spider, SourceSpider):
        error = spider.error
    if isinstance(error, HarvestError):
        sys.stderr.write(f"{_one_line(error)}\n")
        return error.exit_code
    if error is not None:
        raise error
    # Whoever closes a run says how it ended: without a word it was interrupted before it began.
    return INTERRUPTED if spider is None or spider.run.outcome in {None, "interrupted"} else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m harvest.crawl SOURCE [-w DIR] [--limit N] [--retry-now]`: JSON lines on stdout, words on stderr."""
    parser = argparse.ArgumentParser(prog="python -m harvest.crawl", description=main.__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("-w", "--workspace", type=Path)
    parser.add_argument("--limit")
    parser.add_argument("--retry-now", action="store_true", help="ask again also for what was to be left alone")
    parser.add_argument("--loglevel", default="WARNING")
    parser.add_argument("--while-stdin", action="store_true", help="stop cleanly when standard input closes")
    options = parser.parse_args(arguments)
    try:
        source = load_source(options.source)
        process = AsyncCrawlerProcess(_settings(options.loglevel))
        try:
            crawler = process.create_crawler(source.spider)
        except KeyError:
            known = ", ".join(sorted(process.spider_loader.list()))
            raise ConfigError(source.file, "spider", f"expected one of {known}, got {source.spider!r}") from None
    except HarvestError as error:
        sys.stderr.write(f"{_one_line(error)}\n")
        return error.exit_code
    _report_progress(crawler, source.name)
    if options.while_stdin:
        _stop_at_end_of_stdin(crawler)
    given = {"source": str(options.source), "workspace": options.workspace and str(options.workspace)}
    given |= {"limit": options.limit, "retry": "now" if options.retry_now else None}
    code = run_crawler(process, crawler, given)
    spider: Any = crawler.spider
    if isinstance(spider, SourceSpider):
        message = _one_line(spider.error) if spider.error else ""
        outcome = spider.run.outcome or ("failed" if spider.error else "interrupted")
        state = {"run_id": spider.run.run_id, "outcome": outcome, "message": message}
        _write({"event": "finished", "source": source.name, "exit_code": code, **state, **spider.run.tally.as_dict()})
    return code


def _report_progress(crawler: Crawler, name: str) -> None:
    """Write a progress line twice a second while the crawl runs and something changed."""

    async def beat() -> None:
        said: dict[str, int] = {}
        while True:
            spider: Any = crawler.spider
            counts = spider.run.tally.as_dict()
            if counts != said:
                _write({"event": "progress", "source": name, **counts})
                said = counts
            await asyncio.sleep(_BEAT)

    beats: list[asyncio.Task[None]] = []

    async def begin() -> None:
        beats.append(asyncio.create_task(beat()))

    async def end() -> None:
        for task in beats:
            task.cancel()

    crawler.signals.connect(begin, signals.spider_opened, weak=False)
    crawler.signals.connect(end, signals.spider_closed, weak=False)


def _stop_at_end_of_stdin(crawler: Crawler) -> None:
    """Interrupt the crawl as Ctrl-C does when standard input ends."""

    async def listen() -> None:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), look)

    def look() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            os.kill(os.getpid(), signal.SIGINT)

    crawler.signals.connect(listen, signals.spider_opened, weak=False)


def _settings(level: str) -> Settings:
    settings = Settings()
    settings.setmodule("harvest.crawl.settings", priority="project")
    settings.set("LOG_LEVEL", level, priority="cmdline")
    return settings


def _write(event: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
