"""Contact sheets: every picture in reading order, with room to breathe, on as many pages as it takes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw

from layout.bands import Bands
from layout.lettering import Typeface, typeface_for
from layout.render import Tile, Tiles, as_image, each_tile

__all__ = ["SheetStyle", "contact_sheets", "page_size", "sheet_pages"]

_DARK, _LIGHT = "#1d1c1a", "#f4f1ea"
_PAGE_ASPECT = 2**0.5
_LINE = 1.35  # of a label's letters: from one baseline to the next
_GAP = 3.0  # pixels of the source for one of the tile, from which on means are taken first


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetStyle:
    """How sheets look. `cell` is the width and height in pixels that a picture may take, `columns` and `rows` how many
    a page holds; without `rows` as many as give the upright page of a printed sheet (1 : 1.414).

    `gap` lies between cells, `margin` around them; both have a default that goes with the cell. `border` pixels of
    `border_colour` are drawn around each picture, within its cell. Letters are dark on light paper, light on dark.
    """

    columns: int = 24
    rows: int | None = None
    cell: tuple[int, int] = (128, 128)
    gap: int | None = None
    margin: int | None = None
    background: str = "#fbfaf7"
    border: int = 0
    border_colour: str = "#dcd8cf"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """Measures of a page in pixels."""

    style: SheetStyle
    columns: int
    rows: int
    lines: int
    headed: bool

    @property
    def cell(self) -> tuple[int, int]:
        return self.style.cell

    @property
    def gap(self) -> int:
        return max(4, round(self.cell[0] * 0.1)) if self.style.gap is None else self.style.gap

    @property
    def label_size(self) -> int:
        return max(9, min(18, round(self.cell[0] * 0.095)))

    @property
    def label_height(self) -> int:
        return round(self.label_size * (0.75 + _LINE * self.lines)) if self.lines else 0

    @property
    def row_height(self) -> int:
        return self.cell[1] + self.label_height + self.gap

    @property
    def content(self) -> int:
        return self.columns * (self.cell[0] + self.gap) - self.gap

    @property
    def margin(self) -> int:
        return max(24, round(self.cell[0] * 0.5)) if self.style.margin is None else self.style.margin

    @property
    def width(self) -> int:
        return self.content + 2 * self.margin

    @property
    def heading_size(self) -> int:
        return max(15, min(64, round(self.width * 0.022)))

    @property
    def top(self) -> int:
        return self.margin + (round(self.heading_size * 2.3) if self.headed else 0)

    def height(self, rows: int) -> int:
        """Of a page with so many rows."""
        return self.top + rows * self.row_height - self.gap + self.margin

    def per_page(self) -> int:
        """Pictures a page holds."""
        return self.columns * self.rows

    def shade(self, share: float) -> tuple[int, int, int]:
        """A colour between the paper (0) and that of letters (1)."""
        paper = ImageColor.getrgb(self.style.background)[:3]
        is_light = 0.299 * paper[0] + 0.587 * paper[1] + 0.114 * paper[2] > 127
        ink = ImageColor.getrgb(_DARK if is_light else _LIGHT)
        red, green, blue = (round(p + share * (i - p)) for p, i in zip(paper, ink, strict=False))
        return red, green, blue


def sheet_pages(n: int, style: SheetStyle, *, heading: str = "", lines: int = 0) -> int:
    """How many pages `contact_sheets` makes of `n` pictures with labels of so many `lines`."""
    return max(1, math.ceil(n / _page(n, style, bool(heading), lines).per_page()))


def page_size(n: int, style: SheetStyle, *, heading: str = "", lines: int = 0) -> tuple[int, int]:
    """Width and height in pixels of the first of these pages, which is the largest."""
    page = _page(n, style, bool(heading), lines)
    return page.width, page.height(min(page.rows, max(1, math.ceil(n / page.columns))))


def contact_sheets(
    tiles: Tiles, n: int, style: SheetStyle, *, heading: str = "", labels: Sequence[str | None] | None = None
) -> Iterator[Bands]:
    """Yield the pages as rows of pixels: `n` pictures whole, each in its cell, under a heading where there is one.

    Labels stand under their picture, a line for each of theirs, cut to its width. The last page ends with its last row.
    One row of pictures at a time is in memory; a page is used up before the next is asked for. Raises ValueError where
    labels are not as many as pictures, or there are fewer pictures than `n`.
    """
    if labels is not None and len(labels) != n:
        raise ValueError(f"expected {n} labels, one a picture, got {len(labels)}")
    lines = max((label.count("\n") + 1 for label in labels or () if label), default=0) if labels is not None else 0
    page = _page(n, style, bool(heading), lines)
    pages = sheet_pages(n, style, heading=heading, lines=lines)
    pictures = each_tile(tiles, n)
    typeface = typeface_for([heading, *(label for label in labels or () if label)])
    for number in range(pages):
        first = number * page.per_page()
        count = min(page.per_page(), n - first)
        captions = labels[first : first + count] if labels is not None else [None] * count
        head = _head(page, typeface, heading=heading, folio=_folio(n, number, pages))
        rows = itertools.chain([head], _rows(page, typeface, pictures, captions))
        yield Bands(width=page.width, height=max(1, page.height(max(1, math.ceil(count / page.columns)))), rows=rows)


def _page(n: int, style: SheetStyle, headed: bool, lines: int) -> _Page:
    if min(style.columns, *style.cell, 1 if style.rows is None else style.rows) < 1:
        raise ValueError(f"expected at least one column, row and pixel, got {style}")
    columns = min(style.columns, max(n, 1))
    page = _Page(style=style, columns=columns, rows=1, lines=lines, headed=headed)
    room = page.width * _PAGE_ASPECT - page.top - page.margin + page.gap
    return replace(page, rows=style.rows or max(1, int(room // page.row_height)))


def _folio(n: int, number: int, pages: int) -> str:
    pictures = f"{n:,} picture" + ("" if n == 1 else "s")
    return pictures if pages == 1 else f"{pictures},  page {number + 1} of {pages}"


def _head(page: _Page, typeface: Typeface, *, heading: str, folio: str) -> NDArray[np.uint8]:
    """All above the pictures: the heading, and the folio at the right where there is room for both."""
    if not heading:
        return _paper(page, page.top)
    band = Image.new("RGB", (page.width, page.top), page.style.background)
    draw = ImageDraw.Draw(band)
    large = typeface.font(page.heading_size)
    small = typeface.font(max(10, round(page.heading_size * 0.55)))
    baseline = page.margin + page.heading_size
    reserved = small.getlength(folio) + 2 * page.gap
    roomy = page.content > 2 * reserved
    title = typeface.line(heading, large, page.content - (reserved if roomy else 0))
    draw.text((page.margin, baseline), title, font=large, fill=page.shade(1), anchor="ls")
    if roomy:
        draw.text((page.width - page.margin, baseline), folio, font=small, fill=page.shade(0.6), anchor="rs")
    rule = baseline + round(page.heading_size * 0.6)
    line = (page.margin, rule, page.width - page.margin, rule)
    draw.line(line, fill=page.shade(0.15), width=max(1, page.heading_size // 20))
    return np.asarray(band)


def _rows(
    page: _Page, typeface: Typeface, pictures: Iterator[Tile], captions: Sequence[str | None]
) -> Iterator[NDArray[np.uint8]]:
    """The pictures, a row of them after another, and the margin below."""
    for first in range(0, len(captions), page.columns):
        some = captions[first : first + page.columns]
        is_last = first + page.columns >= len(captions)
        height = page.row_height - page.gap * is_last
        yield _row(page, typeface, itertools.islice(pictures, len(some)), some, height)
    yield _paper(page, page.margin if captions else page.height(1) - page.top)


def _paper(page: _Page, height: int) -> NDArray[np.uint8]:
    paper = np.empty((height, page.width, 3), np.uint8)
    paper[:] = ImageColor.getrgb(page.style.background)[:3]
    return paper


def _row(
    page: _Page, typeface: Typeface, pictures: Iterator[Tile], captions: Sequence[str | None], full: int
) -> NDArray[np.uint8]:
    band = Image.new("RGB", (page.width, full), page.style.background)
    draw = ImageDraw.Draw(band)
    font = typeface.font(page.label_size)
    width, height = page.cell
    border = min(page.style.border, (min(page.cell) - 1) // 2)
    for place, (caption, part) in enumerate(zip(captions, pictures, strict=True)):
        left = page.margin + place * (width + page.gap)
        picture = _contained(as_image(part), width - 2 * border, height - 2 * border)
        # Pictures stand on the line of their captions, as on a shelf; without captions they hang in the middle.
        room = height - 2 * border - picture.height
        x, y = left + (width - picture.width + 1) // 2, border + (room if page.lines else (room + 1) // 2)
        if border:
            frame = (x - border, y - border, x + picture.width + border, y + picture.height + border)
            band.paste(page.style.border_colour, frame)
        band.paste(picture, (x, y))
        for number, line in enumerate((caption or "").split("\n") if caption else ()):
            baseline = height + round(page.label_size * _LINE * (number + 1))
            draw.text(
                (left, baseline),
                typeface.line(line, font, width),
                font=font,
                fill=page.shade(0.6 if number == 0 else 0.45),
                anchor="ls",
            )
    return np.asarray(band)


def _contained(picture: Image.Image, width: int, height: int) -> Image.Image:
    """The whole picture, as large as fits."""
    share = min(width / picture.width, height / picture.height)
    size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
    if size == picture.size:
        return picture
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=_GAP)
