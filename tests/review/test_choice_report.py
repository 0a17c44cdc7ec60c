from __future__ import annotations

import json
import re

import pytest

from harvest.holdings import holdings_of
from harvest.ledger import DecisionRow, open_ledger, record_stage, write_decisions
from harvest.progress import SilentProgress
from harvest.review import Bound, Judging, choices_to_json, write_choice_report
from harvest.review.choices import choice_report
from harvest.run import filter_report, prepare
from harvest.stages.dedupe import run_dedupe
from harvest.stages.filter import run_filter

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e'
FILTERS = """
dedupe: {near: {max_distance: 8}}
layout: null
filter:
  - size: {min_side: 100, max_side: 500}
  - licence: {allow: [CC-BY-4.0]}
"""


def filtered(herbarium, recipe, yaml=FILTERS):
    """Judge, and write the report as the command does."""
    chosen = recipe(yaml)
    herbarium.crawl()
    run_dedupe(herbarium.workspace, chosen, progress=SilentProgress())
    run_filter(herbarium.workspace, chosen, progress=SilentProgress())
    return filter_report(herbarium.workspace, prepare(chosen.file), progress=SilentProgress())


def scored(herbarium, picture, scores, **judging):
    """A report on a filter that gave each of as many pictures a (value, threshold, verdict); their sha256s."""
    shas = [herbarium.meet(picture(number)) for number in range(len(scores))]
    herbarium.crawl()
    rows = [
        DecisionRow(
            sha256=sha256,
            stage="filter.score",
            recipe_digest="d1",
            verdict=verdict,
            reason=f"score {value} of {threshold}",
            value=value,
            threshold=threshold,
            decided_by="filter.score/1",
        )
        for sha256, (value, threshold, verdict) in zip(shas, scores, strict=True)
    ]
    with open_ledger(herbarium.workspace, write=True) as con:
        write_decisions(con, rows)
    with open_ledger(herbarium.workspace) as con:
        report = choice_report(con, "shells", [Judging(stage="filter.score", digest="d1", **judging)])
    return shas, report.choices[0]


def test_what_each_filter_removed_and_only_it_and_what_is_left(herbarium, recipe, encoded, picture) -> None:
    good = herbarium.meet(picture(1))
    copy = herbarium.meet(encoded(picture(1), quality=60))
    small = herbarium.meet(picture(2, 90, 200))
    both = herbarium.meet(picture(3, 80, 200), license=None)
    closed = herbarium.meet(picture(4), license=None)

    report, _ = filtered(herbarium, recipe)

    assert (report.images, report.copies, report.chosen, report.filtered, report.open) == (5, 1, 1, 3, 0)
    assert report.only_copies == 1
    size, licence = report.choices
    assert (size.kept, size.dropped, size.only, size.only_samples) == (3, 2, 1, (small,))
    assert (licence.kept, licence.dropped, licence.only, licence.only_samples) == (3, 2, 1, (closed,))
    assert report.chosen_samples in {(good,), (copy,)}
    assert {overlap.stages: overlap.images for overlap in report.overlaps} == {
        ("dedupe",): 1,
        ("filter.size",): 1,
        ("filter.licence",): 1,
        ("filter.size", "filter.licence"): 1,
    }
    assert next(one.sha256s for one in report.overlaps if len(one.stages) == 2) == (both,)


def test_a_bound_on_a_column_shows_all_images_and_those_beside_the_cut(herbarium, recipe, picture) -> None:
    sides = {herbarium.meet(picture(side, side, 450)): side for side in (60, 95, 99, 100, 101, 300)}
    wide = herbarium.meet(picture(7, 600, 90))

    report, _ = filtered(herbarium, recipe)

    lower, upper = report.choices[0].scales
    assert (lower.name, lower.images, lower.dropped) == ("min_side", 7, 4)
    (strip,) = lower.strips
    assert [one.value for one in strip.below] == [60, 90, 95, 99]
    assert [sides[one.sha256] for one in strip.above] == [100, 101, 300]
    assert (upper.name, upper.dropped, upper.strips) == ("max_side", 0, ())
    assert [(one.sha256, one.fate.name) for one in upper.quantiles if one.value > 500] == [(wide, "ELSEWHERE")]


