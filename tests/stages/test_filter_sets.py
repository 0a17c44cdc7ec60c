"""Filters whose verdicts hang on the whole set: which set they see, and when they judge it anew."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from harvest.ledger import (
    ReviewRow,
    TakedownRow,
    decisions,
    latest_stage,
    open_ledger,
    selected,
    vectors,
    write_reviews,
    write_takedowns,
)
from harvest.progress import SilentProgress
from harvest.stages import judging, stage_digests
from harvest.stages.dedupe import run_dedupe
from harvest.stages.embed import model_id
from harvest.stages.filter import run_filter

TOP = """
layout: null
dedupe: {{exact: true}}
filter:
  - size: {{min_side: {side}}}
  - like: {{model: colours, these: [red.png], top: {top}}}
  - size: {{max_side: 500}}
"""


@pytest.fixture
def shades(herbarium, tmp_path):
    """Five pictures from red to blue, larger the less red they are; their sha256s."""
    paint(200, 64).save(tmp_path / "red.png")
    met = [herbarium.meet(paint(red, side)) for red, side in ((190, 60), (150, 80), (110, 100), (70, 120), (30, 140))]
    herbarium.crawl()
    return met


def paint(red: int, side: int) -> Image.Image:
    noise = np.random.default_rng(red).integers(-12, 13, (side, side, 3))
    return Image.fromarray(np.clip(np.array([red, 30, 230 - red]) + noise, 0, 255).astype(np.uint8))


@pytest.fixture
def reddest(recipe):
    def write(*, top: int = 2, side: int = 10):
        return recipe(TOP.format(top=top, side=side))

    return write


def run(herbarium, recipe):
    return run_filter(herbarium.workspace, recipe, progress=SilentProgress())


def rows(herbarium, recipe, stage="filter.like"):
    digests = stage_digests(recipe, herbarium.workspace)
    with open_ledger(herbarium.workspace) as con:
        return {row.sha256: row for row in decisions(con, {stage: digests[stage]})}


def kept(herbarium, recipe) -> set[str]:
    run_dedupe(herbarium.workspace, recipe, progress=SilentProgress())
    run(herbarium, recipe)
    return now_kept(herbarium, recipe)


def now_kept(herbarium, recipe) -> set[str]:
    digests = stage_digests(recipe, herbarium.workspace)
    with open_ledger(herbarium.workspace) as con:
        return {image.sha256 for image in selected(con, digests)}


def count_vectors(herbarium) -> int:
    identity = model_id(herbarium.workspace, "colours")
    with open_ledger(herbarium.workspace) as con:
        return len(vectors(con, identity)[0])


def test_the_best_are_chosen_among_what_filters_before_keep(herbarium, reddest, shades):
    assert kept(herbarium, reddest()) == {*shades[:2]}
    assert kept(herbarium, reddest(side=90)) == {*shades[2:4]}

    judged = rows(herbarium, reddest(side=90))
    assert set(judged) == {*shades[2:]}  # what is out already is not asked about
    assert judged[shades[4]].reason.endswith("; number 3, and the best 2 of 3 stay")
    assert len(rows(herbarium, reddest(side=90), "filter.size.2")) == 5  # filters after it see all
    assert count_vectors(herbarium) == 5


def test_a_second_run_does_nothing_and_tells_the_same(herbarium, reddest, shades):
    first = run(herbarium, reddest())
    before = herbarium.workspace.ledger.stat().st_mtime_ns

    again = run(herbarium, reddest())

    assert (first.done, again.done, again.skipped) == (15, 0, 15)
    assert again.detail == first.detail
    assert first.detail["filter.like"] == {
        "keep": 2, "drop": 3, "only": 3, "threshold": rows(herbarium, reddest())[shades[0]].threshold
    }  # fmt: skip
    assert herbarium.workspace.ledger.stat().st_mtime_ns == before


def test_new_images_wait_until_the_filter_ran_again(herbarium, reddest, shades):
    assert kept(herbarium, reddest()) == {*shades[:2]}
    reddest_yet = herbarium.meet(paint(200, 70))
    herbarium.crawl()

    assert now_kept(herbarium, reddest()) == {*shades[:2]}
    assert kept(herbarium, reddest()) == {shades[0], reddest_yet}
    assert rows(herbarium, reddest())[shades[1]].verdict == "drop"
    assert count_vectors(herbarium) == 6


def test_an_earlier_bound_that_changes_there_and_back_changes_the_choice_there_and_back(herbarium, reddest, shades):
    kept(herbarium, reddest())
    assert kept(herbarium, reddest(side=70)) == {*shades[1:3]}

    assert now_kept(herbarium, reddest()) == set()  # nobody has judged this set last
    assert run(herbarium, reddest()).done == 5  # the filter in question alone
    assert now_kept(herbarium, reddest()) == {*shades[:2]}


def test_what_was_taken_down_makes_room(herbarium, reddest, shades):
    kept(herbarium, reddest())
    asked = TakedownRow(sha256=shades[0], reason="asked", requested_by="Ada", request=None, matched=None)
    with open_ledger(herbarium.workspace, write=True) as con:
        write_takedowns(con, [asked])

    assert kept(herbarium, reddest()) == {*shades[1:3]}


def test_an_image_that_does_not_decode_is_not_among_the_best(herbarium, reddest, shades):
    with open_ledger(herbarium.workspace) as con:
        path = next(image.path for image in selected(con, {}) if image.sha256 == shades[0])
    (herbarium.workspace.root / path).write_bytes(b"eaten by moths")

    assert kept(herbarium, reddest()) == {*shades[1:3]}
    assert rows(herbarium, reddest())[shades[0]].reason == "does not decode, so nobody knows what it shows"


def test_a_set_of_nothing_is_judged_once(herbarium, reddest, shades):
    assert kept(herbarium, reddest(side=5000)) == set()
    assert run(herbarium, reddest(side=5000)).done == 0


def test_blocks_of_any_size_come_to_the_same(herbarium, recipe, shades, monkeypatch):
    two = """
