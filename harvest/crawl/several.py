"""Several crawls side by side, each source by one process or by several that share its crawl."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from harvest.config.source import SourceConfig, load_source
from harvest.crawl.shared import SCHEDULER, checked
from harvest.crawl.shared.private import private_redis
from harvest.progress import Progress, Task
from harvest.store import settle_store
from harvest.workspace import Workspace

__all__ = ["INTERRUPTED", "CrawlReport", "crawl_sources"]

INTERRUPTED, _FAILED = 130, 3
_WORST_FIRST = ("interrupted", "failed", "refused", "limited", "finished")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlReport:
    """How one source's crawl ended. `counts` has `met` and one number for each outcome; `message` is for people.

    A crawl by several processes has several runs, of which `run_id` is the first; the counts add up.
    """

    source: str
    run_id: str | None
    outcome: str
    exit_code: int
    counts: Mapping[str, int] = field(default_factory=dict)
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One process: which source it crawls, by which command, in which environment."""

    source: int
    name: str
    command: list[str]
    environment: Mapping[str, str]


def crawl_sources(
    workspace: Workspace,
    sources: Sequence[Path],
    *,
    processes: int,
    progress: Progress,
    limit: int | None = None,
    spread: bool = False,
    scheduler: str | None = None,
    store: str | None = None,
    retry_now: bool = False,
) -> list[CrawlReport]:
    """Crawl every source in a process of its own, `processes` at a time; reports in the order of `sources`.

    With `spread`, processes that are left over are shared out among the sources, whose workers then share a crawl
    through `scheduler`, the source's own, or a Redis that is started for them. `store` is where originals go from the
    first crawl on, `retry_now` asks again for what was to wait. Raises ConfigError, UsageError and ComponentMissing
    before anything starts. KeyboardInterrupt stops all cleanly, state saved.
    """
    configs = [load_source(source) for source in sources]
    environment = dict(os.environ)
    if scheduler:
        environment[SCHEDULER] = checked(scheduler)
    if store or environment.get("HARVEST_STORE"):
        environment["HARVEST_STORE"] = store or environment["HARVEST_STORE"]
        settle_store(workspace.root, environment["HARVEST_STORE"])
    more = ["--limit", str(limit)] if limit else []
    more += ["--retry-now"] if retry_now else []
    shares = [_share(index, len(configs), processes) if spread else 1 for index in range(len(configs))]
    with ExitStack() as stack:
        private = None
        jobs = []
        for index, (config, workers) in enumerate(zip(configs, shares, strict=True)):
            its_own = environment
            if workers > 1 and not (config.scheduler or environment.get(SCHEDULER)):
                private = private or stack.enter_context(private_redis())
                its_own = {**environment, SCHEDULER: private}
            command = [sys.executable, "-m", "harvest.crawl", str(config.file), "-w", str(workspace.root)]
            job = _Job(source=index, name=config.name, command=[*command, "--while-stdin", *more], environment=its_own)
            jobs += [job] * workers
        reports = _Crawls(jobs, progress).run(max(processes, 1))
    return [_merged(config, [report for job, report in reports if job.source == i]) for i, config in enumerate(configs)]