def test_reasons_that_differ_in_numbers_alone_are_one(herbarium, recipe, picture) -> None:
    for number, height in enumerate((200, 210, 220)):
        herbarium.meet(picture(number, 90 - number, height), license=f"CC-BY-{number + 2}.0")

    report, _ = filtered(herbarium, recipe)

    size, licence = report.choices
    assert [(one.words, one.images) for one in size.reasons] == [("too small: …x… < 100", 3)]
    assert sorted((one.words, one.images) for one in licence.reasons) == [
        ("CC-BY-4.0", 1),
        ("licence not allowed: CC-BY-2.0", 1),
        ("licence not allowed: CC-BY-3.0", 1),
    ]


def test_an_image_that_a_reason_names_is_shown(herbarium, picture) -> None:
    first, second = (herbarium.meet(picture(number)) for number in range(2))
    herbarium.crawl()
    said = {first: "stands for itself", second: f"{first[:16]} stands for it, at a cosine of 0.91"}
    rows = [
        DecisionRow(
            sha256=sha256,
            stage="filter.diverse",
            recipe_digest="d1",
            verdict="keep" if sha256 == first else "drop",
            reason=reason,
            value=0.09,
            threshold=None,
            decided_by="filter.diverse/1",
        )
        for sha256, reason in said.items()
    ]
    with open_ledger(herbarium.workspace, write=True) as con:
        write_decisions(con, rows)
    with open_ledger(herbarium.workspace) as con:
        report = choice_report(con, "shells", [Judging(stage="filter.diverse", digest="d1")])

    assert [(one.images, one.named, one.sha256s) for one in report.choices[0].reasons] == [
        (1, first, (second,)),
        (1, None, (first,)),
    ]


def test_two_bounds_on_one_number_lie_on_one_axis(herbarium, picture) -> None:
    scores = [(1.0, 2.0, "drop"), (2.5, 2.0, "keep"), (3.0, 4.0, "keep"), (5.0, 4.0, "drop")]

    _, choice = scored(herbarium, picture, scores, settings={"min": 2, "max": 4})

    (scale,) = choice.scales
    assert [(cut.name, cut.at, cut.drops) for cut in scale.cuts] == [("min", 2, "below"), ("max", 4, "above")]
    assert [one.fate.name for one in scale.quantiles] == ["DROPPED", "KEPT", "KEPT", "DROPPED"]


def test_numbers_that_measure_different_things_have_an_axis_each(herbarium, picture) -> None:
    scores = [(0.1, 0.3, "drop"), (0.2, 0.3, "drop"), (-0.1, 0.0, "drop"), (0.4, 0.0, "keep")]

    _, choice = scored(herbarium, picture, scores, settings={"min_score": 0.3}, parameters={"margin": 0.0})

    assert [(scale.name, scale.images, scale.dropped) for scale in choice.scales] == [("score", 2, 2), ("margin", 2, 1)]


def test_thresholds_of_each_images_own_are_shown_as_distances(herbarium, picture) -> None:
    scores = [
        (number / 10, number / 10 + (-1) ** number / 100, "drop" if number % 2 == 0 else "keep") for number in range(6)
    ]

    _, choice = scored(herbarium, picture, scores)

    (scale,) = choice.scales
    assert scale.is_relative
    assert [(cut.at, cut.drops) for cut in scale.cuts] == [(0, "below")]
    assert [round(one.value, 6) for one in scale.quantiles] == [-0.01] * 3 + [0.01] * 3


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        (
            {"cut": {"words": "the valley between two hills", "threshold": 0.2}, "images": 2},
            "The cut: the valley between",
        ),
        ({"chosen": 2, "farthest": 0.34189, "images": 2}, "chosen 2, farthest 0.342"),
    ],
)
def test_how_a_whole_set_was_judged_is_told(herbarium, picture, detail, words) -> None:
    scored(herbarium, picture, [(0.1, 0.2, "drop"), (0.3, 0.2, "keep")])
    with open_ledger(herbarium.workspace, write=True) as con:
        record_stage(con, "filter.score", "shells", "d1", "inputs", detail)

    _, files = write_choice_report(
        herbarium.workspace,
        "shells",
        [Judging(stage="filter.score", digest="d1")],
        dedupe_digest=None,
        progress=SilentProgress(),
    )

    assert words in files.html.read_text(encoding="utf-8")
    assert json.loads(files.json.read_text(encoding="utf-8"))["filters"][0]["detail"] == detail