layout: null
filter:
  - like: {{model: colours, these: [red.png], min_score: {bound}}}
  - like: {{model: pixels, these: [red.png], {way}}}
"""
    at_once, in_pairs = (
        recipe(two.format(bound=-1, way="top: 3")),
        recipe(two.format(bound=-0.99, way="share: 0.6")),
    )
    run(herbarium, at_once)
    first = [rows(herbarium, at_once, stage) for stage in ("filter.like", "filter.like.2")]

    monkeypatch.setattr(judging, "BLOCK", 2)
    run(herbarium, in_pairs)

    assert count_vectors(herbarium) == 5
    for stage, before in zip(("filter.like", "filter.like.2"), first, strict=True):
        after = rows(herbarium, in_pairs, stage)
        assert {sha256: (row.verdict, row.value, row.reason) for sha256, row in after.items()} == {
            sha256: (row.verdict, row.value, row.reason) for sha256, row in before.items()
        }


def test_how_a_threshold_was_found_is_kept_with_the_run(herbarium, recipe, shades):
    found = recipe("layout: null\nfilter:\n  - like: {model: colours, these: [red.png], threshold: otsu}\n")

    run(herbarium, found)

    with open_ledger(herbarium.workspace) as con:
        last = latest_stage(con, "filter.like", found.name)
    cut = last.detail["cut"]
    assert (last.detail["images"], cut["method"]) == (5, "otsu")
    assert {row.threshold for row in rows(herbarium, found).values()} == {cut["threshold"]}


def test_what_people_say_moves_a_threshold_that_is_learned_from_them(herbarium, recipe, shades):
    learned = recipe("layout: null\nfilter:\n  - like: {model: colours, these: [red.png], threshold: auto}\n")
    run(herbarium, learned)
    said = [ReviewRow(name="shells", stage="filter", sha256=shades[4], verdict="keep", reason="blue", decided_by="Ada")]
    with open_ledger(herbarium.workspace, write=True) as con:
        write_reviews(con, said)

    assert run(herbarium, learned).done == 5
    assert run(herbarium, learned).done == 0
