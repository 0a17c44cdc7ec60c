"""Variants of a real dataset: rows and files agree, only what is learned from and may be adapted has any."""

from __future__ import annotations

import hashlib
import json

import pytest
from PIL import Image

from harvest.audit import audit, lineage, to_prov, verify
from harvest.config.policy import default_policy
from harvest.errors import CheckFailed, ConfigError, UsageError
from harvest.ledger import augmented_of, not_augmented, open_ledger, splits_of
from harvest.progress import SilentProgress
from harvest.stages.augment import run_augment
from harvest.stages.dedupe import run_dedupe
from harvest.stages.normalize import run_normalize
from harvest.stages.split import run_split
from harvest.takedown import Request, carry_out, plan

SMALL = "sizes: [{px: 32}]\naugment: {count: 3, size: 32, rotate: 20, noise: 0.05, erase: 0.5}\n"


class Told(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


@pytest.fixture
def made(herbarium, picture):
    """Four pictures that nobody forbids to adapt."""
    sha256s = [herbarium.meet(picture(number, 64, 48)) for number in range(4)]
    herbarium.crawl()
    return sha256s


def prepared(herbarium, recipe) -> None:
    run_dedupe(herbarium.workspace, recipe, progress=Told())
    run_normalize(herbarium.workspace, recipe, progress=Told())


def augment(herbarium, recipe):
    told = Told()
    report = run_augment(herbarium.workspace, recipe, progress=told)
    with open_ledger(herbarium.workspace) as con:
        return report, augmented_of(con, recipe.name), told


def files(herbarium) -> dict[str, bytes]:
    folder = herbarium.workspace.derived
    return {
        path.relative_to(herbarium.workspace.root).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("augmented-*/*/*"))
    }


def test_every_variant_is_a_file_with_a_row_that_says_what_was_done(herbarium, recipe, made):
    prepared(herbarium, recipe(SMALL))

    report, rows, told = augment(herbarium, recipe(SMALL))

    assert (report.done, report.detail["variants"], told.lines) == (4, 12, [])
    bodies = files(herbarium)
    assert {row.path for row in rows} == set(bodies)
    with open_ledger(herbarium.workspace) as con:
        copies = dict(con.execute("SELECT sha256, derived_sha256 FROM derived").fetchall())
    for row in rows:
        body = bodies[row.path]
        assert (row.bytes, row.derived_sha256) == (len(body), hashlib.sha256(body).hexdigest())
        assert row.source_sha256 == copies[row.sha256]
        with Image.open(herbarium.workspace.root / row.path) as file:
            assert (file.size, file.format) == ((row.width, row.height), "JPEG")
        assert row.parameters
        assert row.path.split("/")[2] == str(row.variant)
    assert len({row.derived_sha256 for row in rows}) == 12


def test_a_second_run_makes_nothing_and_a_lost_file_comes_back_the_same(herbarium, recipe, made):
    prepared(herbarium, recipe(SMALL))
    augment(herbarium, recipe(SMALL))
    before = files(herbarium)
    lost = herbarium.workspace.root / min(before)

    again, _, _ = augment(herbarium, recipe(SMALL))
    lost.unlink()
    mended, rows, _ = augment(herbarium, recipe(SMALL))

    assert (again.done, again.skipped) == (0, 4)
    assert (mended.done, mended.detail["files"]) == (1, 1)
    assert files(herbarium) == before
    assert len(rows) == 12
    with open_ledger(herbarium.workspace) as con:
        assert con.execute("SELECT max(making), count(seal), count(*) FROM augmented_rows").fetchall() == [(1, 12, 12)]


def test_more_variants_begin_with_those_that_are_there(herbarium, recipe, made):
    prepared(herbarium, recipe(SMALL))
    _, first, _ = augment(herbarium, recipe(SMALL))

    report, more, _ = augment(herbarium, recipe(SMALL.replace("count: 3", "count: 5")))
    _, fewer, _ = augment(herbarium, recipe(SMALL.replace("count: 3", "count: 1")))

    assert report.detail["files"] == 8
    assert [row for row in more if row.variant <= 3] == first
    assert fewer == [row for row in first if row.variant == 1]


