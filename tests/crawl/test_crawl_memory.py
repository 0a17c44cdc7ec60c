"""However many images a source has, a crawl holds few of them at once and remembers the rest on disk."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

# A crawl in this process, which says how many images were under way at most, and what it holds of them at the end.
COUNTS_WHAT_IT_HOLDS = """
import gc, json, sys
from collections import Counter
from scrapy import signals
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

settings = Settings()
settings.setmodule("harvest.crawl.settings", priority="project")
settings.set("LOG_LEVEL", "ERROR", priority="cmdline")
process = AsyncCrawlerProcess(settings)
crawler = process.create_crawler("urls")
met = most = 0

def count():
    global met, most
    met, most = met + 1, max(most, crawler.engine.scraper.slot.itemproc_size)
    if met == 2000:
        gc.collect()
        ours = ("harvest.items", "harvest.ledger.rows", "harvest.crawl.steps.encounter", "_asyncio")
        held = Counter(type(each).__name__ for each in gc.get_objects() if type(each).__module__ in ours)
        print(json.dumps([most, held]), flush=True)

crawler.signals.connect(count, signals.item_scraped)
process.crawl(crawler, source=sys.argv[1], workspace=sys.argv[2])
process.start()
"""
MIB = 1024 * 1024


@pytest.fixture
def listed(desk, site, jpeg):
    """A list of so many addresses; every twentieth brings an image, the others are gone."""

    def write(images: int) -> Path:
        rows = [
            f"{number},{site.url}/{number}.jpg,A title of some length,Somebody,CC0-1.0\n" for number in range(images)
        ]
        path = desk.folder / "list.csv"
        path.write_text("id,url,title,creator,license\n" + "".join(rows))
        for number in range(0, images, 20):
            site.add(f"/{number}.jpg", jpeg(number))
        pace = {"delay": 0, "concurrency": 16, "retries": 1}
        return desk.source(spider="urls", options={"lists": [str(path)]}, pace=pace)

    return write


def test_what_a_sighting_leaves_in_memory_is_next_to_nothing(desk, listed):
    source = listed(2000)
    for turn in ("first", "second"):
        done = subprocess.run(
            [sys.executable, "-c", COUNTS_WHAT_IT_HOLDS, str(source), str(desk.workspace.root)],
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        most, held = json.loads(done.stdout)
        assert most <= 256, "Scrapy would begin with all of them at once"
        assert held["ImageItem"] > 0
        assert {name: count for name, count in held.items() if count > 1000} == {}, turn
    assert desk.rows("SELECT count(*), count(DISTINCT image_url) FROM sightings") == [(4000, 2000)]


def resident(pid: int) -> int:
    """Bytes of a process and of all that it started; pages that they share count for each."""
    found, total = [pid], 0
    for process in found:
        try:
            total += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096
            for task in Path(f"/proc/{process}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            continue  # ended meanwhile
    return total


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_hundred_thousand_sightings_stay_under_a_gibibyte(desk, site, listed):
    source = listed(100_000)
    for turn in ("first", "second"):
        began, peak = time.monotonic(), 0
        with subprocess.Popen(desk.command(source), stdout=subprocess.PIPE, text=True) as child:
            lines: list[str] = []
            reader = threading.Thread(target=lambda child=child, lines=lines: lines.extend(child.stdout))
            reader.start()
            while child.poll() is None:
                peak = max(peak, resident(child.pid))
                time.sleep(0.2)
            reader.join()
        print(f"{turn} crawl: {peak / MIB:.0f} MiB at most, {time.monotonic() - began:.0f} s")
        finished = json.loads(lines[-1])
        assert (finished["exit_code"], finished["met"], finished["gone"]) == (0, 100_000, 95_000)
        assert peak < 1024 * MIB
    assert len(site.asked("/0.jpg")) == 1
    assert desk.rows("SELECT count(*) FROM sightings") == [(200_000,)]
