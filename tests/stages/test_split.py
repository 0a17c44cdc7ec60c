"""Splits of a real dataset: creators and copies stay whole, growth moves nothing, and every joining is told."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import pytest

from harvest.errors import ConfigError
from harvest.ledger import (
    DuplicateRow,
    GivenLabelRow,
    LikenessRow,
    latest_stage,
    open_ledger,
    splits_of,
    write_duplicates,
    write_given_labels,
    write_likenesses,
)
from harvest.progress import SilentProgress
from harvest.stages import check_recipe
from harvest.stages.dedupe import dedupe_digest, run_dedupe
from harvest.stages.split import labels_of, run_split

BY_CREATOR = "split: {test: 0.2, validation: 0.1}"
BY_NONE = "split: {test: 0.2, validation: 0.1, by: none}"


class Told(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


def meet(herbarium, picture, numbers, **item) -> list[str]:
    """Pictures of the numbers' own, by as many creators as there are numbers in a dozen."""
    found = []
    for number in numbers:
        said = {"creator": f"Creator {number % 12}", "labels": ("moth" if number % 3 else "beetle",)} | item
        found.append(herbarium.meet(picture(number, 64, 48), **said))
    return found


def split(herbarium, recipe, *, dedupe: bool = True, **changed) -> tuple[dict[str, str], Told]:
    told = Told()
    if dedupe:
        run_dedupe(herbarium.workspace, recipe, progress=told)
    run_split(herbarium.workspace, dataclasses.replace(recipe, **changed), progress=told)
    with open_ledger(herbarium.workspace) as con:
        return splits_of(con, recipe.name), told


def rows(herbarium, statement: str) -> list[tuple]:
    with open_ledger(herbarium.workspace) as con:
        return con.execute(statement).fetchall()


@pytest.fixture
def met(herbarium, picture) -> list[str]:
    found = meet(herbarium, picture, range(60))
    herbarium.crawl()
    return found


def test_no_creator_is_in_two_splits_and_every_image_is_in_one(herbarium, recipe, met):
    placed, told = split(herbarium, recipe(BY_CREATOR))

    assert sorted(placed) == sorted(met)
    where = defaultdict(set)
    for number, sha256 in enumerate(met):
        where[number % 12].add(placed[sha256])
    assert all(len(splits) == 1 for splits in where.values())
    assert {name: list(placed.values()).count(name) for name in ("train", "validation", "test")} == {
        "train": 45,
        "validation": 5,
        "test": 10,
    }
    labels = rows(herbarium, "SELECT split, label, count(*) FROM splits GROUP BY ALL ORDER BY ALL")
    assert ("test", "beetle", 5) in labels
    assert told.lines == []


def test_peoples_labels_are_balanced_before_the_sources(herbarium, recipe, met):
    """Twenty of sixty are cowries, and one was taken for one and is none."""
    given = [GivenLabelRow(sha256=sha256, label="cowrie", verdict="add", decided_by="Ada Moss") for sha256 in met[:21]]
    before, _ = split(herbarium, recipe(BY_NONE))
    with open_ledger(herbarium.workspace, write=True) as con:
        write_given_labels(con, [*given, dataclasses.replace(given[-1], verdict="remove")])

    after, _ = split(herbarium, recipe(BY_NONE))
    anew, _ = split(herbarium, recipe(BY_NONE, name="again"))

    assert after == before
    counts = "SELECT split, count(*) FROM splits WHERE name = 'again' AND label = 'cowrie' GROUP BY ALL"
    assert dict(rows(herbarium, counts)) == {"train": 14, "validation": 2, "test": 4}
    assert sum(anew[sha256] == "test" for sha256 in met[:20]) == 4
    wanted = [*met[:2], met[20]]
    labels = labels_of(herbarium.workspace, recipe(BY_NONE), wanted)
    assert labels == dict(zip(wanted, [("cowrie", "beetle"), ("cowrie", "moth"), ("moth",)], strict=True))


def test_a_second_run_writes_nothing(herbarium, recipe, met):
    split(herbarium, recipe(BY_CREATOR))

    report = run_split(herbarium.workspace, recipe(BY_CREATOR), progress=Told())

    assert (report.done, report.skipped) == (0, 60)
    assert rows(herbarium, "SELECT count(*), count(seal) FROM split_rows") == [(60, 60)]


def test_unknown_creators_are_not_one_creator(herbarium, recipe, picture):
    meet(herbarium, picture, range(30), creator=None)
    herbarium.crawl()

    placed, _ = split(herbarium, recipe(BY_CREATOR))

    assert list(placed.values()).count("test") == 6
    assert rows(herbarium, "SELECT count(DISTINCT part) FROM splits") == [(30,)]


def test_a_creator_is_one_whatever_the_case_and_the_blanks(herbarium, recipe, picture):
    meet(herbarium, picture, range(3), creator="Ada  Moss")
    meet(herbarium, picture, range(3, 6), creator=" ada moss")
    herbarium.crawl()

    _, told = split(herbarium, recipe(BY_CREATOR))

    assert rows(herbarium, "SELECT count(DISTINCT part) FROM splits") == [(1,)]
    assert told.lines[-1].startswith(
        "split: test has 0 of 6 images, 1 were asked for; the largest part (bound by copies"
    )


def test_all_of_one_source_is_one_part_and_what_comes_of_it_is_told(herbarium, recipe, met):
    placed, told = split(herbarium, recipe("split: {by: [source, creator]}"))

    assert set(placed.values()) == {"train"}
    assert rows(herbarium, "SELECT count(DISTINCT part) FROM splits") == [(1,)]
    assert told.lines == [
        f"split: {name} has 0 of 60 images, 6 were asked for; the largest part (bound by copies or creator or source) "
        "has 60 and is in train; `by: none` keeps only copies together"
        for name in ("validation", "test")
    ]


