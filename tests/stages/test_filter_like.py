"""Filtering by example: pictures beside the recipe, pictures of the ledger, and what the ledger says of them after."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harvest.errors import ConfigError, UsageError
from harvest.ledger import decisions, open_ledger
from harvest.progress import SilentProgress
from harvest.stages.filter import filter_digests, run_filter
from harvest.stages.filters import build
from tests.stages.plane import judge

RED, BLUE = (200, 30, 40), (30, 40, 200)


def painted(colour, seed=0) -> Image.Image:
    """A plain picture of about this colour."""
    noise = np.random.default_rng(seed).integers(-12, 13, (64, 64, 3))
    return Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))


def run(herbarium, recipe):
    run_filter(herbarium.workspace, recipe, progress=SilentProgress())
    digests = filter_digests(herbarium.workspace, recipe)
    with open_ledger(herbarium.workspace) as con:
        return {row.sha256: row for row in decisions(con, digests)}


@pytest.fixture
def like(recipe):
    def write(options: str, model: str = "colours"):
        return recipe(f"layout: null\nfilter:\n  - like: {{model: {model}, {options}}}\n")

    return write


def test_pictures_beside_the_recipe_are_examples(herbarium, like, tmp_path):
    for name, colour in (("good", RED), ("bad", BLUE)):
        (tmp_path / name).mkdir()
        for seed in (1, 2):
            painted(colour, seed).save(tmp_path / name / f"{seed}.png")
    red, blue = herbarium.meet(painted(RED, 3)), herbarium.meet(painted(BLUE, 4))
    herbarium.crawl()

    rows = run(herbarium, like("these: [good/*.png], unlike: [bad]"))

    assert {sha256: row.verdict for sha256, row in rows.items()} == {red: "keep", blue: "drop"}
    assert rows[red].reason.startswith(("'1.png' (", "'2.png' ("))
    assert " against '" in rows[red].reason


def test_pictures_of_the_ledger_are_examples_by_their_digits(herbarium, like):
    red, blue = herbarium.meet(painted(RED, 1)), herbarium.meet(painted(BLUE, 2))
    other = herbarium.meet(painted(RED, 3))
    herbarium.crawl()

    rows = run(herbarium, like(f"these: ['{red[:12]}'], top: 2"))

    assert {sha256 for sha256, row in rows.items() if row.verdict == "keep"} == {red, other}
    assert rows[red].value == pytest.approx(1, abs=1e-5)
    assert rows[red].reason == f"'{red[:12]}' fits at 1.000; number 1, and the best 2 of 3 stay"
    assert rows[blue].verdict == "drop"


def test_other_bytes_in_an_example_judge_anew_and_another_place_does_not(herbarium, like, tmp_path):
    painted(RED).save(tmp_path / "example.png")
    herbarium.meet(painted(BLUE))
    herbarium.crawl()
    example = like("these: [example.png], min_score: 0.5")
    before = filter_digests(herbarium.workspace, example)

    (tmp_path / "example.png").rename(tmp_path / "moved.png")
    assert filter_digests(herbarium.workspace, like("these: [moved.png], min_score: 0.5")) == before
    painted(BLUE).save(tmp_path / "moved.png")
    assert filter_digests(herbarium.workspace, like("these: [moved.png], min_score: 0.5")) != before


def test_an_example_that_is_no_picture_or_no_image_is_said(herbarium, like, tmp_path):
    (tmp_path / "words.png").write_text("not a picture")
    herbarium.meet(painted(RED))
    herbarium.crawl()

    with pytest.raises(ConfigError, match=r"words\.png: expected a picture: "):
        run(herbarium, like("these: [words.png], min_score: 0.5"))
    with pytest.raises(UsageError, match="no image whose sha256 begins with 'abcdefabcdef'"):
        run(herbarium, like("these: [abcdefabcdef], min_score: 0.5"))


def test_words_need_a_model_that_knows_them(herbarium, recipe):
    herbarium.meet(painted(RED))
    herbarium.crawl()

    with pytest.raises(UsageError, match="colours does not know words; name a CLIP model, or filter by example"):
        run(herbarium, recipe("layout: null\nfilter:\n  - clip: {model: colours, keep: [red], min_score: 0}\n"))


def test_the_mean_of_examples_lies_between_them(like, tmp_path):
    for name in ("10", "50"):
        painted(RED).save(tmp_path / f"{name}.png")
    (nearest,) = build(like("these: [10.png, 50.png], min_score: 0.9"))
    (mean,) = build(like("these: [10.png, 50.png], min_score: 0.9, how: mean"))

    turns = [10, 30]  # the plane takes an example's name for its angle
    assert judge(nearest, turns).value == pytest.approx([1, np.cos(np.radians(20))], abs=1e-5)
    assert judge(mean, turns).value == pytest.approx([np.cos(np.radians(20)), 1], abs=1e-5)
    assert judge(mean, turns).reason[1] == "'2 examples' fits at 1.000"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("these: [], top: 3", "these: expected at least one picture, got none"),
        (
            "these: [gone.png], top: 3",
            "these[0]: no picture there, and not ten digits of an image's sha256: {}/gone.png",
        ),
        ("these: ['*.png'], top: 3", "these[0]: no picture there, and not ten digits of an image's sha256: {}/*.png"),
        (
            "these: [abcdef0123456789]",
            "unlike: missing; expected what to hold images against, or a `min_score`, `top`, `share` or `threshold`",
        ),
    ],
)
def test_errors_say_where_and_what(like, tmp_path: Path, options, message):
    broken = like(options)

    with pytest.raises(ConfigError) as error:
        build(broken)
    assert str(error.value) == f"{broken.file}: filter[0].like.{message.format(tmp_path)}"
