"""Crawls that are killed again and again, with all of their processes, at moments that nobody chose.

An image that is under way when its crawl is killed is asked for once more: nothing else could find out what it is. For
a third time it would take a second kill in the short while after that, so kills come some images apart here.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from harvest.audit import verify
from harvest.progress import SilentProgress
from tests.patience import PATIENCE

PAGE = 200  # images
SPARE = 8  # images that may be on their way when a life has met as many as it was to meet


@dataclass
class Journaled:
    """Counts the sightings in a journal while it is being written, reading every byte once."""

    root: Path
    read: dict[Path, int] = field(default_factory=dict)
    sightings: int = 0

    def count(self) -> int:
        for path in self.root.glob("*/*.jsonl"):
            with path.open("rb") as file:
                file.seek(self.read.get(path, 0))
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            self.read[path] = self.read.get(path, 0) + len(whole)
            self.sightings += sum(not line.startswith(b'{"seal"') for line in whole.splitlines())
        return self.sightings


def add_collection(desk, site, jpeg, images: int) -> Path:
    for first in range(0, images, PAGE):
        numbers = range(first, min(first + PAGE, images))
        following = f'<link rel="next" href="/page{first + PAGE}">' if first + PAGE < images else ""
        site.add_gallery([f"/p/{number}.jpg" for number in numbers], f"/page{first}" if first else "/", head=following)
        for number in numbers:
            site.add(f"/p/{number}.jpg", jpeg(number), delay=0.01)
    return desk.source(pace={"delay": 0, "concurrency": 4})


def live_and_die(desk, source: Path, dies: Callable[[], bool], stderr: Path) -> bool:
    """Start the crawl, and kill its whole process group once `dies()`; False when it ended before by itself."""
    with stderr.open("w") as words:
        child = subprocess.Popen(desk.command(source), stdout=subprocess.DEVNULL, stderr=words, start_new_session=True)
    deadline = time.monotonic() + PATIENCE
    try:
        while child.poll() is None and not dies():
            assert time.monotonic() < deadline, "the crawl hangs"
            time.sleep(0.002)
        return child.poll() is None
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def has_met(journaled: Journaled, goal: int) -> bool:
    return journaled.count() >= goal


def is_over(site, asked: int, end: float) -> bool:
    return time.monotonic() > end or len(site.log) > asked


def soak(desk, site, jpeg, *, images: int, kills: int, seed: int) -> None:
    """`kills` deaths, a fifth of them before the crawl has asked for anything, then one life to the end."""
    print(f"seed {seed}")
    dice, journaled = random.Random(seed), Journaled(desk.workspace.journal)
    source = add_collection(desk, site, jpeg, images)
    early = set(dice.sample(range(1, kills), kills // 5))
    stretch = images / (kills - len(early))
    goals = [round(stretch * (index + dice.uniform(0.1, 0.7))) for index in range(kills - len(early))]
    died = 0
    for kill in range(kills):
        if kill in early:
            site.hold("/", after=len(site.log))
            dies = partial(is_over, site, len(site.log), time.monotonic() + dice.uniform(0, 1.5))
        else:
            goal = goals.pop(0)
            site.hold("/p/", after=len(site.asked("/p/")) + goal - journaled.count() + SPARE)
            dies = partial(has_met, journaled, goal)
        died += live_and_die(desk, source, dies, desk.folder / "stderr")
        site.release()
    assert died == kills, (desk.folder / "stderr").read_text()

    last = desk.crawl(source)

    assert last.code == 0, last.stderr
    assert last.finished["met"] == images
    rows = desk.rows("SELECT image_url, outcome FROM sightings")
    assert Counter(url for url, _ in rows) == {f"{site.url}/p/{number}.jpg": 1 for number in range(images)}
    assert {outcome for _, outcome in rows} <= {"stored", "known"}
    assert desk.rows("SELECT count(*), any_value(outcome) FROM runs") == [(1, "finished")]
    assert desk.rows("SELECT count(*) FROM images") == [(images,)]
    report = verify(desk.workspace, progress=SilentProgress())
    assert report.differences == ()
    assert (report.checked["original"], report.checked["sighting"]) == (images, images)
    assert {note.partition(": ")[2] for note in report.notes} <= {"left by an interrupted write"}
    asked = Counter(site.asked("/p/"))
    again = sum(times - 1 for times in asked.values())
    print(f"{again} of {images} images were asked for twice; {len(report.notes)} files were left half written")
    assert max(asked.values()) <= 2, asked.most_common(5)


def test_five_kills_lose_nothing_and_double_nothing(desk, site, jpeg):
    soak(desk, site, jpeg, images=150, kills=5, seed=int(os.environ.get("SEED", "5")))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_fifty_kills_lose_nothing_and_double_nothing(desk, site, jpeg):
    soak(desk, site, jpeg, images=2000, kills=50, seed=int(os.environ.get("SEED", "50")))
