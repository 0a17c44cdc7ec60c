from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harvest import processes
from harvest.stages.work import digest_over
from tests.patience import wait_until

PROGRAM = """
from harvest import processes
from harvest.stages.work import digest_over

processes.cores = lambda: 2
for pid in processes.in_processes(digest_over, [["a"] * 300_000] * 100_000):
    print("busy", flush=True)
"""


def test_results_come_in_order_from_threads_and_processes():
    jobs = [[number] for number in range(120)]
    expected = [digest_over(job) for job in jobs]

    assert list(processes.in_processes(digest_over, jobs)) == expected
    assert list(processes.in_processes(digest_over, jobs[:3])) == expected[:3]
    assert list(processes.in_threads(digest_over, jobs, ahead=5)) == expected


def test_threads_run_only_so_far_ahead():
    started = []
    results = processes.in_threads(started.append, range(100), ahead=4)

    next(results)

    assert len(started) <= 5
    results.close()


def test_results_from_behind_come_in_order_while_the_next_job_is_made():
    made, done = [], []

    def jobs():
        for number in range(5):
            made.append(number)
            yield number

    for result in processes.behind(lambda number: done.append(number) or number, jobs()):
        assert result == done[result]
        assert len(made) <= result + 3

    assert done == list(range(5))


def test_an_error_in_a_worker_reaches_the_caller():
    with pytest.raises(TypeError):
        list(processes.in_processes(digest_over, [[1]] * 60 + [None]))


def test_workers_die_when_their_parent_is_killed():
    parent = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    assert parent.stdout.readline() == "busy\n"
    workers = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    assert len(workers) >= 2

    parent.kill()
    parent.wait()
    parent.stdout.close()

    wait_until(lambda: not any(alive(pid) for pid in workers))


def alive(pid: str) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_batches_are_cut_by_size():
    assert list(processes.batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(processes.batches([], 2)) == []
