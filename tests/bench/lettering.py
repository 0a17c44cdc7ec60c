"""Pictures on which it is known how much is text: pages, maps, photographs with words over them, and some without."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from harvest.demo.specimens import KINDS, OFF_TOPIC, draw

__all__ = ["Lettered", "lettered", "photographs_without_words"]

_WORDS = (
    "the collection of shells was entered in the register by hand during autumn and each drawer received a number "
    "after which every label had to be copied again because damp from the river wall spoiled paper ink glass cases"
)
_PHOTOGRAPHS = ("chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "astronaut.png", "coins.png")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lettered:
    """A picture and the share of it, [0, 1], that boxes around its words cover."""

    kind: str
    picture: Image.Image
    share: float


def lettered(photographs: Sequence[Image.Image], each: int, seed: int = 0) -> Iterator[Lettered]:
    """`each` pictures of every kind, the same ones every time."""
    rng = np.random.default_rng(seed)
    things = [kind for kind in KINDS if kind not in OFF_TOPIC]
    for number in range(each):
        photograph = photographs[number % len(photographs)]
        yield Lettered(kind="photograph", picture=photograph, share=0.0)
        yield Lettered(kind="drawing", picture=draw(things[number % len(things)], 77_000 + number), share=0.0)
        yield _written("few words", photograph.copy(), rng, lines=int(rng.integers(1, 4)), height=(0.04, 0.1))
        yield _written("many words", photograph.copy(), rng, lines=int(rng.integers(8, 14)), height=(0.04, 0.07))
        yield _written("map", _map(rng), rng, lines=int(rng.integers(8, 40)), height=(0.016, 0.03), most_words=1)
        yield _page(rng)


def photographs_without_words(folder: Path | None) -> list[Image.Image]:
    """The JPEGs of a folder, else the photographs that scikit-image ships."""
    if folder is None:
        bodies = [(files("skimage") / "data" / name).read_bytes() for name in _PHOTOGRAPHS]
    else:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
        bodies = [path.read_bytes() for path in paths]
    return [Image.open(BytesIO(body)).convert("RGB") for body in bodies]


def _written(
    kind: str,
    picture: Image.Image,
    rng: np.random.Generator,
    *,
    lines: int,
    height: tuple[float, float],
    most_words: int = 4,
) -> Lettered:
    """The picture with so many lines, of a height given as a share of its own, wherever they do not overlap."""
    pen, covered = ImageDraw.Draw(picture), np.zeros((picture.height, picture.width), bool)
    for _ in range(20 * lines):
        if lines == 0:
            break
        font = ImageFont.load_default(max(9.0, float(rng.uniform(*height)) * picture.height))
        text = " ".join(rng.choice(_WORDS.split(), int(rng.integers(1, most_words + 1))))
        at = (float(rng.uniform(0, 0.5)) * picture.width, float(rng.uniform(0, 0.92)) * picture.height)
        left, top, right, bottom = pen.textbbox(at, text, font=font)
        box = np.s_[int(top) : math.ceil(bottom), int(left) : math.ceil(right)]
        if covered[box].any() or covered[box].size == 0:
            continue
        is_light = bool(rng.integers(2))
        ink, rim = ("white", "black") if is_light else ("black", "white")
        pen.text(at, text, fill=ink, font=font, stroke_width=1, stroke_fill=rim)
        covered[box] = True
        lines -= 1
    return Lettered(kind=kind, picture=picture, share=float(covered.mean()))


def _map(rng: np.random.Generator) -> Image.Image:
    picture = Image.new("RGB", (700, 700), (235, 230, 215))
    pen = ImageDraw.Draw(picture)
    for _ in range(12):
        centre, turns = rng.uniform(0, 700, 2), np.linspace(0, 2 * math.pi, 9)[:-1]
        reach = rng.uniform(30, 160, len(turns))
        outline = centre + np.stack([np.cos(turns), np.sin(turns)], axis=1) * reach[:, None]
        colour = tuple(rng.integers(150, 240, 3).tolist())
        pen.polygon([tuple(point) for point in outline.tolist()], fill=colour, outline=(120, 120, 110))
    for _ in range(25):
        ends = [tuple(point) for point in rng.uniform(0, 700, (2, 2)).tolist()]
        pen.line(ends, fill=tuple(rng.integers(60, 190, 3).tolist()), width=int(rng.integers(1, 6)))
    return picture


def _page(rng: np.random.Generator) -> Lettered:
    """A page of lines from edge to edge of its margins."""
    picture = Image.new("RGB", (900, 1200), tuple(rng.integers(225, 256, 3).tolist()))
    pen, covered = ImageDraw.Draw(picture), np.zeros((1200, 900), bool)
    font, y = ImageFont.load_default(float(rng.uniform(16, 30))), 90.0
    spacing = float(rng.uniform(1.3, 2.0)) * font.size
    while y < 1100:
        text, words = "", rng.permutation(_WORDS.split()).tolist()
        while words and pen.textlength(f"{text} {words[-1]}", font=font) < 740:
            text = f"{text} {words.pop()}".strip()
        pen.text((80, y), text, fill=(20, 20, 30), font=font)
        left, top, right, bottom = pen.textbbox((80, y), text, font=font)
        covered[int(top) : math.ceil(bottom), int(left) : math.ceil(right)] = True
        y += spacing
    return Lettered(kind="page", picture=picture, share=float(covered.mean()))
