"""A crawl that is killed or interrupted is taken up where it was: nothing lost, nothing twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from harvest.journal import verify_run
from tests.patience import PATIENCE, wait_until

PICTURES = 300


@pytest.fixture
def slow_list(desk, site, jpeg):
    """The same pictures as a list of addresses, which come from no page."""
    for number in range(PICTURES):
        site.add(f"/p/{number}.jpg", jpeg(number), delay=0.02)
    addresses = desk.folder / "list.txt"
    addresses.write_text("".join(f"{site.url}/p/{number}.jpg\n" for number in range(PICTURES)))
    return desk.source(spider="urls", options={"lists": [str(addresses)]}, pace={"delay": 0, "concurrency": 4})


@pytest.fixture
def slow_gallery(desk, site, jpeg):
    """Three hundred pictures on pages of fifty, each answered after a while."""
    for first in range(0, PICTURES, 50):
        names = [f"/p/{number}.jpg" for number in range(first, first + 50)]
        following = f'<link rel="next" href="/page{first + 50}">' if first + 50 < PICTURES else ""
        site.add_gallery(names, path=f"/page{first}" if first else "/", head=following)
        for number, name in enumerate(names, start=first):
            site.add(name, jpeg(number), delay=0.02)
    return desk.source(pace={"delay": 0, "concurrency": 4})


def start(desk, source) -> subprocess.Popen[str]:
    return subprocess.Popen(desk.command(source), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until_met(child: subprocess.Popen[str], site, number: int) -> None:
    wait_until(lambda: len(site.asked("/p/")) >= number, child)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def assert_all_there_once(desk, site) -> None:
    rows = desk.rows("SELECT image_url, outcome, run_id FROM sightings")
    assert len(rows) == PICTURES
    assert Counter(url for url, *_ in rows) == {f"{site.url}/p/{number}.jpg": 1 for number in range(PICTURES)}
    assert {outcome for _, outcome, _ in rows} <= {"stored", "known"}
    ((runs, outcome),) = desk.rows("SELECT count(*), any_value(outcome) FROM runs")
    assert (runs, outcome) == (1, "finished")
    assert desk.rows("SELECT count(*) FROM images") == [(PICTURES,)]
    assert len(list(desk.workspace.originals.rglob("*.jpg"))) == PICTURES
    assert [bool(verify_run(folder)) for folder in desk.workspace.journal.iterdir()] == [True]


def test_kill_minus_nine_then_the_same_command(desk, site, slow_gallery):
    site.hold("/p/", after=150)
    with start(desk, slow_gallery) as child:
        wait_until_met(child, site, 120)
        workers = children_of(child.pid)
        child.kill()
        child.communicate()
    fetched_before = len(site.asked("/p/"))
    site.release()
    site.log.clear()
    wait_until(lambda: not any(is_alive(worker) for worker in workers))

    again = desk.crawl(slow_gallery)

    assert again.code == 0, again.stderr
    assert_all_there_once(desk, site)
    fetched_after = len(site.asked("/p/"))
    # Only what was on its way when the crawl died is asked for twice.
    assert PICTURES - fetched_before <= fetched_after <= PICTURES - fetched_before + 40
    assert again.finished["met"] == PICTURES


@pytest.mark.parametrize("kind", ["slow_gallery", "slow_list"])
def test_an_interrupt_saves_the_state_and_exits_with_130(desk, site, kind, request):
    source = request.getfixturevalue(kind)
    site.hold("/p/", after=150)
    with start(desk, source) as child:
        wait_until_met(child, site, 100)
        child.send_signal(signal.SIGINT)
        site.release()
        _, stderr = child.communicate(timeout=PATIENCE)
    assert child.returncode == 130, stderr
    assert "Traceback" not in stderr
    met = desk.rows("SELECT count(*), count(DISTINCT image_url) FROM sightings")[0]
    assert 0 < met[0] == met[1] < PICTURES
    assert {outcome for (outcome,) in desk.rows("SELECT DISTINCT outcome FROM sightings")} == {"stored"}
    assert desk.rows("SELECT outcome, finished_at FROM runs") == [(None, None)]

    again = desk.crawl(source)

    assert again.code == 0, again.stderr
    assert_all_there_once(desk, site)


# A crawl that is told to stop as soon as anything listens for that.
INTERRUPTED_AT_ONCE = """
import os, signal, sys
from scrapy.crawler import AsyncCrawlerProcess
from harvest.crawl.process import main

def start(process, *arguments, begin=AsyncCrawlerProcess.start, **options):
    from twisted.internet import reactor
    reactor.callWhenRunning(os.kill, os.getpid(), signal.SIGINT)
    begin(process, *arguments, **options)

AsyncCrawlerProcess.start = start
sys.exit(main(sys.argv[1:]))
"""


def test_a_crawl_that_is_interrupted_before_it_begins_says_so_too(desk, site, slow_gallery):
    command = [sys.executable, "-c", INTERRUPTED_AT_ONCE, *desk.command(slow_gallery)[3:]]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)

    assert done.returncode == 130, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["outcome"] == "interrupted"
    assert not site.asked("/p/")


def test_a_crawl_stops_when_whoever_started_it_is_gone(desk, site, slow_gallery):
    command = [*desk.command(slow_gallery), "--while-stdin"]
    site.hold("/p/", after=150)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        wait_until_met(child, site, 20)
        child.stdin.close()
        site.release()
        assert child.wait(timeout=PATIENCE) == 130
    assert desk.workspace.ledger.exists()
