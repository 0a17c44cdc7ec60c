from __future__ import annotations

import numpy as np
import pytest

from harvest.ledger import decisions, latest_stage, open_ledger
from harvest.progress import SilentProgress
from harvest.review import Verdict, give
from harvest.stages.filter import filter_digests, run_filter
from harvest.stages.filters import Asked, build
from tests.stages.plane import angles, judge
from tests.stages.specimens import drawn

RECIPE = "layout: null\nfilter:\n  - diverse: {{model: harvest-demo, count: {count}, how: {how}}}\n"
KINDS = ["beetle", "fern", "key", "moth"]


def run(workspace, recipe):
    run_filter(workspace, recipe, progress=SilentProgress())
    digests = filter_digests(workspace, recipe)
    with open_ledger(workspace) as con:
        return {row.sha256: row for row in decisions(con, digests)}


@pytest.mark.parametrize(
    ("how", "count", "expected"), [("facility-location", 4, KINDS), ("k-centre", 5, [*KINDS, "text_page"])]
)
def test_as_many_as_there_are_kinds_are_one_of_each(cabinet, recipe, how, count, expected) -> None:
    found = run(cabinet.workspace, recipe(RECIPE.format(how=how, count=count)))

    kept = {sha256 for sha256, row in found.items() if row.verdict == "keep"}
    assert sorted(cabinet.kinds[sha256] for sha256 in kept) == expected
    right = 0
    for sha256, row in found.items():
        if sha256 not in kept:
            (stands,) = [one for one in kept if row.reason.startswith(one[:16])]
            right += cabinet.kinds[stands] == cabinet.kinds[sha256]
    assert right >= 0.8 * (len(found) - count)
    with open_ledger(cabinet.workspace) as con:
        detail = latest_stage(con, "filter.diverse", "shells").detail
    assert detail["chosen"] == count
    assert detail["farthest"] == pytest.approx(max(row.value for row in found.values()))


def test_each_chosen_one_says_how_many_it_stands_for(recipe) -> None:
    (job,) = build(recipe("filter:\n  - diverse: {model: any, count: 2}"))

    found = judge(job, [0, 2, 4, 90, 92])

    assert found.keep.tolist() == [False, False, True, True, False]
    assert sorted(found.reason[at] for at in (2, 3)) == [
        "number 1 of 2: stands for itself and for those like it, 3 images",
        "number 2 of 2: stands for itself and for those like it, 2 images",
    ]
    assert found.reason[0] == f"{2:064x}"[:16] + " stands for it, at a cosine of 0.998"
    assert found.value[2] == 0
    assert found.value[4] == pytest.approx(1 - np.cos(np.radians(2)), abs=1e-6)


def test_where_all_fit_all_are_kept(recipe) -> None:
    (job,) = build(recipe("filter:\n  - diverse: {model: any, count: 5}"))

    found = judge(job, [0, 0, 10])

    assert found.keep.all()
    assert found.value.tolist() == [0, 0, 0]


def test_what_people_kept_comes_first_and_what_they_dropped_never(recipe) -> None:
    turns = [0, 10, 20, 30, 90]
    names = [f"{number:064x}" for number in range(len(turns))]
    said = {names[1]: True, names[4]: False}
    (job,) = build(recipe("filter:\n  - diverse: {model: any, count: 2, how: k-centre, start: reviewed}"))

    found = job.params.judge_all(
        Asked(
            sha256s=np.array(names), vectors=angles(turns), texts=angles, pictures=angles, said=said,
            words={names[4]: "no shell (Ada)"},
        )
    )  # fmt: skip

    assert found.keep.tolist() == [False, True, False, True, False]
    assert found.reason[4] == "dropped by hand: no shell (Ada)"
    assert found.reason[1].startswith("number 1 of 2")
    (plain,) = build(recipe("filter:\n  - diverse: {model: any, count: 2, how: k-centre}", "plain"))
    assert judge(plain, turns, said).keep[4]
    assert plain.digest("m", said=said) == plain.digest("m")
    assert job.digest("m", said=said) != job.digest("m")


def test_it_chooses_anew_when_there_are_more_and_not_otherwise(herbarium, recipe) -> None:
    two = recipe("layout: null\nfilter:\n  - diverse: {model: colours, count: 2}\n")
    for kind in ("moth", "key", "fern"):
        herbarium.meet(drawn(kind, 0))
    herbarium.crawl()
    first = run(herbarium.workspace, two)
    assert run_filter(herbarium.workspace, two, progress=SilentProgress()).done == 0

    herbarium.meet(drawn("fern", 1))
    herbarium.crawl()
    more = run(herbarium.workspace, two)

    assert (len(first), len(more)) == (3, 4)
    assert sum(row.verdict == "keep" for row in more.values()) == 2


def test_what_people_dropped_before_is_not_stood_for(cabinet, recipe) -> None:
    left_out = cabinet.of("key", "fern", "text_page")
    verdicts = [Verdict(verdict="drop", sha256=one) for one in left_out]
    give(cabinet.workspace, "shells", verdicts, reason="no insect", decided_by="Ada", stage="filter")
    chosen = recipe("layout: null\nfilter:\n  - reviewed: {}\n  - diverse: {model: harvest-demo, count: 2}\n")

    run_filter(cabinet.workspace, chosen, progress=SilentProgress())

    digests = filter_digests(cabinet.workspace, chosen)
    with open_ledger(cabinet.workspace) as con:
        rows = decisions(con, digests)
    by_hand = {row.sha256: row for row in rows if row.stage == "filter.reviewed"}
    assert {sha256 for sha256, row in by_hand.items() if row.verdict == "drop"} == set(left_out)
    assert by_hand[left_out[0]].reason == "dropped by hand: no insect (Ada)"
    judged = [row for row in rows if row.stage == "filter.diverse"]
    assert {cabinet.kinds[row.sha256] for row in judged} == {"moth", "beetle"}
    assert sum(row.verdict == "keep" for row in judged) == 2
