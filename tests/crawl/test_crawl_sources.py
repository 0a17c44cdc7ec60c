"""Several sources side by side: reports in order, progress while they run, nothing started when one is wrong."""

from __future__ import annotations

import pytest

from harvest.crawl.several import crawl_sources
from harvest.errors import ConfigError
from harvest.progress import SilentProgress


class Notes:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.steps: dict[str, int] = {}
        self.last: dict[str, str] = {}

    def start(self, label, total=None):
        self.steps[label] = 0
        return Note(self, label)

    def say(self, message):
        pass


class Note:
    def __init__(self, notes, label) -> None:
        self.notes, self.label = notes, label

    def advance(self, steps=1, note=""):
        self.notes.steps[self.label] += steps
        self.notes.last[self.label] = note

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


def test_sources_run_side_by_side_and_report_in_order(desk, site, jpeg):
    for number in range(8):
        site.add(f"/{number}.jpg", jpeg(number), delay=0.05)
    site.add_gallery([f"/{number}.jpg" for number in range(5)], path="/one")
    site.add_gallery([f"/{number}.jpg" for number in range(3, 8)], path="/two")
    sources = [
        desk.source(name="one", options={"start": [f"{site.url}/one"]}),
        desk.source(name="two", options={"start": [f"{site.url}/two"]}, expect={"min": 6}),
    ]
    notes = Notes()

    reports = crawl_sources(desk.workspace, sources, processes=2, progress=notes)

    assert [(report.source, report.outcome, report.exit_code) for report in reports] == [
        ("one", "finished", 0),
        ("two", "failed", 3),
    ]
    assert [report.counts["met"] for report in reports] == [5, 5]
    assert reports[1].message.startswith("expected at least 6 images")
    assert notes.steps == {"crawl one": 5, "crawl two": 5}
    assert desk.rows("SELECT count(*), count(DISTINCT run_id) FROM sightings") == [(10, 2)]
    assert desk.rows("SELECT count(*) FROM images") == [(8,)]


def test_a_wrong_source_stops_all_before_they_start(desk, site):
    good, bad = desk.source(), desk.source(pace={"delay": -1})

    with pytest.raises(ConfigError, match=r"pace\.delay: expected a number >= 0, got -1"):
        crawl_sources(desk.workspace, [good, bad], processes=1, progress=SilentProgress())

    assert not site.log


def test_what_a_child_says_of_a_config_error_is_its_message(desk):
    source = desk.source(options={"start": []})

    (report,) = crawl_sources(desk.workspace, [source], processes=1, progress=SilentProgress())

    assert (report.exit_code, report.message) == (
        2,
        f"{source}: options.start: expected at least one page to start from",
    )
