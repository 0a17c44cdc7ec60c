from __future__ import annotations

from harvest.ledger import decisions, open_ledger, selected
from harvest.progress import SilentProgress
from harvest.stages import stage_digests
from harvest.stages.dedupe import run_dedupe
from harvest.stages.filter import filter_digests, run_filter

FILTERS = """
layout: null
filter:
  - size: {min_side: 100}
  - licence: {allow: [CC-BY-4.0]}
  - opt_out: {honour: [tdmrep]}
"""


def run(herbarium, recipe):
    return run_filter(herbarium.workspace, recipe, progress=SilentProgress())


def rows(herbarium, recipe):
    digests = filter_digests(herbarium.workspace, recipe)
    with open_ledger(herbarium.workspace) as con:
        return {(row.sha256, row.stage): row for row in decisions(con, digests)}


def test_every_filter_says_something_about_every_image(herbarium, recipe, picture):
    good = herbarium.meet(picture(1))
    small = herbarium.meet(picture(2, 90, 200))
    closed = herbarium.meet(picture(3), license=None)
    refused = herbarium.meet(picture(4), opt_out=["tdmrep"])
    herbarium.crawl()

    report = run(herbarium, recipe(FILTERS))

    found = rows(herbarium, recipe(FILTERS))
    assert len(found) == 4 * 3
    dropped = {key: row.reason for key, row in found.items() if row.verdict == "drop"}
    assert dropped == {
        (small, "filter.size"): "too small: 90x200 < 100",
        (closed, "filter.licence"): "licence unknown",
        (refused, "filter.opt_out"): "refused by tdmrep: no (test)",
    }
    assert found[small, "filter.size"].value == 90
    assert found[small, "filter.size"].decided_by == "filter.size/1"
    assert (report.done, report.kept, report.dropped) == (12, 1, 3)
    assert report.detail["filter.size"] == {"keep": 3, "drop": 1, "only": 1, "threshold": 100}
    run_dedupe(herbarium.workspace, recipe(FILTERS), progress=SilentProgress())
    stages = stage_digests(recipe(FILTERS), herbarium.workspace)
    with open_ledger(herbarium.workspace) as con:
        assert [image.sha256 for image in selected(con, stages)] == [good]


def test_a_refusal_of_any_sighting_counts(herbarium, recipe, picture):
    sha256 = herbarium.meet(picture(1))
    herbarium.crawl()
    herbarium.meet(picture(1), opt_out=["tdmrep"])
    herbarium.crawl()

    run(herbarium, recipe(FILTERS))

    assert rows(herbarium, recipe(FILTERS))[sha256, "filter.opt_out"].verdict == "drop"


def test_a_second_run_judges_nothing_and_a_new_image_alone(herbarium, recipe, picture):
    herbarium.meet(picture(1))
    herbarium.crawl()
    run(herbarium, recipe(FILTERS))
    before = herbarium.workspace.ledger.stat().st_mtime_ns

    again = run(herbarium, recipe(FILTERS))
    assert (again.done, again.skipped, again.kept) == (0, 3, 1)
    assert herbarium.workspace.ledger.stat().st_mtime_ns == before

    herbarium.meet(picture(2))
    herbarium.crawl()
    assert run(herbarium, recipe(FILTERS)).done == 3


def test_a_changed_bound_makes_that_filter_judge_anew_and_no_other(herbarium, recipe, picture):
    herbarium.meet(picture(1))
    herbarium.crawl()
    run(herbarium, recipe(FILTERS))

    report = run(herbarium, recipe(FILTERS.replace("100", "1000")))

    assert report.done == 1
    assert report.detail["filter.size"] == {"keep": 0, "drop": 1, "only": 1, "threshold": 1000}
    assert run(herbarium, recipe(FILTERS)).done == 0  # the old verdicts are still there


def test_no_filters_keep_everything(herbarium, recipe, picture):
    herbarium.meet(picture(1))
    herbarium.crawl()

    report = run(herbarium, recipe("layout: null"))

    assert (report.done, report.dropped) == (0, 0)
