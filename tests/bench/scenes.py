"""Pictures to find copies of, and such as only look alike: the same ones every time, drawn by the project."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from photographs import photographs
from PIL import Image, ImageDraw, ImageFont

from harvest.demo.specimens import KINDS, OFF_TOPIC, TEST_SEEDS, draw, draw_off_topic

__all__ = ["look_alikes", "pictures"]

SIDE = 512
_WORDS = (
    "folio",
    "anno",
    "herbarium",
    "collected",
    "near",
    "the",
    "river",
    "leaves",
    "ovate",
    "margin",
    "entire",
    "rare",
)


def pictures(count: int, folder: Path | None = None) -> Iterator[Image.Image]:
    """`count` different RGB pictures: specimens, clouds of colour, collages, sheets in turn; or those of a folder."""
    if folder is not None:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"})
        for path in paths[:count]:
            with Image.open(path) as image:
                yield image.convert("RGB")
        return
    clouds = photographs(count // 4 + 1)
    for number in range(count):
        seed, turn = TEST_SEEDS[number], number % 4
        if turn == 0:
            yield draw(KINDS[number // 4 % len(KINDS)], seed, SIDE)
        elif turn == 1:
            yield Image.open(io.BytesIO(clouds[number // 4])).convert("RGB")
        elif turn == 2:
            yield collage(seed)
        else:
            yield (
                stand(seed // 8, seed)
                if number % 8 == 3
                else draw_off_topic(OFF_TOPIC[number // 8 % len(OFF_TOPIC)], seed)
            )


def look_alikes(count: int) -> Iterator[Image.Image]:
    """`count` RGB pictures in series whose members share much and are no copies.

    Specimens of one kind, written pages of one layout, things on one photographer's stand, in turn; 20 to a series.
    """
    for number in range(count):
        kind, member = number % 3, number // 3
        seed = TEST_SEEDS[50_000 + member]
        if kind == 0:
            yield draw(KINDS[member // 20 % len(KINDS)], seed, SIDE)
        elif kind == 1:
            yield page(member // 20, seed)
        else:
            yield stand(member // 20, seed + 25_000)  # else it would hold the specimen of the first series


def collage(seed: int) -> Image.Image:
    """Shapes of many sizes and colours over a graded ground, in one of four formats."""
    rng = np.random.default_rng(seed)
    width, height = ((640, 480), (480, 640), (600, 600), (800, 450))[int(rng.integers(4))]
    ramp = np.linspace(0, 1, width)[None, :, None] * rng.uniform(-60, 60, 3) + rng.uniform(60, 200, 3)
    ground = ramp + np.linspace(0, 1, height)[:, None, None] * rng.uniform(-60, 60, 3)
    picture = Image.fromarray(np.clip(ground + rng.normal(0, 3, (height, width, 1)), 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(12, 40))):
        x, y = rng.uniform(-20, width), rng.uniform(-20, height)
        wide, high = rng.uniform(8, width / 3, 2)
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        draw_shape = (pen.ellipse, pen.rectangle)[int(rng.integers(2))]
        draw_shape((x, y, x + wide, y + high), fill=colour)
    return picture


def page(layout: int, seed: int) -> Image.Image:
    """A written page: margins, head and lines as `layout` has them, words as `seed` has them."""
    frame, rng = np.random.default_rng(layout), np.random.default_rng(seed)
    picture = Image.new("RGB", (480, 640), tuple(int(value) for value in frame.integers(215, 250, 3)))
    pen = ImageDraw.Draw(picture)
    size, left = int(frame.integers(13, 22)), int(frame.integers(30, 70))
    font, ink = ImageFont.load_default(size), tuple(int(value) for value in frame.integers(10, 80, 3))
    pen.text((left, 40), "Register of plants", fill=ink, font=ImageFont.load_default(size * 1.6))
    for line in range(90, 600, round(size * 1.5)):
        words = " ".join(rng.choice(_WORDS, 12))
        while pen.textlength(words, font=font) > 480 - 2 * left:
            words = words.rpartition(" ")[0]
        pen.text((left, line), words, fill=ink, font=font)
    return picture


def stand(ground: int, seed: int) -> Image.Image:
    """A specimen before the ground, ruler and label of one photographer's stand."""
    rng = np.random.default_rng(ground + 1)
    picture = collage(ground + 1).resize((640, 512)).point([value // 2 + 64 for value in range(256)] * 3)
    pen = ImageDraw.Draw(picture)
    for tick in range(40, 600, 20):
        pen.line((tick, 490, tick, 505), fill="black", width=3)
    pen.text((40, 20), f"Coll. {rng.integers(1000)}", fill="black", font=ImageFont.load_default(28))
    kind = KINDS[ground % len(KINDS)]
    specimen = draw(kind, seed, 512).resize((330, 330))
    picture.paste(specimen, (155, 85))
    return picture