def _share(index: int, sources: int, processes: int) -> int:
    """How many of `processes` work on the source with this number, at least one."""
    return max(1, processes // sources + (index < processes % sources))


class _Crawls:
    """Processes that crawl, at most so many at a time, and one bar for each source."""

    def __init__(self, jobs: Sequence[_Job], progress: Progress) -> None:
        self._jobs, self._progress = jobs, progress
        self._events: Queue[tuple[int, dict[str, Any]]] = Queue()
        self._children: dict[int, subprocess.Popen[str]] = {}
        self._tasks: dict[int, Task] = {}
        self._last: dict[int, dict[str, Any]] = {}
        self._shown: Counter[int] = Counter()
        self._stopped = threading.Event()
        self._starting = threading.Lock()

    def run(self, processes: int) -> list[tuple[_Job, CrawlReport]]:
        """All jobs to their end, with their reports."""
        pool = ThreadPoolExecutor(processes)
        futures = [pool.submit(self._crawl, number) for number in range(len(self._jobs))]
        try:
            while not all(future.done() for future in futures) or not self._events.empty():
                with suppress(Empty):
                    self._show(*self._events.get(timeout=0.1))
        except KeyboardInterrupt:
            with self._starting:
                self._stopped.set()
                for child in self._children.values():
                    child.send_signal(signal.SIGINT)
            pool.shutdown(wait=True)
            raise
        finally:
            for task in self._tasks.values():
                task.__exit__(None, None, None)
            pool.shutdown(wait=True)
        return [(job, future.result()) for job, future in zip(self._jobs, futures, strict=True)]

    def _crawl(self, number: int) -> CrawlReport:
        job = self._jobs[number]
        if self._stopped.is_set():
            return CrawlReport(source=job.name, run_id=None, outcome="interrupted", exit_code=INTERRUPTED)
        return _watch(job, lambda child: self._started(number, child), lambda event: self._events.put((number, event)))

    def _started(self, number: int, child: subprocess.Popen[str]) -> None:
        """Know of a child. One that starts while all are told to stop is told here, and only here."""
        with self._starting:
            self._children[number] = child
            if self._stopped.is_set():
                child.send_signal(signal.SIGINT)

    def _show(self, number: int, event: dict[str, Any]) -> None:
        source = self._jobs[number].source
        self._last[number] = event
        if source not in self._tasks:
            self._tasks[source] = self._progress.start(f"crawl {self._jobs[number].name}").__enter__()
        team = [other for other, job in enumerate(self._jobs) if job.source == source]
        counts = sum((Counter(_counts(self._last[other])) for other in team if other in self._last), Counter[str]())
        self._tasks[source].advance(counts["met"] - self._shown[source], _note(counts))
        self._shown[source] = counts["met"]
        if all(self._last.get(other, {}).get("event") == "finished" for other in team):
            self._tasks.pop(source).__exit__(None, None, None)


def _watch(
    job: _Job, started: Callable[[subprocess.Popen[str]], None], tell: Callable[[dict[str, Any]], None]
) -> CrawlReport:
    """Run one child to its end. It gets a session of its own, so that Ctrl-C reaches it once, through us, and a pipe
    as standard input, whose end tells it when we are gone.
    """
    last: dict[str, Any] = {}
    words: list[str] = []
    with subprocess.Popen(
        job.command,
        env=job.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as child:
        started(child)
        assert child.stdout is not None
        assert child.stderr is not None
        listener = threading.Thread(target=lambda: words.extend(_passed_on(child.stderr)), daemon=True)
        listener.start()
        for line in child.stdout:
            with suppress(ValueError):
                last = json.loads(line)
                tell(last)
        code = child.wait()
        listener.join()
    message = str(last.get("message") or (words[-1].strip() if words and code else ""))
    outcome = str(last.get("outcome") or "failed")
    return CrawlReport(
        source=job.name,
        run_id=last.get("run_id"),
        outcome=outcome,
        exit_code=code,
        counts=_counts(last),
        message=message,
    )


def _merged(config: SourceConfig, reports: Sequence[CrawlReport]) -> CrawlReport:
    """One report of all workers of a source. What a killed one had begun, those that finished have done."""
    dead = [report for report in reports if report.exit_code < 0]
    is_done = any(report.exit_code == 0 and report.outcome == "finished" for report in reports)
    judged = [report for report in reports if report not in dead] if is_done else list(reports)
    counts = sum((Counter(report.counts) for report in reports), Counter[str]())
    lost = f"{len(dead)} of {len(reports)} processes were killed" if dead else ""
    return CrawlReport(
        source=config.name,
        run_id=next((report.run_id for report in reports if report.run_id), None),
        outcome=min((report.outcome for report in judged), key=_WORST_FIRST.index),
        exit_code=max(_FAILED if report.exit_code < 0 else report.exit_code for report in judged),
        counts={name: counts[name] for report in reports for name in report.counts},
        message=next((report.message for report in judged if report.message), lost),
    )


def _passed_on(stream: Any) -> Iterator[str]:
    for line in stream:
        sys.stderr.write(line)
        yield line


def _counts(event: Mapping[str, Any]) -> dict[str, int]:
    return {key: value for key, value in event.items() if type(value) is int and key != "exit_code"}


def _note(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {key}" for key, number in counts.items() if key != "met" and number > 0)