def test_only_what_is_trained_with_has_variants(herbarium, recipe, picture):
    for number in range(12):
        herbarium.meet(picture(number, 64, 48), creator=None)
    herbarium.crawl()
    shells = recipe(SMALL + "split: {test: 0.25, validation: 0.25}")
    prepared(herbarium, shells)
    with pytest.raises(UsageError, match=r"^shells has a split, and none was made yet: run `harvest split .*` first$"):
        run_augment(herbarium.workspace, shells, progress=Told())
    run_split(herbarium.workspace, shells, progress=Told())

    report, rows, told = augment(herbarium, shells)

    with open_ledger(herbarium.workspace) as con:
        placed = splits_of(con, "shells")
    assert {row.sha256 for row in rows} == {sha256 for sha256, place in placed.items() if place == "train"}
    assert report.detail["left_out"] == {"split: in test": 3, "split: in validation": 3}
    assert told.lines == []


def test_what_nobody_may_adapt_is_left_out_and_named(herbarium, recipe, made, picture, tmp_path):
    barred = herbarium.meet(picture(10, 64, 48), license="CC-BY-ND-4.0")
    unknown = herbarium.meet(picture(11, 64, 48), license=None)
    reserved = herbarium.meet(picture(12, 64, 48), license="LicenseRef-All-Rights-Reserved")
    herbarium.crawl()
    prepared(herbarium, recipe(SMALL))

    _, rows, told = augment(herbarium, recipe(SMALL))

    assert {row.sha256 for row in rows} == set(made)
    reasons = {
        barred: "licence: CC-BY-ND-4.0 allows no derivatives",
        unknown: "licence: unknown",
        reserved: "licence: the policy does not allow LicenseRef-All-Rights-Reserved",
    }
    with open_ledger(herbarium.workspace) as con:
        assert not_augmented(con, "shells") == reasons
    assert sorted(told.lines) == sorted(
        f"augment: 1 without variants, {reason}: {sha256[:12]}" for sha256, reason in reasons.items()
    )
    (tmp_path / "lenient.yaml").write_text("severity: {licence-known: note, licence-augmented: warning}\n")
    _, rows, _ = augment(herbarium, recipe(SMALL + "policy: lenient.yaml\n"))
    assert {row.sha256 for row in rows} == {*made, barred, unknown}


def test_a_policy_that_declares_adaptations_refuses_works_that_allow_none(herbarium, recipe, made, picture, tmp_path):
    barred = herbarium.meet(picture(10, 64, 48), license="CC-BY-NC-ND-2.0")
    herbarium.crawl()
    (tmp_path / "training.yaml").write_text("name: training\nuse: {adapted: true}\n")
    shells = recipe(SMALL + "policy: training.yaml\n")
    prepared(herbarium, shells)

    with pytest.raises(CheckFailed) as caught:
        run_augment(herbarium.workspace, shells, progress=Told())

    assert str(caught.value) == (
        "the policy training declares that images are adapted (use.adapted), and 1 selected allow no derivatives: "
        f"{barred[:12]} (CC-BY-NC-ND-2.0); a `licence` filter leaves them out"
    )
    assert files(herbarium) == {}


def test_originals_are_altered_where_no_size_is_named(herbarium, recipe, made):
    shells = recipe("sizes: []\naugment: {count: 1, px: 40, format: png}\n")
    run_dedupe(herbarium.workspace, shells, progress=Told())

    _, rows, _ = augment(herbarium, shells)

    assert {(row.width, row.height) for row in rows} == {(40, 30)}
    assert all(row.source_sha256 == row.sha256 and row.path.endswith(".png") for row in rows)


def test_what_does_not_decode_or_has_no_copy_is_told(herbarium, recipe, made):
    shells = recipe(SMALL)
    run_dedupe(herbarium.workspace, shells, progress=Told())
    _, rows, told = augment(herbarium, shells)
    assert rows == []
    assert told.lines[0].startswith("augment: 4 without variants, no copy of 32 px: `harvest normalize` makes it: ")
    run_normalize(herbarium.workspace, shells, progress=Told())
    next(herbarium.workspace.derived.rglob("32/*.jpg")).write_bytes(b"no picture")

    report, rows, told = augment(herbarium, shells)

    assert len({row.sha256 for row in rows}) == 3
    assert [reason.partition(":")[0] for reason in report.detail["left_out"]] == ["does not decode"]
    assert len(told.lines) == 1