def test_copies_that_were_dropped_bind_what_they_are_copies_of(herbarium, recipe, met):
    """Two kept images that no method calls copies, and a dropped one that is a copy of the one and like the other."""
    one, dropped, other = sorted(met)[:3]
    shells = recipe(BY_NONE)
    run_dedupe(herbarium.workspace, shells, progress=Told())
    with open_ledger(herbarium.workspace, write=True) as con:
        last = latest_stage(con, "dedupe", "shells")
        common = {"group_id": one, "kind": "near", "distance": 1.0, "threshold": 8.0, "method": "phash"}
        group = [DuplicateRow(sha256=name, keeper=name == one, **common) for name in (one, dropped)]
        write_duplicates(
            con, name="shells", recipe_digest=dedupe_digest(con, shells), input_digest=last.input_digest, rows=group
        )
        con.execute("UPDATE decisions SET verdict = 'drop' WHERE sha256 = ?", [dropped])
        like = [LikenessRow(sha256=dropped, other=other, version="1", likeness=0.93, transform="")]
        write_likenesses(con, like)

    placed, _ = split(herbarium, shells, dedupe=False)

    assert dropped not in placed
    parts = dict(rows(herbarium, "SELECT sha256, part FROM splits"))
    assert parts[one] == parts[other] == one
    assert placed[one] == placed[other]
    assert len(set(parts.values())) == 58


def test_growth_moves_nothing_and_new_ones_join_their_creators(herbarium, recipe, met, picture):
    before, _ = split(herbarium, recipe(BY_CREATOR))
    later = meet(herbarium, picture, range(60, 90))
    meet(herbarium, picture, range(100, 130), creator=None)
    herbarium.crawl()

    after, told = split(herbarium, recipe(BY_CREATOR))

    assert {name: after[name] for name in before} == before
    assert [after[sha256] for sha256 in later] == [before[met[number % 12]] for number in range(60, 90)]
    assert {name: list(after.values()).count(name) for name in ("train", "validation", "test")} == {
        "train": 84,
        "validation": 12,
        "test": 24,
    }
    assert told.lines == []


def test_an_image_that_was_away_comes_back_to_where_it_was(herbarium, recipe, met):
    shells = recipe(BY_NONE)
    before, _ = split(herbarium, shells)
    away = next(name for name, place in before.items() if place == "test")
    with open_ledger(herbarium.workspace, write=True) as con:
        con.execute("UPDATE decisions SET verdict = 'drop' WHERE sha256 = ?", [away])
    without, _ = split(herbarium, shells)
    with open_ledger(herbarium.workspace, write=True) as con:
        con.execute("UPDATE decisions SET verdict = 'keep'")

    again, _ = split(herbarium, shells)

    assert away not in without
    assert again == before


def test_parts_that_a_new_link_binds_go_where_most_were_and_that_is_told(herbarium, recipe, met):
    shells = recipe(BY_NONE)
    before, _ = split(herbarium, shells)
    tested = next(name for name in met if before[name] == "test")
    learned = [name for name in met if before[name] == "train"][:2]
    pairs = [LikenessRow(sha256=a, other=b, version="1", likeness=0.95, transform="")
             for a, b in (sorted([tested, learned[0]]), sorted(learned))]  # fmt: skip
    with open_ledger(herbarium.workspace, write=True) as con:
        write_likenesses(con, pairs)

    after, told = split(herbarium, shells)

    assert after == {**before, tested: "train"}
    part = min(tested, *learned)
    assert told.lines == [
        f"split: what was apart is bound now: of part {part[:12]} 1 in test and 2 in train; all are in train now",
        "split: 1 from test to train; models trained before have seen what was in train",
    ]


def test_other_parameters_split_anew_and_say_so(herbarium, recipe, met):
    before, _ = split(herbarium, recipe(BY_NONE))

    after, told = split(herbarium, recipe(BY_NONE), seed=1)

    assert after != before
    assert told.lines == [
        "split: made anew, for its parameters changed: do not test models of the earlier split with this one"
    ]
    back, _ = split(herbarium, recipe(BY_NONE))
    assert back == before


def test_without_a_split_in_the_recipe_nothing_is_done(herbarium, recipe, met):
    report = run_split(herbarium.workspace, recipe(""), progress=Told())

    assert report.done == 0
    assert rows(herbarium, "SELECT count(*) FROM split_rows") == [(0,)]


def test_labels_are_those_of_the_source(herbarium, recipe, met):
    found = labels_of(herbarium.workspace, recipe(BY_CREATOR), met[:2])

    assert found == {met[0]: ("beetle",), met[1]: ("moth",)}
    assert set(labels_of(herbarium.workspace, recipe("split: {labels: none}"), met).values()) == {()}


@pytest.mark.parametrize(
    ("yaml", "fault"),
    [
        ("split: {train: 0.8, test: 0.3}", "split: expected shares that sum up to 1, got 1.2"),
        (
            "split: {test: 0.6, validation: 0.4}",
            "split: expected validation and test to leave something for train, got 1",
        ),
        ("split: {by: artist}", "split.by: expected one of creator, source, none, got 'artist'"),
        ("split: {by: [none, source]}", "split.by: expected `none` alone, or without it, got none, source"),
        (
            "split: {labels: model}",
            "split.labels: expected a `labels` filter in the recipe to take labels from, got none",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(recipe, tmp_path, yaml, fault):
    with pytest.raises(ConfigError) as caught:
        check_recipe(recipe(yaml))
    assert str(caught.value) == f"{tmp_path / 'shells.yaml'}: {fault}"
