"""`harvest review`: judging what a recipe chooses, on the command line."""

from __future__ import annotations

import json

import pytest

from harvest.cli.main import cli
from harvest.errors import UsageError
from harvest.review import in_force

LEARNED = "layout: null\nfilter:\n  - learned: {model: harvest-demo, min_judgements: 8}\n"


@pytest.fixture
def review(cabinet, capsys):
    """Run `harvest review` over the cabinet; stdout and stderr."""

    def run(recipe, *arguments: str) -> tuple[str, str]:
        command = ["review", str(recipe.file), *arguments, "--by", "Ada Moss", "-w", str(cabinet.workspace.root)]
        cli.main(command, prog_name="harvest", standalone_mode=False)
        return capsys.readouterr()

    return run


def test_images_are_judged_with_a_reason_and_the_judgement_taken_back(cabinet, recipe, review) -> None:
    key, moth = cabinet.of("key")[0], cabinet.of("moth")[0]

    _, words = review(
        recipe(LEARNED), "--of", "filter", "--drop", key[:12], "--keep", moth[:12], "--reason", "insects only"
    )

    rows = in_force(cabinet.workspace, "shells", "filter")
    assert {(row.sha256, row.verdict, row.reason, row.decided_by) for row in rows} == {
        (key, "drop", "insects only", "Ada Moss"),
        (moth, "keep", "insects only", "Ada Moss"),
    }
    assert "2 verdicts kept" in words
    assert "`harvest filter" in words
    review(recipe(LEARNED), "--of", "filter", "--undo", key[:12])
    assert [row.sha256 for row in in_force(cabinet.workspace, "shells", "filter")] == [moth]


def test_a_file_of_the_judging_page_is_taken(cabinet, recipe, review, tmp_path) -> None:
    verdicts = [{"verdict": "drop", "sha256": sha256} for sha256 in cabinet.of("key")]
    file = tmp_path / "verdicts.json"
    file.write_text(json.dumps({"recipe": "shells", "stage": "filter", "verdicts": verdicts}), encoding="utf-8")

    answer, _ = review(recipe(LEARNED), "--of", "filter", "--from", str(file), "--json")

    assert {row["sha256"] for row in json.loads(answer)} == set(cabinet.of("key"))
    with pytest.raises(UsageError, match="`--of filter` takes this file"):
        review(recipe(LEARNED), "--from", str(file))


def test_where_nothing_heeds_a_verdict_it_says_so(cabinet, recipe, review) -> None:
    _, words = review(recipe("filter:\n  - size: {}\n"), "--of", "filter", "--drop", cabinet.of("key")[0])

    assert "heeds this yet" in words
    assert "- reviewed: {}" in words


def test_suggestions_come_as_json_and_as_a_page(cabinet, recipe, review) -> None:
    answer, words = review(recipe(LEARNED), "--suggest", "5", "--report", "--json")

    found = json.loads(answer)
    assert (found["recipe"], found["stage"], len(found["suggestions"])) == ("shells", "filter", 5)
    assert {cabinet.kinds[one["sha256"]] for one in found["suggestions"]} >= {"moth", "beetle", "fern", "key"}
    page = cabinet.workspace.root / "reports"
    (html,) = page.glob("judge-*.html")
    assert all(one["sha256"] in html.read_text(encoding="utf-8") for one in found["suggestions"])
    assert "--of filter --from" in words


def test_when_all_is_judged_nothing_is_suggested(cabinet, recipe, review) -> None:
    everything = [part for sha256 in cabinet.kinds for part in ("--keep", sha256)]
    review(recipe(LEARNED), "--of", "filter", *everything)

    answer, words = review(recipe(LEARNED), "--suggest", "3", "--report", "--json")

    assert json.loads(answer)["suggestions"] == []
    assert "nothing is left to judge" in words


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--suggest", "3", "--keep", "ab"], "--suggest names images to judge"),
        (["--report"], "--report shows what --suggest names"),
        (["--of", "filter", "--apart", "ab", "cd"], "apart: said of copies alone"),
        (["--of", "filter", "--undo", "ffffffffff"], "begin"),
    ],
)
def test_what_cannot_be_is_refused(recipe, review, arguments, fault) -> None:
    with pytest.raises(UsageError, match=fault):
        review(recipe(LEARNED), *arguments)
