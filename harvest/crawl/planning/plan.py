"""What a crawl would cost, before it is made: counts asked of the sources, and the arithmetic from there to hours."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harvest.config.source import load_source
from harvest.progress import Progress
from harvest.workspace import Workspace

__all__ = ["HostPlan", "HostSample", "Sample", "SourcePlan", "estimate", "plan_sources"]

_HOUR, _DAY = 3600.0, 24.0
_PER_HOST = 2  # robots.txt and tdmrep.json
_FAILED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSample:
    """What was found out about one host, or one budget of it.

    `pages` are listing requests sent, `images` those met there that a crawl would ask for, `delay` the seconds between
    two requests, `daily` the requests that a day allows, None without a limit.
    """

    name: str
    pages: int = 0
    images: int = 0
    hosts: int = 1
    delay: float = 0.0
    daily: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a source said while it was asked for counts: numbers of images that were met, none of them fetched.

    `is_cut` tells that the source has more than was asked for. `new` images are not held yet, `known` ones are held and
    need no bytes, `refused` ones are known not to be wanted. `opt_outs` counts statements by kind, also those that the
    config does not honour. `stated` is how many of the new images state their bytes, `bytes` the sum of these;
    `usual_bytes` the mean of this source's images in the ledger. `unasked_hosts` is how many hosts of images were too
    many to ask for their robots.txt.
    """

    pages: int
    is_cut: bool
    announced: int
    met: int
    new: int
    known: int
    refused: int
    with_creator: int
    licenses: Mapping[str, int]
    opt_outs: Mapping[str, int]
    stated: int
    bytes: int
    usual_bytes: float | None
    unasked_hosts: int
    daily: int | None
    hosts: tuple[HostSample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlan:
    """What one host, or one budget of it, would be asked, and how long that takes at its pace."""

    name: str
    requests: int
    delay: float
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """What a crawl of one source would ask for. Numbers are exact where `basis` is `counted`, else scaled up from
    `sample` to what the source announced, or, where it announced nothing, for what was met so far alone.

    `bytes` is None when nobody states them and the ledger has nothing of this source; `bytes_basis` is `stated`, `some
    stated` or `ledger`. `hours` are those of the slowest host, since hosts are asked side by side; transfer times are
    not in them.
    """

    source: str
    exit_code: int = 0
    message: str = ""
    basis: str = "counted"  # counted | announced | met so far
    images: int = 0
    to_fetch: int = 0
    requests: int = 0
    bytes: int | None = None
    bytes_basis: str | None = None
    hours: float = 0.0
    hosts: tuple[HostPlan, ...] = ()
    sample: Sample | None = field(default=None)


def estimate(source: str, sample: Sample, *, exit_code: int = 0, message: str = "") -> SourcePlan:
    """From what was met to the whole: everything grows in proportion to the images."""
    images, basis = sample.met, "counted"
    if sample.is_cut:
        images, basis = max(sample.met, sample.announced), "announced" if sample.announced else "met so far"
    growth = images / sample.met if sample.met else 1.0
    hosts = tuple(_host(host, growth if sample.is_cut else 1.0) for host in sample.hosts)
    requests = sum(host.requests for host in hosts)
    to_fetch = round(sample.new * growth)
    size, size_basis = _bytes(sample, to_fetch)
    return SourcePlan(
        source=source,
        exit_code=exit_code,
        message=message,
        basis=basis,
        images=images,
        to_fetch=to_fetch,
        requests=requests,
        bytes=size,
        bytes_basis=size_basis,
        hours=max([_waiting(requests, sample.daily), *(host.hours for host in hosts)]),
        hosts=hosts,
        sample=sample,
    )


def _host(host: HostSample, growth: float) -> HostPlan:
    requests = math.ceil((host.pages + host.images) * growth) + _PER_HOST * host.hosts
    hours = max(requests * host.delay / _HOUR, _waiting(requests, host.daily))
    return HostPlan(name=host.name, requests=requests, delay=host.delay, hours=hours)


def _waiting(requests: int, daily: int | None) -> float:
    """Hours until the day begins on which the last of `requests` may be sent."""
    return (math.ceil(requests / daily) - 1) * _DAY if daily and requests else 0.0


def _bytes(sample: Sample, to_fetch: int) -> tuple[int | None, str | None]:
    if not to_fetch:
        return 0, None
    if sample.stated:
        basis = "stated" if sample.stated == sample.new and not sample.is_cut else "some stated"
        return round(sample.bytes / sample.stated * to_fetch), basis
    if sample.usual_bytes is not None:
        return round(sample.usual_bytes * to_fetch), "ledger"
    return None, None


def plan_sources(
    workspace: Workspace, sources: Sequence[Path], *, pages: int, processes: int, progress: Progress
) -> list[SourcePlan]:
    """Ask every source for its counts, each in a process of its own, `pages` listing requests at the most.

    No image is asked for, and neither the ledger nor a journal is written. Plans come in the order of `sources`.
    Raises ConfigError before anything starts when a source is wrong. KeyboardInterrupt ends the processes.
    """
    names = [load_source(source).name for source in sources]
    children: list[subprocess.Popen[str]] = []
    with progress.start("plan", len(sources)) as bar, ThreadPoolExecutor(max(1, processes)) as pool:

        def ask(name: str, source: Path) -> SourcePlan:
            made = _asked(name, _command(workspace, source, pages), children)
            bar.advance(1, name)
            return made

        try:
            futures = [pool.submit(ask, name, source) for name, source in zip(names, sources, strict=True)]
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in children:
                child.send_signal(signal.SIGINT)
            raise


def _command(workspace: Workspace, source: Path, pages: int) -> list[str]:
    module = [sys.executable, "-m", "harvest.crawl.planning.process"]
    return [*module, str(source), "-w", str(workspace.root), "--pages", str(pages)]


def _asked(name: str, command: list[str], children: list[subprocess.Popen[str]]) -> SourcePlan:
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        children.append(child)
        said, words = child.communicate()
    sys.stderr.write(words)
    lines = said.strip().splitlines()
    if not lines:
        *_, message = words.strip().splitlines() or [f"ended with {child.returncode}"]
        return SourcePlan(source=name, exit_code=child.returncode or _FAILED, message=message)
    answer: dict[str, Any] = json.loads(lines[-1])
    hosts = tuple(HostSample(**host) for host in answer["sample"].pop("hosts"))
    sample = Sample(**answer["sample"], hosts=hosts)
    return estimate(name, sample, exit_code=child.returncode, message=answer["message"])
