"""Lettering is found on pages, charts and photographs, and nowhere on drawings of single things."""

from __future__ import annotations

from importlib.resources import files
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from harvest import scorers
from harvest.demo.specimens import KINDS, OFF_TOPIC, draw, draw_off_topic
from harvest.scorers import Score

WORDS = ["collection", "shells", "entered", "register", "during", "autumn", "drawer", "number", "by hand"]
PHOTOGRAPHS = ["chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "astronaut.png", "coins.png"]


def photograph(name: str) -> Image.Image:
    return Image.open(BytesIO((files("skimage") / "data" / name).read_bytes())).convert("RGB")


def measure(picture: Image.Image) -> Score:
    return scorers.load("text")(picture.convert("RGB"))


def lettered(picture: Image.Image, lines: int, seed: int) -> tuple[Image.Image, float]:
    """The picture with lines of words over it, and the share that their boxes cover."""
    rng, made = np.random.default_rng(seed), picture.copy()
    pen, covered = ImageDraw.Draw(made), np.zeros((made.height, made.width), bool)
    size = made.height / 14
    font = ImageFont.load_default(size)
    for row in rng.permutation(11)[:lines].tolist():
        at = (float(rng.uniform(0.02, 0.2)) * made.width, (row + 0.3) * made.height / 11)
        text = " ".join(rng.choice(WORDS, 3))
        light = bool(rng.integers(2))
        pen.text(
            at,
            text,
            fill="white" if light else "black",
            font=font,
            stroke_width=2,
            stroke_fill="black" if light else "white",
        )
        left, top, right, bottom = (round(edge) for edge in pen.textbbox(at, text, font=font, stroke_width=2))
        covered[top:bottom, left:right] = True
    return made, float(covered.mean())


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_without_lettering_have_next_to_none(name) -> None:
    assert measure(photograph(name)).value < 0.02


def test_single_things_on_plain_grounds_are_no_letters() -> None:
    found = [measure(draw(kind, 31)).value for kind in KINDS if kind not in OFF_TOPIC]

    assert len(found) >= 10
    assert max(found) < 0.02


@pytest.mark.parametrize("lines", [2, 8])
def test_every_line_on_a_photograph_is_found_and_their_share_is_about_right(lines) -> None:
    pairs = [lettered(photograph(name), lines, seed) for seed, name in enumerate(PHOTOGRAPHS)]

    found = [(measure(picture), truth) for picture, truth in pairs]

    assert all(score.detail["lines"] >= lines for score, _ in found)
    assert all(0.4 * truth < score.value < 1.3 * truth for score, truth in found)  # boxes reach beyond their letters


def test_pages_have_much_charts_have_little() -> None:
    share = {kind: measure(draw_off_topic(kind, 1)).value for kind in OFF_TOPIC}

    assert share["text_page"] > 0.3
    assert all(0.005 < share[kind] < 0.06 for kind in ("bar_chart", "line_chart", "scatter_plot", "pie_chart"))
    assert measure(photograph("page.png")).value > 0.2


def test_small_letters_on_a_large_page_are_not_overlooked() -> None:
    page = Image.new("RGB", (1800, 2400), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(20)
    for y in range(100, 2300, 30):
        for x in (100, 960):
            pen.text((x, y), " ".join(WORDS), fill="black", font=font)

    found = measure(page)

    assert 0.3 < found.value < 0.8
    assert found.detail["lines"] > 100


def test_turned_lines_are_found_as_well() -> None:
    page = Image.new("RGB", (600, 600), "white")
    pen = ImageDraw.Draw(page)
    for row in range(8):
        pen.text(
            (120, 150 + 40 * row), "a drawer full of numbered shells", fill="black", font=ImageFont.load_default(22)
        )

    upright, turned = measure(page), measure(page.rotate(30, fillcolor="white"))

    assert turned.value == pytest.approx(upright.value, rel=0.25)
    assert turned.detail["lines"] == upright.detail["lines"] == 8


def test_a_picture_in_another_size_has_about_the_same_share() -> None:
    page = draw_off_topic("text_page", 5)

    assert measure(page.resize((1536, 1536))).value == pytest.approx(measure(page).value, rel=0.2)


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000)])
def test_slivers_are_measured_too(size) -> None:
    assert measure(Image.new("RGB", size, "grey")) == Score(value=0.0, detail={"lines": 0})


def test_the_detector_is_named_with_its_weights_before_it_is_loaded() -> None:
    name = scorers.identify("text")

    assert name is not None
    assert name.startswith("PP-OCRv")
    assert scorers.load("text").name == name
