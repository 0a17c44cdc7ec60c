from __future__ import annotations

import pytest

from harvest.errors import ConfigError
from harvest.ledger import decisions, open_ledger
from harvest.progress import SilentProgress
from harvest.review import Verdict, give, take_back
from harvest.stages.filter import filter_digests, run_filter
from harvest.stages.filters import build
from harvest.stages.suggest import heeding, suggest
from tests.stages.specimens import COLLECTION

LEARNED = "layout: null\nfilter:\n  - learned: {model: harvest-demo, min_judgements: 8}\n"


class Heard(SilentProgress):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def say(self, message: str) -> None:
        self.words.append(message)


def judge(cabinet, verdicts: dict[str, str]) -> None:
    given = [Verdict(verdict=verdict, sha256=sha256) for sha256, verdict in verdicts.items()]
    give(cabinet.workspace, "shells", given, reason="an insect?", decided_by="Ada", stage="filter")


def run(cabinet, recipe, progress=None):
    report = run_filter(cabinet.workspace, recipe, progress=progress or SilentProgress())
    digests = filter_digests(cabinet.workspace, recipe)
    with open_ledger(cabinet.workspace) as con:
        return report, {row.sha256: row for row in decisions(con, digests)}


def verdict(kind: str) -> str:
    return "keep" if kind in {"moth", "beetle"} else "drop"


def test_it_goes_on_as_people_began(cabinet, recipe) -> None:
    taught = {sha256: verdict(kind) for sha256, kind in list(cabinet.kinds.items())[::3]}
    judge(cabinet, taught)

    _, found = run(cabinet, recipe(LEARNED))

    right = {sha256: row.verdict == verdict(cabinet.kinds[sha256]) for sha256, row in found.items()}
    assert sum(right.values()) >= 48
    for sha256, row in found.items():
        if sha256 in taught:
            assert row.verdict == taught[sha256]
            assert row.reason == ("kept" if row.verdict == "keep" else "dropped") + " by hand: an insect? (Ada)"
            assert (row.value, row.threshold) == (None, None)
        else:
            assert (row.value >= row.threshold) == (row.verdict == "keep")
            assert "likely to be wanted, as learned from 17 judged ones; right on 17 of them unseen" in row.reason


def test_too_few_judgements_drop_nothing_and_say_what_to_do(cabinet, recipe) -> None:
    first, second = cabinet.of("key")[:2]
    judge(cabinet, {first: "drop", second: "drop"})
    heard = Heard()

    _, found = run(cabinet, recipe(LEARNED), heard)

    assert {sha256 for sha256, row in found.items() if row.verdict == "drop"} == {first, second}
    assert found[first].reason == "dropped by hand: an insect? (Ada)"
    others = {row.reason for row in found.values() if row.verdict == "keep"}
    assert others == {"nothing learned yet: 2 of at least 8 images judged"}
    assert any("filter.learned: nothing learned yet" in line and "--suggest 20" in line for line in heard.words)


def test_one_kind_of_judgements_drops_nothing(cabinet, recipe) -> None:
    judge(cabinet, dict.fromkeys(cabinet.of("moth"), "keep"))

    _, found = run(cabinet, recipe(LEARNED))

    assert {row.verdict for row in found.values()} == {"keep"}
    assert "nothing learned yet: 12 images kept by hand and 0 dropped, 2 of either kind are needed" in {
        row.reason for row in found.values()
    }


def test_another_judgement_makes_it_judge_anew_and_nothing_is_embedded_again(cabinet, recipe) -> None:
    taught = {sha256: verdict(kind) for sha256, kind in list(cabinet.kinds.items())[::4]}
    judge(cabinet, taught)
    run(cabinet, recipe(LEARNED))
    assert run(cabinet, recipe(LEARNED))[0].done == 0
    with open_ledger(cabinet.workspace) as con:
        ((before,),) = con.execute("SELECT count(*) FROM stage_runs WHERE stage = 'embed'").fetchall()

    take_back(cabinet.workspace, "shells", [next(iter(taught))], reason="a slip", decided_by="Ada", stage="filter")
    report, found = run(cabinet, recipe(LEARNED))

    assert report.done == len(cabinet.kinds)
    assert found[next(iter(taught))].value is not None
    with open_ledger(cabinet.workspace) as con:
        assert con.execute("SELECT count(*) FROM stage_runs WHERE stage = 'embed'").fetchall() == [(before,)]


def test_precision_chooses_the_threshold(cabinet, recipe) -> None:
    judge(cabinet, {sha256: verdict(kind) for sha256, kind in list(cabinet.kinds.items())[::3]})
    judge(cabinet, {cabinet.of("fern")[0]: "keep"})  # somebody erred

    _, lenient = run(cabinet, recipe(LEARNED.replace("8}", "8, min_precision: 0.5}")))
    _, strict = run(cabinet, recipe(LEARNED.replace("8}", "8, min_precision: 1}")))

    thresholds = [{row.threshold for row in found.values() if row.threshold} for found in (lenient, strict)]
    assert [len(each) for each in thresholds] == [1, 1]
    assert max(thresholds[1]) > max(thresholds[0])


def test_two_thresholds_are_one_too_many(recipe) -> None:
    with pytest.raises(ConfigError, match=r"learned.min_precision: stands beside `min_probability`; expected one"):
        build(recipe("filter:\n  - learned: {model: any, min_probability: 0.5, min_precision: 0.9}"))


def test_suggestions_begin_with_one_of_each_kind_and_go_on_with_what_is_in_doubt(cabinet, recipe) -> None:
    first = suggest(cabinet.workspace, recipe(LEARNED), 6, progress=SilentProgress())

    assert {cabinet.kinds[one.sha256] for one in first} == set(COLLECTION)
    assert {one.probability for one in first} == {None}
    assert "stands for many others" in first[0].reason
    judge(cabinet, {one.sha256: verdict(cabinet.kinds[one.sha256]) for one in first})
    then = suggest(cabinet.workspace, recipe(LEARNED), 4, progress=SilentProgress())
    assert len(then) == 4
    assert not {one.sha256 for one in then} & {one.sha256 for one in first}
    assert all(one.reason.startswith(f"in doubt: {one.probability:.0%} likely") for one in then)


def test_suggestions_leave_out_what_is_dropped_anyway(cabinet, recipe) -> None:
    insects = recipe(
        LEARNED.replace(
            "filter:\n",
            "filter:\n  - clip: {model: harvest-demo, keep: [an insect], reject: [a key, a fern, a page of text]}\n",
        )
    )
    run(cabinet, insects)
    digests = filter_digests(cabinet.workspace, insects)
    with open_ledger(cabinet.workspace) as con:
        passed = {row.sha256 for row in decisions(con, digests) if (row.stage, row.verdict) == ("filter.clip", "keep")}

    found = suggest(cabinet.workspace, insects, 100, progress=SilentProgress())

    assert {one.sha256 for one in found} == passed
    assert 20 <= len(passed) <= 28


def test_suggestions_need_a_model(cabinet, recipe) -> None:
    with pytest.raises(ConfigError, match="filter: no filter names a model to suggest images by; add `- learned"):
        suggest(cabinet.workspace, recipe("filter:\n  - size: {}"), 5, progress=SilentProgress())


def test_a_recipe_says_which_filters_heed_people(recipe) -> None:
    assert heeding(recipe(LEARNED + "  - reviewed: {}\n  - size: {}\n")) == ("filter.learned", "filter.reviewed")
    assert heeding(recipe("filter:\n  - size: {}\n")) == ()
