from __future__ import annotations

from harvest.ledger import decisions, duplicates, open_ledger, selected
from harvest.progress import SilentProgress
from harvest.stages import stage_digests
from harvest.stages.dedupe import run_dedupe

DEDUPE = "dedupe: {near: {max_distance: 8}}\nlayout: null"


def run(herbarium, recipe):
    return run_dedupe(herbarium.workspace, recipe, progress=SilentProgress())


def kept(herbarium, recipe):
    stages = {"dedupe": stage_digests(recipe, herbarium.workspace)["dedupe"]}
    with open_ledger(herbarium.workspace) as con:
        return {image.sha256 for image in selected(con, stages)}


def reasons(herbarium, recipe):
    stages = {"dedupe": stage_digests(recipe, herbarium.workspace)["dedupe"]}
    with open_ledger(herbarium.workspace) as con:
        return {row.sha256: row.reason for row in decisions(con, stages)}


def test_the_largest_copy_stays_and_the_reason_says_so(herbarium, recipe, encoded, picture):
    original = herbarium.meet(picture(1, 800, 600))
    reencoded = herbarium.meet(encoded(picture(1, 800, 600), quality=60))
    small = herbarium.meet(picture(1, 800, 600).resize((400, 300)))
    other = herbarium.meet(picture(2, 800, 600))
    herbarium.crawl()

    report = run(herbarium, recipe(DEDUPE))

    assert (report.done, report.kept, report.dropped) == (4, 2, 2)
    assert kept(herbarium, recipe(DEDUPE)) == {original, other}
    why = reasons(herbarium, recipe(DEDUPE))
    assert why[small].startswith(f"near duplicate of {original[:12]} at ")
    assert why[small].endswith("bits; kept the larger copy")
    assert why[reencoded].endswith("kept the less compressed copy")
    assert why[original] == "best of 3 copies"
    with open_ledger(herbarium.workspace) as con:
        rows = duplicates(con, "shells")
    assert {row.sha256 for row in rows} == {original, reencoded, small}
    assert [row.sha256 for row in rows if row.keeper] == [original]
    assert {(row.kind, row.threshold, row.method) for row in rows} == {("near", 8, "phash")}


def test_a_known_licence_breaks_the_tie_and_then_the_date(herbarium, recipe, encoded, picture):
    body = encoded(picture(3))
    unknown = herbarium.meet(body + b"\0", license=None)
    late = herbarium.meet(body + b"\1", published_at="2020-01-01")
    early = herbarium.meet(body + b"\2", published_at="1999")
    herbarium.crawl()

    run(herbarium, recipe(DEDUPE))

    assert kept(herbarium, recipe(DEDUPE)) == {early}
    why = reasons(herbarium, recipe(DEDUPE))
    assert why[unknown].endswith("kept the better licensed copy")
    assert why[late].endswith("kept the earlier copy")


def test_keep_earliest_prefers_the_first_published(herbarium, recipe, picture):
    first = herbarium.meet(picture(4, 400, 300), published_at="1899")
    herbarium.meet(picture(4, 800, 600), published_at="1950")
    herbarium.crawl()
    earliest = recipe("dedupe: {keep: earliest}\nlayout: null")

    run(herbarium, earliest)

    assert kept(herbarium, earliest) == {first}


def test_a_second_run_writes_nothing(herbarium, recipe, picture):
    herbarium.meet(picture(1))
    herbarium.meet(picture(1, 200, 150))
    herbarium.crawl()
    run(herbarium, recipe(DEDUPE))
    before = herbarium.workspace.ledger.stat().st_mtime_ns

    again = run(herbarium, recipe(DEDUPE))

    assert (again.done, again.skipped, again.dropped) == (0, 2, 1)
    assert herbarium.workspace.ledger.stat().st_mtime_ns == before


def test_a_better_copy_that_comes_later_takes_over(herbarium, recipe, picture):
    small = herbarium.meet(picture(1, 400, 300))
    herbarium.crawl()
    run(herbarium, recipe(DEDUPE))
    assert kept(herbarium, recipe(DEDUPE)) == {small}

    large = herbarium.meet(picture(1, 800, 600))
    herbarium.crawl()
    assert kept(herbarium, recipe(DEDUPE)) == {small}  # nobody decided on the new one yet
    run(herbarium, recipe(DEDUPE))

    assert kept(herbarium, recipe(DEDUPE)) == {large}


def test_without_near_everything_stays(herbarium, recipe, picture):
    herbarium.meet(picture(1))
    herbarium.meet(picture(1, 200, 150))
    herbarium.crawl()
    exact_only = recipe("dedupe: {near: null}\nlayout: null")

    assert run(herbarium, exact_only).dropped == 0
    assert len(kept(herbarium, exact_only)) == 2


def test_an_empty_ledger_is_no_trouble(herbarium, recipe):
    herbarium.crawl()

    assert run(herbarium, recipe(DEDUPE)).done == 0


