"""Splits and variants of a recipe: the newest are in force, all stay, and nothing held out is learned from."""

from __future__ import annotations

import pytest

from harvest.ledger import (
    AugmentedRow,
    ParentRow,
    SplitRow,
    augmented_of,
    earlier_splits,
    ingest_all,
    made_variants,
    not_augmented,
    open_ledger,
    splits_of,
    write_augmentation,
    write_splits,
    write_variants,
)
from tests.ledger.conftest import make_sighting

LEAF, FERN, MOSS = (make_sighting(picture=word).sha256 or "" for word in ("leaf", "fern", "moss"))


@pytest.fixture
def con(workspace, journalled):
    """A ledger that holds three images."""
    journalled([make_sighting(seq, picture=word) for seq, word in enumerate(("leaf", "fern", "moss"))])
    ingest_all(workspace)
    with open_ledger(workspace, write=True) as con:
        yield con


def split(con, placed: dict[str, str], *, name: str = "shells", digest: str = "r") -> None:
    rows = [SplitRow(sha256=sha256, split=part, part=sha256, label="a leaf") for sha256, part in placed.items()]
    write_splits(con, name=name, recipe_digest=digest, input_digest=str(placed), rows=rows)


def variant(sha256: str, number: int, **changed) -> AugmentedRow:
    values = {
        "path": f"derived/augmented/{number}/{sha256[:10]}.jpg",
        "bytes": 1200,
        "width": 64,
        "height": 48,
        "derived_sha256": f"{number:064d}",
        "source_sha256": sha256,
        "parameters": {"flip": "horizontal", "brightness": 1.2},
        "recipe_digest": "r",
    }
    return AugmentedRow(sha256=sha256, variant=number, **values | changed)


def augment(con, counts: dict[str, int], *, digest: str = "r") -> None:
    rows = [
        ParentRow(sha256=sha256, variants=count, reason=None if count else "licence: CC-BY-ND-4.0 lets nobody adapt it")
        for sha256, count in counts.items()
    ]
    write_augmentation(con, name="shells", recipe_digest=digest, input_digest=str(counts), rows=rows)


def test_the_newest_split_of_each_recipe_is_in_force(con):
    split(con, {LEAF: "train", FERN: "test"})
    split(con, {LEAF: "validation"}, name="leaves")
    split(con, {LEAF: "test", MOSS: "train"})

    assert splits_of(con, "shells") == dict(sorted({LEAF: "test", MOSS: "train"}.items()))
    assert splits_of(con, "leaves") == {LEAF: "validation"}
    assert splits_of(con, "neither") == {}
    assert con.execute("SELECT * FROM splits WHERE name = 'leaves'").fetchall() == [
        ("leaves", LEAF, "validation", LEAF, "a leaf")
    ]
    assert con.execute("SELECT count(*) FROM split_rows WHERE seal IS NOT NULL").fetchall() == [(5,)]


def test_an_image_that_left_is_remembered_under_the_same_parameters_alone(con):
    split(con, {LEAF: "train", FERN: "test"})
    split(con, {LEAF: "validation"})
    split(con, {FERN: "train"}, digest="other")
    split(con, {MOSS: "train"}, name="leaves")

    assert earlier_splits(con, "shells", "r") == {LEAF: "validation", FERN: "test"}
    assert earlier_splits(con, "shells", "other") == {FERN: "train"}


def test_a_variant_comes_back_as_it_was_written(con):
    write_variants(con, [variant(LEAF, 1), variant(LEAF, 2), variant(FERN, 1)])
    augment(con, {LEAF: 2, FERN: 1})

    assert augmented_of(con, "shells") == sorted(
        [variant(LEAF, 1), variant(LEAF, 2), variant(FERN, 1)], key=lambda row: (row.sha256, row.variant)
    )
    assert augmented_of(con, "leaves") == []


def test_fewer_variants_are_in_force_when_fewer_are_asked_for(con):
    write_variants(con, [variant(LEAF, 1), variant(LEAF, 2), variant(FERN, 1)])
    augment(con, {LEAF: 2, FERN: 1})

    augment(con, {LEAF: 1, FERN: 0})

    assert [(row.sha256, row.variant) for row in augmented_of(con, "shells")] == [(LEAF, 1)]
    assert not_augmented(con, "shells") == {FERN: "licence: CC-BY-ND-4.0 lets nobody adapt it"}
    assert len(made_variants(con, "r")) == 3, "what was made is still there to be taken up again"


def test_a_variant_that_was_made_anew_takes_the_place_of_the_earlier_one(con):
    write_variants(con, [variant(LEAF, 1)])
    write_variants(con, [variant(LEAF, 1)])
    write_variants(con, [variant(LEAF, 1, derived_sha256="e" * 64)])
    augment(con, {LEAF: 1})

    assert [row.derived_sha256 for row in augmented_of(con, "shells")] == ["e" * 64]
    assert [row.derived_sha256 for row in made_variants(con, "r").values()] == ["e" * 64]
    assert con.execute("SELECT making, seal IS NOT NULL FROM augmented_rows ORDER BY making").fetchall() == [
        (1, True),
        (2, True),
    ]


@pytest.mark.parametrize("part", ["validation", "test"])
def test_no_variant_of_an_image_that_is_held_out_by_now_is_in_force(con, part):
    write_variants(con, [variant(LEAF, 1), variant(FERN, 1)])
    augment(con, {LEAF: 1, FERN: 1})

    split(con, {LEAF: part, FERN: "train"})

    assert [row.sha256 for row in augmented_of(con, "shells")] == [FERN]


def test_no_variant_of_an_image_that_was_taken_down_is_in_force(con):
    write_variants(con, [variant(LEAF, 1), variant(FERN, 1)])
    augment(con, {LEAF: 1, FERN: 1})

    con.execute(
        "INSERT INTO takedowns (sha256, requested_at, reason, requested_by) VALUES (?, now(), 'asked', 'she')", [LEAF]
    )

    assert [row.sha256 for row in augmented_of(con, "shells")] == [FERN]
    assert con.execute("SELECT variants FROM takedown_status").fetchall() == [(1,)]