def test_images_that_a_filter_has_not_judged_are_counted_as_such(herbarium, recipe, picture) -> None:
    herbarium.meet(picture(1))
    filtered(herbarium, recipe)
    herbarium.meet(picture(2))
    herbarium.crawl()

    report, files = filter_report(herbarium.workspace, prepare(recipe(FILTERS).file), progress=SilentProgress())

    assert (report.images, report.chosen, report.open) == (2, 1, 1)
    assert "1 image has not been judged by all of them" in re.sub("<[^>]*>", "", files.html.read_text(encoding="utf-8"))


def test_the_page_carries_its_pictures_and_treats_metadata_as_text(herbarium, recipe, picture) -> None:
    shas = [
        herbarium.meet(picture(1), title=HOSTILE, creator=HOSTILE, license_raw=HOSTILE),
        herbarium.meet(picture(2, 90, 200), title=HOSTILE),
    ]

    report, files = filtered(herbarium, recipe)

    page = files.html.read_text(encoding="utf-8")
    assert page.count('href="data:image/jpeg;base64,') == 2
    assert all(sha256 in page for sha256 in shas)
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert not re.search(r"https?://", page)
    assert json.loads(files.json.read_text(encoding="utf-8")) == json.loads(json.dumps(choices_to_json(report)))


def test_a_takedown_finds_the_page_that_shows_an_image(herbarium, recipe, picture) -> None:
    shown = herbarium.meet(picture(1))
    _, files = filtered(herbarium, recipe)

    page = files.html.relative_to(herbarium.workspace.root).as_posix()
    assert holdings_of(herbarium.workspace, [shown], SilentProgress()).reports == (page,)
    assert holdings_of(herbarium.workspace, ["f" * 64], SilentProgress()).reports == ()


def test_a_workspace_without_images_or_filters_has_a_report_too(herbarium, picture) -> None:
    herbarium.crawl()
    bound = Bound(name="min_side", column="least(width, height)", at=1)
    for judgings in ([], [Judging(stage="filter.size", digest="d1", bounds=(bound,))]):
        report, _ = write_choice_report(
            herbarium.workspace, "shells", judgings, dedupe_digest=None, progress=SilentProgress()
        )
        assert (report.images, report.chosen, report.overlaps) == (0, 0, ())


def test_pictures_are_fewer_where_there_are_many_filters(herbarium, picture) -> None:
    scores = [(number / 40, 0.5, "keep" if number >= 20 else "drop") for number in range(40)]
    _, choice = scored(herbarium, picture, scores)
    with open_ledger(herbarium.workspace) as con:
        many = choice_report(con, "shells", [Judging(stage="filter.score", digest="d1")] * 8)

    assert [len(one.scales[0].strips[0].below) for one in (choice, *many.choices[:1])] == [6, 4]


def test_the_command_says_where_the_report_is(herbarium, recipe, picture, harvest) -> None:
    herbarium.meet(picture(1, 90, 200))
    herbarium.crawl()

    answer = harvest("filter", recipe(FILTERS).file, "--report", "--json", "-w", herbarium.workspace.root)

    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert [one["dropped"] for one in found["filters"]] == [1, 0]
    assert f"report: {found['files']['html']}" in answer.stderr
