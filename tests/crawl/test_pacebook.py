"""The book of a host's pace, between processes on one machine and through a real Redis."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harvest.hosts.book import Ask, DailyLimit, FileBook, HostClosed, PaceBook, Turn
from harvest.hosts.budgets import Budget
from tests.patience import PATIENCE, wait_until

_DATABASES = itertools.count(1)
ROOT = Path(__file__).parent.parent.parent
# Says that it is ready, and from the next line on takes `turns` turns, `hold` seconds each. Prints of each when it was
# asked for, when the answer was there, and the last moment in which it was surely held.
WORKER = """
import asyncio, inspect, json, sys, time
from pathlib import Path
from harvest.hosts.budgets import Budget
from harvest.hosts.book import Ask, FileBook
where, turns, delay, concurrency, hold = sys.argv[1], *map(float, sys.argv[2:])
budget = Budget(name="images.test", delay=delay, concurrency=int(concurrency))

async def work():
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
    if where.startswith("redis"):
        from harvest.crawl.shared.pace import RedisBook
        book = RedisBook(where, lease=3.0)
    else:
        book = FileBook(Path(where))
    done = 0
    while done < turns:
        asked = time.time()
        turn = book.claim(Ask(budget=budget, host="images.test", delay=delay))
        turn = await turn if inspect.isawaitable(turn) else turn
        if turn.ticket is None:
            await asyncio.sleep(turn.wait)
            continue
        begun = time.time()
        print(json.dumps("begun"), flush=True)
        await asyncio.sleep(hold)
        ended = time.time()
        book.give_back(budget, turn.ticket)
        await asyncio.sleep(0)
        print(json.dumps([asked, begun, ended]), flush=True)
        done += 1
    book.close()
    await asyncio.sleep(0.1)

asyncio.run(work())
"""


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("redis-server")
    assert program, "redis-server is needed: apt-get install redis-server"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen([*command, "--requirepass", "s3cret"], stdout=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: answers(port), server)
            yield f"redis://:s3cret@127.0.0.1:{port}/0"
        finally:
            server.terminate()


@pytest.fixture(params=["file", "redis"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return str(tmp_path / "pace")
    url: str = request.getfixturevalue("redis_url")
    return f"{url[:-1]}{next(_DATABASES)}"


def start(where: str, turns: int, *, delay: float, concurrency: int, hold: float) -> subprocess.Popen[str]:
    numbers = [str(number) for number in (turns, delay, concurrency, hold)]
    command = [sys.executable, "-c", WORKER, where, *numbers]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def go(workers: list[subprocess.Popen[str]]) -> None:
    """Let them begin together, however long each took to start."""
    for worker in workers:
        assert worker.stdout
        assert worker.stdout.readline() == '"ready"\n'
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()


def turns_of(workers: list[subprocess.Popen[str]]) -> list[tuple[float, float, float]]:
    go(workers)
    said = [json.loads(line) for worker in workers for line in worker.communicate(timeout=PATIENCE)[0].splitlines()]
    assert all(worker.returncode == 0 for worker in workers)
    return sorted((asked, begun, ended) for asked, begun, ended in (turn for turn in said if turn != "begun"))


def test_processes_leave_the_delay_between_their_starts(where):
    workers = [start(where, 5, delay=0.15, concurrency=3, hold=0.0) for _ in range(3)]

    turns = turns_of(workers)

    assert len(turns) == 15
    # A turn begins between the question and the answer: no stretch of time has more of them than the delay lets in.
    for first, _, _ in turns:
        for _, last, _ in turns:
            within = sum(first <= asked and begun <= last for asked, begun, _ in turns)
            assert (within - 1) * 0.15 <= max(0, last - first) + 0.01


def test_processes_share_the_number_of_requests_at_once(where):
    workers = [start(where, 6, delay=0.0, concurrency=2, hold=0.1) for _ in range(3)]

    turns = turns_of(workers)

    at_once = [sum(begun <= moment < ended for _, begun, ended in turns) for _, moment, _ in turns]
    assert max(at_once) == 2
    assert len(turns) == 18


def test_what_a_killed_process_held_is_free_again(where):
    with start(where, 1, delay=0.0, concurrency=1, hold=PATIENCE) as killed:
        go([killed])
        assert killed.stdout
        assert killed.stdout.readline() == '"begun"\n'
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        began = time.monotonic()

        heir = start(where, 1, delay=0.0, concurrency=1, hold=0.0)

        assert len(turns_of([heir])) == 1
        assert time.monotonic() - began < PATIENCE / 4


def claims(book: PaceBook, *asks: Ask) -> list[Turn]:
    """One after another, in an event loop where the book needs one."""

    async def all_of_them() -> list[Turn]:
        turns = []
        for ask in asks:
            turn = book.claim(ask)
            turns.append(await turn if inspect.isawaitable(turn) else turn)
        return turns

    return asyncio.run(all_of_them())


ONE = Budget(name="api.test", delay=0.0, concurrency=50, daily=3)


def ask(host: str = "api.test", **more) -> Ask:
    return Ask(budget=ONE, host=host, delay=0.0, **more)


def test_a_day_has_so_many_requests_and_no_more(tmp_path):
    book = FileBook(tmp_path)
    book.seed({"api.test": 1})
    caps = (("api.test", 3), ("source trial", 10))

    turns = claims(book, *[ask(caps=caps)] * 4)

    assert [turn.error is None for turn in turns] == [True, True, False, False]
    assert isinstance(turns[2].error, DailyLimit)
    assert str(turns[2].error).startswith("3 requests a day (UTC) for api.test are used up until ")
    assert json.loads((tmp_path / "today.json").read_text())["requests"] == {"api.test": 3, "source trial": 2}
    book.close()


def test_a_closed_host_is_closed_for_everybody(tmp_path):
    first, second = FileBook(tmp_path), FileBook(tmp_path)
    until = time.time() + 1000
    first.shut("api.test:8080", until, "it asks for 1000 s (HTTP 429)")

    (refused, allowed) = claims(second, ask("api.test:8080"), ask("api.test"))

    assert isinstance(refused.error, HostClosed)
    assert refused.error.until == until
    assert "it asks for 1000 s (HTTP 429)" in str(refused.error)
    assert allowed.ticket is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book", "closed.json"]
    second.close()
    first.close()


def test_a_held_budget_waits_and_others_do_not(tmp_path):
    book = FileBook(tmp_path)
    other = Budget(name="images.test", delay=0.0, concurrency=1)
    book.hold(ONE, 30)

    held, free = claims(book, ask(), Ask(budget=other, host="images.test", delay=0.0))

    assert held.ticket is None
    assert 0 < held.wait <= 30
    assert free.ticket is not None
    book.close()


def test_names_do_not_become_paths(tmp_path):
    book = FileBook(tmp_path / "pace")
    hostile = Budget(name="../../../etc/passwd", delay=1.0, concurrency=2)

    (turn,) = claims(book, Ask(budget=hostile, host="../x", delay=1.0))

    assert turn.ticket is not None
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["pace", "pace/book"]
    book.close()


def test_a_lone_process_pays_next_to_nothing(tmp_path):
    book = FileBook(tmp_path)
    wanted = ask()
    began = time.process_time()
    for _ in range(2000):
        turn = book.claim(wanted)
        assert turn.ticket is not None
        book.give_back(ONE, turn.ticket)
    assert (time.process_time() - began) / 2000 < 0.0005  # about 20 microseconds where nobody else is busy
    book.close()
