from __future__ import annotations

import numpy as np
import pytest

from harvest.errors import ConfigError
from harvest.ledger import decisions, latest_stage, open_ledger
from harvest.progress import SilentProgress
from harvest.stages.filter import filter_digests, run_filter
from harvest.stages.filters import build
from tests.stages.plane import judge


def job(recipe, words: str):
    (only,) = build(recipe(f"filter:\n  - outliers: {{model: any, {words}}}"))
    return only


CROWD = [0, 1, 2, 3, 4, 5, 90]


def test_a_bound_is_on_the_distance_to_the_kth_neighbour(recipe) -> None:
    found = judge(job(recipe, "neighbours: 2, max: 0.1"), CROWD)

    assert found.keep.tolist() == [True] * 6 + [False]
    assert found.value[6] == pytest.approx(1 - np.cos(np.radians(86)), abs=1e-5)
    assert found.threshold.tolist() == [0.1] * 7
    assert found.reason[6] == "like few others: 0.930 to its neighbour number 2, bound 0.100 (as given)"
    assert found.reason[0].startswith("has others like it: ")


def test_a_share_is_the_share_that_is_dropped(recipe) -> None:
    turns = [*np.linspace(0, 5, 95), 100, 140, 180, 220, 260]

    found = judge(job(recipe, "neighbours: 3, share: 0.05"), turns)

    assert np.flatnonzero(~found.keep).tolist() == [95, 96, 97, 98, 99]
    assert judge(job(recipe, "share: 1"), turns).keep.sum() == 0


def test_those_who_look_for_the_odd_ones_keep_them_alone(recipe) -> None:
    found = judge(job(recipe, "neighbours: 2, max: 0.1, keep: outliers"), CROWD)

    assert found.keep.tolist() == [False] * 6 + [True]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("neighbours: 3", "filter[0].outliers.max: expected one of `max`, `share` and `threshold: auto`, got none"),
        (
            "max: 1, share: 0.1",
            "filter[0].outliers.share: expected one of `max`, `share` and `threshold: auto`, got max",
        ),
        ("threshold: 0.3", "filter[0].outliers.threshold: expected one of auto, got 0.3"),
    ],
)
def test_there_is_one_bound(recipe, words, fault) -> None:
    with pytest.raises(ConfigError) as error:
        job(recipe, words)
    assert fault in str(error.value)


def test_a_written_page_among_specimens_stands_apart(cabinet, recipe) -> None:
    tidy = recipe("layout: null\nfilter:\n  - outliers: {model: harvest-demo, neighbours: 5, threshold: auto}\n")

    run_filter(cabinet.workspace, tidy, progress=SilentProgress())

    digests = filter_digests(cabinet.workspace, tidy)
    with open_ledger(cabinet.workspace) as con:
        rows = decisions(con, digests)
        detail = latest_stage(con, "filter.outliers", "shells").detail
    dropped = [row for row in rows if row.verdict == "drop"]
    assert {row.sha256 for row in dropped} >= set(cabinet.of("text_page"))
    assert len(dropped) <= 6
    assert detail["outliers"] == len(dropped)
    assert {row.threshold for row in rows} == {detail["threshold"]}
