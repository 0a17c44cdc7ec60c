"""Off-topic pictures: what a crawl brings home besides specimens, charts and pages and forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from harvest.demo.specimens.looks import generator
from harvest.demo.specimens.palettes import TINCTURES, Colour, mixed

__all__ = ["OFF_TOPIC", "draw_off_topic"]

_SIDE = 512
_INKS: Final = ("deep blue", "crimson", "teal", "ochre", "moss green", "violet", "slate grey", "coral", "gold")
_WORDS: Final = tuple(
    word
    for line in (
        "the collection of shells was entered in the register by hand during autumn and each drawer received a number",
        "after which every label had to be copied again because damp from the river wall spoiled paper ink glass cases",
        "visitors are asked to leave coats total annual net rate index share region month sample mean error value",
        "report table figure see appendix section per cent increase between since first quarter office station field",
    )
    for word in line.split()
)
_HEADINGS: Final = ("Annual report", "Visitors by month", "Rainfall", "Index of sales", "Survey results", "Growth",
                    "Price per unit", "Temperature", "Loans", "Population", "Output", "Registration")  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A sheet being drawn: its pen, its paper and ink, its own random numbers."""

    pen: ImageDraw.ImageDraw
    rng: np.random.Generator
    paper: Colour
    ink: Colour

    def text(self, at: tuple[float, float], words: str, size: float) -> None:
        self.pen.text(at, words, fill=self.ink, font=ImageFont.load_default(size))

    def words(self, count: int) -> str:
        return " ".join(_WORDS[int(index)] for index in self.rng.integers(len(_WORDS), size=count))

    def heading(self) -> str:
        return _HEADINGS[int(self.rng.integers(len(_HEADINGS)))]

    def colours(self, count: int) -> list[Colour]:
        return [TINCTURES[_INKS[int(index)]].base for index in self.rng.permutation(len(_INKS))[:count]]

    def faint(self, share: float) -> Colour:
        return mixed(self.paper, self.ink, share)


def _axes(sheet: _Sheet) -> tuple[float, float, float, float]:
    """Title, frame, grid and tick labels; the box to plot in."""
    left, top, right, bottom = 70.0, 80.0, 480.0, 440.0
    sheet.text((left, 28), sheet.heading(), 22)
    unit = int(sheet.rng.choice([1, 2, 5, 10, 20, 50]))
    for step in range(6):
        y = bottom - (bottom - top) * step / 5
        sheet.pen.line((left, y, right, y), fill=sheet.faint(0.18))
        sheet.text((28, y - 7), str(step * unit), 12)
    sheet.pen.line((left, top, left, bottom), fill=sheet.ink, width=2)
    sheet.pen.line((left, bottom, right, bottom), fill=sheet.ink, width=2)
    for step in range(6):
        sheet.text((left + (right - left) * (step + 0.3) / 6, bottom + 10), sheet.words(1)[:6], 12)
    return left, top, right, bottom


def _bar_chart(sheet: _Sheet) -> None:
    left, top, right, bottom = _axes(sheet)
    groups, series = int(sheet.rng.integers(4, 13)), int(sheet.rng.integers(1, 4))
    colours = sheet.colours(series)
    step = (right - left - 16) / groups
    for group in range(groups):
        for index, colour in enumerate(colours):
            start = left + 12 + group * step + index * step * 0.8 / series
            height = (bottom - top) * float(sheet.rng.uniform(0.06, 0.98))
            sheet.pen.rectangle((start, bottom - height, start + step * 0.74 / series, bottom - 2), fill=colour)


def _line_chart(sheet: _Sheet) -> None:
    left, top, right, bottom = _axes(sheet)
    count = int(sheet.rng.integers(8, 60))
    x = np.linspace(left + 4, right - 4, count)
    for colour in sheet.colours(int(sheet.rng.integers(1, 5))):
        walk = np.cumsum(sheet.rng.normal(0, 1, count))
        spread = (walk - walk.min()) / max(float(np.ptp(walk)), 1e-9)
        low, high = np.sort(sheet.rng.uniform(0.03, 0.97, 2))
        y = bottom - (bottom - top) * (low + (high - low) * spread)
        sheet.pen.line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=colour, width=int(sheet.rng.integers(2, 5)))


def _pie_chart(sheet: _Sheet) -> None:
    sheet.text((60, 28), sheet.heading(), 22)
    shares = sheet.rng.dirichlet(np.full(int(sheet.rng.integers(3, 8)), 2.0))
    ends = np.concatenate([[0], np.cumsum(shares)]) * 360 - 90
    radius = float(sheet.rng.uniform(110, 165))
    box = (210 - radius, 270 - radius, 210 + radius, 270 + radius)
    hole = radius * float(sheet.rng.choice([0.0, 0.0, 0.5]))
    for index, colour in enumerate(sheet.colours(len(shares))):
        sheet.pen.pieslice(box, float(ends[index]), float(ends[index + 1]), fill=colour, outline=sheet.paper, width=3)
        y = 150 + 30 * index
        sheet.pen.rectangle((400, y, 416, y + 16), fill=colour)
        sheet.text((424, y + 1), sheet.words(1)[:9], 13)
    sheet.pen.ellipse((210 - hole, 270 - hole, 210 + hole, 270 + hole), fill=sheet.paper)


