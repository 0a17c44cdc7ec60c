"""What the filter by words makes of images, in a space where words and images are angles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harvest.errors import ConfigError
from harvest.ledger import decisions, open_ledger
from harvest.progress import SilentProgress
from harvest.stages.filter import filter_digests, run_filter
from harvest.stages.filters import FilterJob, build
from harvest.stages.filters.clip import ClipFilter
from harvest.stages.filters.likeness import Anchors
from tests.stages.plane import angles, judge

COS = {turn: math.cos(math.radians(turn)) for turn in range(0, 181, 2)}


@pytest.fixture
def clip(recipe):
    def write(options: str):
        (job,) = build(recipe(f"filter:\n  - clip: {{model: harvest-demo, {options}}}\n"))
        return job

    return write


@pytest.mark.parametrize(
    ("options", "angle", "keep", "value", "bound", "reason"),
    [
        ("keep: [0, 10], reject: [90]", 8, True, COS[2] - COS[82], 0, "'10' (0.999) against '90' (0.139)"),
        ("keep: [0, 10], reject: [90]", 70, False, COS[60] - COS[20], 0, "'90' (0.940) against '10' (0.500)"),
        ("keep: [0], reject: [90], margin: 0.5", 40, False, COS[40] - COS[50], 0.5, "'90' (0.643) against '0' (0.766)"),
        ("keep: [0], min_score: 0.9", 20, True, COS[20], 0.9, "'0' fits at 0.940"),
        ("keep: [0], min_score: 0.9", 40, False, COS[40], 0.9, "'0' fits at 0.766"),
        ("keep: [0], reject: [180], min_score: 0.9", 40, False, COS[40], 0.9, "'0' fits at 0.766"),
        ("keep: [0], reject: [180], min_score: 0.7", 40, True, 2 * COS[40], 0, "'0' (0.766) against '180' (-0.766)"),
        ("keep: [[0, 40]], min_score: 0.99", 20, True, 1, 0.99, "'0' fits at 1.000"),
        ("keep: [2], templates: ['{}0', '{}8'], min_score: 0.99", 24, True, 1, 0.99, "'2' fits at 1.000"),
        ("query: [{text: 0}, {text: 90}], min_score: 0.99", 45, True, 1, 0.99, "'+1 0 +1 90' fits at 1.000"),
        ("query: [{text: 60}, {text: 120, weight: -1}], min_score: 0", 0, True, 1, 0, "'+1 60 -1 120' fits at 1.000"),
    ],
)  # fmt: skip
def test_the_score_is_the_best_kept_cosine_less_the_best_rejected(  # noqa: PLR0917 - a table
    clip, options, angle, keep, value, bound, reason
):
    found = judge(clip(options), [angle])

    assert (bool(found.keep[0]), found.reason[0]) == (keep, reason)
    assert found.value[0] == pytest.approx(value, abs=1e-5)
    assert found.threshold[0] == bound


def test_a_query_adds_pictures_to_words_and_takes_them_away(clip, tmp_path):
    for name in ("10", "100"):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")  # the plane takes a picture's name for its angle

    both = judge(clip("query: [{image: 10.png}, {text: 50}], top: 1"), [30, 60])
    less = judge(clip("query: [{text: 100}, {image: '10*0.png', weight: -0.5}], top: 1"), [100, 10])

    assert both.value[0] == pytest.approx(1, abs=1e-5)
    assert both.reason[0] == "'+1 10.png +1 50' fits at 1.000; number 1, and the best 1 of 2 stay"
    assert less.value[0] == pytest.approx(1, abs=1e-5)


def test_the_best_so_many_stay_and_know_their_number(clip):
    found = judge(clip("keep: [0], top: 2"), [40, 10, 30, 20])

    assert found.keep.tolist() == [False, True, False, True]
    assert found.reason[3] == "'0' fits at 0.940; number 2, and the best 2 of 4 stay"
    assert found.threshold.tolist() == pytest.approx([COS[20]] * 4)
    assert found.detail["cut"]["method"] == "best"


def test_a_share_is_one_of_all_images_and_bounds_come_first(clip):
    turns = range(0, 100, 5)

    assert judge(clip("keep: [0], share: 0.25"), turns).keep.sum() == 5
    assert judge(clip("keep: [0], share: 0.01"), turns).keep.sum() == 1
    found = judge(clip("keep: [0], share: 0.25, min_score: 0.99"), turns)
    assert (found.keep.sum(), found.threshold[-1], found.reason[-1]) == (2, 0.99, "'0' fits at -0.087")


def test_a_margin_is_looked_at_beside_a_number_when_it_is_given(clip):
    turns = [0, 40, 60, 80]

    assert judge(clip("keep: [0], reject: [90], top: 3"), turns).keep.sum() == 3
    found = judge(clip("keep: [0], reject: [90], top: 3, margin: 0"), turns)
    assert found.keep.tolist() == [True, True, False, False]
    assert found.threshold[3] == 0
    assert found.reason[3] == "'90' (0.985) against '0' (0.174)"


@pytest.mark.parametrize(
    ("threshold", "by"),
    [
        ("valley", "the valley between two hills of scores"),
        ("otsu", "Otsu's criterion"),
        ("auto", "the valley between two hills of scores"),
    ],
)
def test_a_threshold_is_found_between_two_kinds_of_images(clip, threshold, by):
    rng = np.random.default_rng(0)
    near, far = rng.normal(60, 2, 300), rng.normal(80, 2, 900)

    found = judge(clip(f"keep: [0], threshold: {threshold}"), [*near, *far])

    assert found.keep[:300].mean() > 0.99
    assert found.keep[300:].mean() < 0.01
    cut = found.detail["cut"]
    assert COS[80] < cut["threshold"] < COS[60]
    assert set(found.threshold) == {cut["threshold"]}
    assert found.reason[0].endswith(f"; above {cut['threshold']:.3f}, {by}")


def test_people_decide_where_to_cut_when_they_have_judged_enough(clip):
    turns = np.linspace(0, 90, 100)
    said = {f"{number:064x}": bool(turns[number] < 45) for number in range(0, 100, 3)}
    few = dict(list(said.items())[:4])

    found = judge(clip("keep: [0], threshold: judged, precision: 1"), turns, said)
    none = judge(clip("keep: [0], threshold: judged"), turns, few)

    assert 44 < turns[found.keep].max() < 47
    assert found.reason[0].endswith("34 images judged by hand")
    assert (found.detail["cut"]["precision"], found.detail["cut"]["recall"]) == (1, 1)
    assert clip("keep: [0], threshold: judged").params.advice(said) is None
    assert clip("keep: [0], threshold: judged").params.advice(few) == (
        "`threshold: judged` needs 10 images judged as ones to keep, and 10 to drop"
    )
    assert none.keep.all()
    assert none.reason[0].endswith("; nobody has judged 10 images of either kind yet, so all of them stay")


@given(st.lists(st.floats(0, 180), min_size=1, max_size=30), st.integers(1, 40))
def test_no_image_that_is_dropped_is_better_than_one_that_stays(turns, top):
    found = judge_top(top, turns)

    assert found.keep.sum() == min(top, len(turns))
    if not found.keep.all():
        assert found.value[found.keep].min() >= found.value[~found.keep].max()


def judge_top(top: int, turns):
    return judge(FilterJob(stage="filter.clip", params=ClipFilter(model="m", keep=("0",), top=top)), turns)


@pytest.mark.parametrize(
    "options",
    [
        "keep: [a moth], threshold: auto",
        "keep: [[a moth, moth]], templates: ['{}', 'a drawing of {}'], threshold: valley",
        "keep: [a moth], reject: [a beetle, a fern, a key, a page of text]",
        "keep: [a moth], top: 12",
    ],
)
def test_moths_are_found_among_drawings_that_the_model_has_not_seen(cabinet, recipe, options):
    moths = recipe(f"layout: null\nfilter:\n  - clip: {{model: harvest-demo, {options}}}\n")

    run_filter(cabinet.workspace, moths, progress=SilentProgress())

    digests = filter_digests(cabinet.workspace, moths)
    with open_ledger(cabinet.workspace) as con:
        kept = {row.sha256 for row in decisions(con, digests) if row.verdict == "keep"}
    assert len(kept & set(cabinet.of("moth"))) >= 11
    assert len(kept - set(cabinet.of("moth"))) <= 1


def test_only_a_filter_that_learns_from_people_has_them_in_its_digest(clip):
    said = {"a" * 64: True}

    for options, learns in (("top: 3", False), ("threshold: otsu", False), ("threshold: auto", True)):
        job = clip(f"keep: [0], {options}")
        assert (job.digest("m@1", said=said) != job.digest("m@1")) is learns


def test_blocks_are_judged_as_one():
    rows = np.random.default_rng(0).uniform(0, 180, 150_000)
    anchors = Anchors(names=["0", "90"], vectors=angles(["0", "90"]))
    nearest, cosines = anchors.nearest(angles(rows))

    assert cosines == pytest.approx(np.maximum(np.cos(np.radians(rows)), np.sin(np.radians(rows))), abs=1e-6)
    assert (nearest == (rows > 45)).mean() > 0.9999


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("keep: [], reject: [a]", "keep: expected at least one prompt, got none"),
        ("keep: [[]], reject: [a]", "keep[0]: expected at least one word for it, got none"),
        (
            "keep: [a]",
            "reject: missing; expected what to hold images against, or a `min_score`, `top`, `share` or `threshold`",
        ),
        ("keep: [a], top: 3, share: 0.1", "share: stands beside `top`; only one of top, share and threshold can cut"),
        ("keep: [a], top: 0", "top: expected a whole number >= 1, got 0"),
        ("keep: [a], threshold: best", "threshold: expected one of auto, valley, otsu, judged, got 'best'"),
        ("keep: [a], top: 3, precision: 0.8", "precision: counts only with `threshold: judged` or `threshold: auto`"),
        ("keep: [a], top: 3, templates: [a photo]", "templates[0]: expected a text with {} in it, got 'a photo'"),
        ("keep: [a], query: [{text: b}], top: 3", "query: stands in place of `keep`; leave one of them out"),
        (
            "query: [{image: '*.png'}], top: 3",
            "query[0].image: no picture there, and not ten digits of an image's sha256: ",
        ),
        ("query: [{weight: 2}], top: 3", "query[0]: expected either a `text` or an `image`"),
    ],
)
def test_errors_say_where_and_what(recipe, options, message):
    broken = recipe(f"filter:\n  - clip: {{model: m, {options}}}\n")

    with pytest.raises(ConfigError) as error:
        build(broken)
    assert str(error.value).removesuffix(f"{broken.file.parent}/*.png") == f"{broken.file}: filter[0].clip.{message}"
