"""What a comparison needs: a command's wall and CPU time with all that it starts, the machine in words, the result."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["ROOT", "Row", "Spent", "report", "spent_by"]

ROOT = Path(__file__).resolve().parent.parent.parent
RESULTS = Path(os.environ.get("BENCH_RESULTS") or ROOT / "bench-results")
_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds that a command took: on the clock, and on all cores together; the most bytes that one process held."""

    wall: float
    cpu: float
    peak: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a result. `ratio` is how much better ours is; `goal` is what it is held to, None where nothing is."""

    metric: str
    ours: float | None = None
    peer: str
    peer_value: float | None = None
    unit: str = ""
    ratio: float | None = None
    goal: float | None = None
    met: bool = False

    @classmethod
    def of(
        cls,
        metric: str,
        ours: float,
        peer: str,
        peer_value: float,
        unit: str,
        *,
        goal: float | None = None,
        less_is_better: bool = False,
    ) -> Row:
        """With the ratio worked out."""
        ratio = peer_value / ours if less_is_better else ours / peer_value
        return cls(
            metric=metric,
            ours=round(ours, 3),
            peer=peer,
            peer_value=round(peer_value, 3),
            unit=unit,
            ratio=round(ratio, 3),
            goal=goal,
            met=goal is None or ratio >= goal,
        )


def spent_by(command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None) -> Spent:
    """Run a command to its end, its words in `log`. Raises SystemExit when it fails.

    What its processes leave behind comes to us and is waited for, so that its time counts too.
    """
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ours, before, began = _running(), _children(), time.monotonic()
    with log.open("ab") as words:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        code = process.returncode = os.waitstatus_to_exitcode(status)
    _wait_for_orphans(ours)
    if code:
        raise SystemExit(f"{command[0]} ended with {code}:\n{log.read_text(errors='replace')[-3000:]}")
    return Spent(wall=wall, cpu=_children() - before, peak=used.ru_maxrss * 1024)


def report(name: str, rows: Sequence[Row], **more: object) -> None:
    """Print the rows as a table and write them to bench-results/<name>.json."""
    RESULTS.mkdir(exist_ok=True)
    result = {"machine": _machine(), "rows": [asdict(row) for row in rows], **more}
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    cells = [("metric", "ours", "peer", "theirs", "unit", "ratio", "goal", "met")]
    for row in rows:
        met = "" if row.goal is None else "yes" if row.met else "no"
        values = (row.metric, row.ours, row.peer, row.peer_value, row.unit, row.ratio, row.goal)
        cells.append((*("" if value is None else str(value) for value in values), met))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    for line in cells:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wait_for_orphans(ours: set[int], most: float = 10.0) -> None:
    until = time.monotonic() + most
    while (orphans := _running() - ours) and time.monotonic() < until:
        for pid in orphans:
            os.waitpid(pid, os.WNOHANG)
        time.sleep(0.05)


def _running() -> set[int]:
    own = os.getpid()
    return {int(pid) for pid in Path(f"/proc/{own}/task/{own}/children").read_text().split()}


def _machine() -> dict[str, object]:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