def _scatter_plot(sheet: _Sheet) -> None:
    left, top, right, bottom = _axes(sheet)
    for colour in sheet.colours(int(sheet.rng.integers(1, 4))):
        count, size = int(sheet.rng.integers(30, 140)), float(sheet.rng.uniform(2.5, 5.5))
        middle = sheet.rng.uniform(0.25, 0.75, 2)
        cloud = np.clip(sheet.rng.multivariate_normal(middle, [[0.03, 0.018], [0.018, 0.03]], count), 0.02, 0.98)
        for x, y in cloud.tolist():
            px, py = left + (right - left) * x, bottom - (bottom - top) * y
            sheet.pen.ellipse((px - size, py - size, px + size, py + size), fill=colour)


def _text_page(sheet: _Sheet) -> None:
    rng = sheet.rng
    size, columns = float(rng.uniform(10, 16)), int(rng.choice([1, 1, 2]))
    margin, y = float(rng.uniform(28, 60)), float(rng.uniform(30, 60))
    if rng.random() < 0.7:
        sheet.text((margin, y), sheet.heading() + " " + sheet.words(2), size * 1.8)
        y += size * 3.4
    wide = (512 - 2 * margin - 20 * (columns - 1)) / columns
    letters = int(wide / (size * 0.5))
    for column in range(columns):
        line, left = y, margin + column * (wide + 20)
        while line < 512 - margin:
            short = rng.random() < 0.12
            sheet.text((left, line), sheet.words(24)[: letters // 2 if short else letters], size)
            line += size * (2.2 if short else 1.4)


def _table(sheet: _Sheet) -> None:
    rng = sheet.rng
    rows, columns = int(rng.integers(7, 18)), int(rng.integers(3, 7))
    left, top, right, bottom = 34.0, 78.0, 478.0, 470.0
    sheet.text((left, 34), sheet.heading(), 20)
    high, wide = (bottom - top) / rows, (right - left) / columns
    sheet.pen.rectangle((left, top, right, top + high), fill=mixed(sheet.paper, sheet.colours(1)[0], 0.4))
    striped = rng.random() < 0.5
    for row in range(rows):
        y = top + row * high
        if striped and row % 2 and row:
            sheet.pen.rectangle((left, y, right, y + high), fill=sheet.faint(0.06))
        sheet.pen.line((left, y, right, y), fill=sheet.faint(0.45))
        for column in range(columns):
            cell = sheet.words(1)[:9] if row == 0 or column == 0 else f"{rng.uniform(0, 900):.1f}"
            sheet.text((left + column * wide + 6, y + high / 2 - 7), cell, min(13.0, high * 0.6))
    for column in range(columns + 1):
        sheet.pen.line((left + column * wide, top, left + column * wide, bottom), fill=sheet.faint(0.3))
    sheet.pen.line((left, bottom, right, bottom), fill=sheet.ink, width=2)


def _form(sheet: _Sheet) -> None:
    """A window with fields to fill in, boxes to tick and a button."""
    rng, bar = sheet.rng, sheet.colours(1)[0]
    sheet.pen.rectangle((0, 0, 512, 40), fill=bar)
    sheet.pen.text((16, 11), sheet.heading(), fill=(250, 250, 250), font=ImageFont.load_default(16))
    for dot in range(3):
        sheet.pen.ellipse((440 + dot * 22, 14, 452 + dot * 22, 26), fill=mixed(bar, (255, 255, 255), 0.5))
    y = 66.0
    while y < 410:
        sheet.text((36, y), sheet.words(2).capitalize(), 13)
        if rng.random() < 0.3:
            for box in range(3):
                x = 180 + box * 100
                sheet.pen.rectangle((x, y, x + 14, y + 14), outline=sheet.ink, width=2)
                sheet.text((x + 20, y), sheet.words(1)[:7], 12)
        else:
            sheet.pen.rectangle((180, y - 6, 180 + float(rng.uniform(160, 296)), y + 20), fill=(255, 255, 255),
                                outline=sheet.faint(0.4), width=2)  # fmt: skip
            if rng.random() < 0.6:
                sheet.text((188, y), sheet.words(2), 12)
        y += float(rng.uniform(34, 48))
    sheet.pen.rounded_rectangle((360, 446, 476, 482), 8, fill=bar)
    sheet.pen.text((392, 456), "Submit", fill=(250, 250, 250), font=ImageFont.load_default(14))


_ARTISTS: Final[dict[str, Callable[[_Sheet], None]]] = {
    "bar_chart": _bar_chart,
    "line_chart": _line_chart,
    "pie_chart": _pie_chart,
    "scatter_plot": _scatter_plot,
    "text_page": _text_page,
    "table": _table,
    "form": _form,
}
OFF_TOPIC: Final[tuple[str, ...]] = tuple(_ARTISTS)


def draw_off_topic(kind: str, seed: int, size: int = 512) -> Image.Image:
    """Draw the off-topic picture `seed` of `kind` (one of OFF_TOPIC), RGB, `size` x `size` pixels.

    Raises KeyError for an unknown kind.
    """
    artist = _ARTISTS[kind]
    rng = generator(kind, seed, 0)
    shade = int(rng.integers(232, 256))
    paper = (shade, max(0, shade - int(rng.integers(0, 8))), max(0, shade - int(rng.integers(0, 22))))
    ink = (34, 34, 40)
    if rng.random() < 0.12:
        paper, ink = (30, 33, 40), (226, 226, 220)
    image = Image.new("RGB", (_SIDE, _SIDE), paper)
    artist(_Sheet(ImageDraw.Draw(image), rng, paper, ink))
    return image if size == _SIDE else image.resize((size, size), Image.Resampling.LANCZOS)