def test_verify_audit_and_takedown_know_variants(herbarium, recipe, made):
    prepared(herbarium, recipe(SMALL))
    _, rows, _ = augment(herbarium, recipe(SMALL))
    workspace = herbarium.workspace
    assert verify(workspace, progress=Told()).checked["variant"] == 12
    changed = workspace.root / rows[0].path
    changed.write_bytes(changed.read_bytes() + b"\0")

    report = verify(workspace, progress=Told())
    (found,) = [check for check in audit(workspace, default_policy()).checks if check.check.id == "variant-intact"]

    assert [(each.kind, each.where) for each in report.differences] == [("variant", rows[0].path)]
    assert [finding.path for finding in found.findings] == [rows[0].path]
    with open_ledger(workspace, write=True) as con:
        con.execute("UPDATE augmented_rows SET parameters = '{}' WHERE variant = 2 AND sha256 = ?", [rows[0].sha256])
    tampered = [each for each in verify(workspace, progress=Told()).differences if each.kind == "row"]
    assert len(tampered) == 1
    assert "augmented_rows" in tampered[0].where

    wanted = plan(workspace, Request(sha256=rows[-1].derived_sha256[:16]), progress=Told())
    carry_out(workspace, wanted, reason="asked", by="her", progress=Told())

    gone = [row for row in rows if row.sha256 == rows[-1].sha256]
    assert len(gone) == 3
    assert not any((workspace.root / row.path).exists() for row in gone)
    assert len(files(herbarium)) == 9
    _, left, _ = augment(herbarium, recipe(SMALL))
    assert {row.sha256 for row in left} == {row.sha256 for row in rows} - {gone[0].sha256}


@pytest.mark.parametrize(
    ("yaml", "fault"),
    [
        ("augment: {size: 64}", "augment.size: expected one of the recipe's sizes (32, 128, 256), got 64"),
        ("augment: {size: 64}\nsizes: []", "augment.size: expected no size: there is none, got 64"),
        ("augment: {flip: left}", "augment.flip: expected one of none, horizontal, vertical, both, got 'left'"),
        ("augment: {rotat: 3}", "augment.rotat: unknown key; did you mean 'rotate'?"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(recipe, tmp_path, yaml, fault):
    with pytest.raises(ConfigError) as caught:
        recipe(yaml)
    assert str(caught.value) == f"{tmp_path / 'shells.yaml'}: {fault}"


def test_parameters_are_open_to_sql(herbarium, recipe, made):
    prepared(herbarium, recipe(SMALL))
    _, rows, _ = augment(herbarium, recipe(SMALL))

    with open_ledger(herbarium.workspace) as con:
        told = con.execute("SELECT sha256, variant, parameters->'rotate' FROM augmented ORDER BY ALL").fetchall()

    assert [json.loads(angle) for *_, angle in told] == [row.parameters["rotate"] for row in rows]


def test_the_story_of_an_image_tells_its_variants(herbarium, recipe, made):
    shells = recipe(SMALL + "split: {test: 0, validation: 0}")
    prepared(herbarium, shells)
    run_split(herbarium.workspace, shells, progress=Told())
    _, rows, _ = augment(herbarium, shells)

    story = lineage(herbarium.workspace, rows[0].sha256)

    lines = "\n".join(story.lines())
    assert "3 variants" in lines
    assert f"1: {rows[0].path}, sha256 {rows[0].derived_sha256[:16]}" in lines
    assert "in the train part of shells" in lines
    derivations = to_prov(story)["wasDerivedFrom"].values()
    pairs = {(each["prov:generatedEntity"], each["prov:usedEntity"]) for each in derivations}
    assert (f"bytes:{rows[0].derived_sha256}", f"bytes:{rows[0].source_sha256}") in pairs
    assert (f"bytes:{rows[0].source_sha256}", f"bytes:{rows[0].sha256}") in pairs
