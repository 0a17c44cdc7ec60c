"""Crawls as processes of their own: one with `python -m harvest.crawl`, several side by side with crawl_sources."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from scrapy import signals
from scrapy.crawler import AsyncCrawlerProcess, Crawler, CrawlerProcessBase
from scrapy.settings import Settings

from harvest.config.source import load_source
from harvest.crawl.base import SourceSpider
from harvest.errors import ConfigError, HarvestError
from harvest.progress import Progress, Task
from harvest.workspace import Workspace

__all__ = ["CrawlReport", "crawl_sources", "main", "run_crawler"]

INTERRUPTED = 130
_FAILED = 3
_BEAT = 0.5  # seconds between two progress lines


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlReport:
    """How one source's crawl ended. `counts` has `met` and one number for each outcome; `message` is for people."""

    source: str
    run_id: str | None
    outcome: str
    exit_code: int
    counts: Mapping[str, int] = field(default_factory=dict)
    message: str = ""


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
    return INTERRUPTED if spider is None or spider.run.outcome == "interrupted" else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m harvest.crawl SOURCE.yaml [-w DIR] [--limit N]`: JSON lines on stdout, words on stderr."""
    parser = argparse.ArgumentParser(prog="python -m harvest.crawl", description=main.__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("-w", "--workspace", type=Path)
    parser.add_argument("--limit")
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
    code = run_crawler(process, crawler, {**given, "limit": options.limit})
    spider: Any = crawler.spider
    if isinstance(spider, SourceSpider):
        message = _one_line(spider.error) if spider.error else ""
        state = {"run_id": spider.run.run_id, "outcome": spider.run.outcome or "failed", "message": message}
        _write({"event": "finished", "source": source.name, "exit_code": code, **state, **spider.run.tally.as_dict()})
    return code


def crawl_sources(
    workspace: Workspace, sources: Sequence[Path], *, processes: int, progress: Progress, limit: int | None = None
) -> list[CrawlReport]:
    """Crawl every source in a process of its own, `processes` at a time; reports in the order of `sources`.

    Raises ConfigError before anything starts when a source is wrong. KeyboardInterrupt stops all cleanly, state saved.
    """
    names = [load_source(source).name for source in sources]
    events: Queue[tuple[int, dict[str, Any]]] = Queue()
    children: dict[int, subprocess.Popen[str]] = {}
    tasks: dict[int, Task] = {}
    shown: dict[int, int] = {}
    stopped = threading.Event()

    def crawl(index: int) -> CrawlReport:
        if stopped.is_set():
            return CrawlReport(source=names[index], run_id=None, outcome="interrupted", exit_code=INTERRUPTED)
        command = [
            sys.executable,
            "-m",
            "harvest.crawl",
            str(sources[index]),
            "-w",
            str(workspace.root),
            "--while-stdin",
        ]
        command += ["--limit", str(limit)] if limit else []
        return _watch(index, names[index], command, children, events.put)

    pool = ThreadPoolExecutor(max(1, processes))
    futures = [pool.submit(crawl, index) for index in range(len(sources))]
    try:
        while not all(future.done() for future in futures) or not events.empty():
            with suppress(Empty):
                index, event = events.get(timeout=0.1)
                if index not in tasks:
                    tasks[index] = progress.start(f"crawl {names[index]}").__enter__()
                met = int(event.get("met", 0))
                tasks[index].advance(met - shown.get(index, 0), _note(event))
                shown[index] = met
                if event.get("event") == "finished":
                    tasks.pop(index).__exit__(None, None, None)
    except KeyboardInterrupt:
        stopped.set()
        for child in list(children.values()):
            child.send_signal(signal.SIGINT)
        pool.shutdown(wait=True)
        raise
    finally:
        for task in tasks.values():
            task.__exit__(None, None, None)
        pool.shutdown(wait=True)
    return [future.result() for future in futures]


def _watch(
    index: int,
    name: str,
    command: list[str],
    children: dict[int, subprocess.Popen[str]],
    tell: Callable[[tuple[int, dict[str, Any]]], None],
) -> CrawlReport:
    """Run one child to its end. It gets a session of its own, so that Ctrl-C reaches it once, through us, and a pipe
    as standard input, whose end tells it when we are gone.
    """
    last: dict[str, Any] = {}
    words: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as child:
        children[index] = child
        assert child.stdout is not None
        assert child.stderr is not None
        listener = threading.Thread(target=lambda: words.extend(_passed_on(child.stderr)), daemon=True)
        listener.start()
        for line in child.stdout:
            with suppress(ValueError):
                last = json.loads(line)
                tell((index, last))
        code = child.wait()
        listener.join()
    del children[index]
    counts = {key: value for key, value in last.items() if isinstance(value, int) and key != "exit_code"}
    message = str(last.get("message") or (words[-1].strip() if words and code else ""))
    outcome = str(last.get("outcome") or "failed")
    return CrawlReport(
        source=name, run_id=last.get("run_id"), outcome=outcome, exit_code=code, counts=counts, message=message
    )


def _passed_on(stream: Any) -> list[str]:
    lines = []
    for line in stream:
        sys.stderr.write(line)
        lines.append(line)
    return lines


def _note(event: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{number} {key}" for key, number in event.items() if key not in {"met", "exit_code"} and _counts(number)
    )


def _counts(number: Any) -> bool:
    return isinstance(number, int) and number > 0


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
