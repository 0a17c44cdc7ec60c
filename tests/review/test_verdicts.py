from __future__ import annotations

import json

import pytest

from harvest.errors import ConfigError, UsageError
from harvest.ledger import find_sha256, open_ledger
from harvest.review import Verdict, give, in_force, read_verdicts, take_back

WHO = {"reason": "another shell", "decided_by": "Ada Moss"}


@pytest.fixture
def two(herbarium, picture):
    pair = sorted([herbarium.meet(picture(1)), herbarium.meet(picture(2))])
    herbarium.crawl()
    return pair


def test_a_verdict_on_a_pair_is_kept_smaller_first_with_who_and_why(herbarium, two) -> None:
    first, second = two

    give(herbarium.workspace, "shells", [Verdict(verdict="apart", sha256=second[:12], other=first[:12])], **WHO)

    (row,) = in_force(herbarium.workspace, "shells")
    assert (row.verdict, row.sha256, row.other) == ("apart", first, second)
    assert (row.reason, row.decided_by, row.stage) == ("another shell", "Ada Moss", "dedupe")


def test_the_newest_verdict_is_in_force_and_can_be_taken_back(herbarium, two) -> None:
    first, second = two
    give(herbarium.workspace, "shells", [Verdict(verdict="keep", sha256=first)], **WHO)
    give(herbarium.workspace, "shells", [Verdict(verdict="drop", sha256=first)], **WHO)
    give(herbarium.workspace, "shells", [Verdict(verdict="together", sha256=first, other=second)], **WHO)
    assert [row.verdict for row in in_force(herbarium.workspace, "shells")] == ["drop", "together"]

    taken = take_back(herbarium.workspace, "shells", [first[:10]], **WHO)

    assert [(row.verdict, row.other) for row in taken] == [("undo", ""), ("undo", second)]
    assert in_force(herbarium.workspace, "shells") == []


def test_what_is_said_of_the_choice_is_apart_from_what_is_said_of_copies(herbarium, two) -> None:
    first, second = two
    give(herbarium.workspace, "shells", [Verdict(verdict="drop", sha256=first)], **WHO)
    give(herbarium.workspace, "shells", [Verdict(verdict="keep", sha256=first)], **WHO, stage="filter")
    give(herbarium.workspace, "fins", [Verdict(verdict="drop", sha256=second)], **WHO, stage="filter")

    assert [row.verdict for row in in_force(herbarium.workspace, "shells")] == ["drop"]
    assert [row.verdict for row in in_force(herbarium.workspace, "shells", "filter")] == ["keep"]
    take_back(herbarium.workspace, "shells", [first], **WHO, stage="filter")
    assert in_force(herbarium.workspace, "shells", "filter") == []
    assert [row.verdict for row in in_force(herbarium.workspace, "shells")] == ["drop"]


def test_pairs_are_said_of_copies_alone(herbarium, two) -> None:
    with pytest.raises(UsageError, match="apart: said of copies alone; --of filter takes keep, drop and undo"):
        give(
            herbarium.workspace,
            "shells",
            [Verdict(verdict="apart", sha256=two[0], other=two[1])],
            **WHO,
            stage="filter",
        )


def test_nothing_can_be_taken_back_where_nothing_was_said(herbarium, two) -> None:
    with pytest.raises(UsageError, match="nothing was said of"):
        take_back(herbarium.workspace, "shells", [two[0]], **WHO)


@pytest.mark.parametrize("prefix", ["not-hex", ""])
def test_an_image_is_named_by_digits_that_only_it_begins_with(herbarium, two, prefix) -> None:
    with open_ledger(herbarium.workspace) as con, pytest.raises(UsageError, match="begin"):
        find_sha256(con, prefix)


def test_a_pair_of_one_image_is_refused_and_nothing_is_written(herbarium, two) -> None:
    verdicts = [Verdict(verdict="keep", sha256=two[0]), Verdict(verdict="apart", sha256=two[0], other=two[0][:9])]

    with pytest.raises(UsageError, match="the same image"):
        give(herbarium.workspace, "shells", verdicts, **WHO)

    assert in_force(herbarium.workspace, "shells") == []


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "expected a file of verdicts"),
        ('{"recipe": "shells"}', "expected a file of verdicts"),
        ({"recipe": "fins", "verdicts": []}, "recipe: expected 'shells', got 'fins'"),
        ({"stage": "filter", "verdicts": []}, "stage: expected 'dedupe', got 'filter'; `--of filter` takes this file"),
        ({"stage": "crawl", "verdicts": []}, "stage: expected 'dedupe', got 'crawl'$"),
        ({"verdicts": [{"verdict": "burn", "sha256": "ab"}]}, r"verdicts\[0\].verdict: expected one of apart, drop"),
        ({"verdicts": [{"verdict": "keep"}]}, r"verdicts\[0\].sha256: expected a sha256"),
        ({"verdicts": [{"verdict": "apart", "sha256": "ab"}]}, r"verdicts\[0\].other: expected a second sha256"),
        (
            {"verdicts": [{"verdict": "keep", "sha256": "ab", "other": "cd"}]},
            r"verdicts\[0\].other: expected no second",
        ),
    ],
)
def test_a_file_of_verdicts_that_is_not_right_is_named_with_the_place(tmp_path, content, fault) -> None:
    file = tmp_path / "verdicts.json"
    complete = content if isinstance(content, str) else json.dumps({"recipe": "shells", "stage": "dedupe", **content})
    file.write_text(complete, encoding="utf-8")

    with pytest.raises(ConfigError, match=fault):
        read_verdicts(file, "shells")
