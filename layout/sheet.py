"""Contact sheets: every picture in reading order, with room to breathe, on as many pages as it takes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageOps

from layout.lettering import Typeface, typeface_for
from layout.render import LARGEST_PIXELS, Tile, Tiles, as_image, each_tile

__all__ = ["contact_sheets", "sheet_pages"]

_PAPER = "#fbfaf7"
_INK = "#1d1c1a"
_FAINT = "#77736b"
_RULE = "#dcd8cf"
_PAGE_ASPECT = 2**0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """Measures of a page in pixels."""

    columns: int
    rows: int
    tile: int
    labelled: bool

    @property
    def gap(self) -> int:
        return max(4, round(self.tile * 0.1))

    @property
    def label_size(self) -> int:
        return max(9, min(18, round(self.tile * 0.095)))

    @property
    def label_height(self) -> int:
        return round(self.label_size * 2.1) if self.labelled else 0

    @property
    def row_height(self) -> int:
        return self.tile + self.label_height + self.gap

    @property
    def content(self) -> int:
        return self.columns * (self.tile + self.gap) - self.gap

    @property
    def margin(self) -> int:
        return max(24, round(self.tile * 0.5))

    @property
    def width(self) -> int:
        return self.content + 2 * self.margin

    @property
    def heading_size(self) -> int:
        return max(15, min(64, round(self.width * 0.022)))

    @property
    def top(self) -> int:
        return self.margin + round(self.heading_size * 2.3)

    def height(self, rows: int) -> int:
        """Of a page with so many rows."""
        return self.top + rows * self.row_height - self.gap + self.margin

    def per_page(self) -> int:
        """Pictures a page holds."""
        return self.columns * self.rows


def sheet_pages(n: int, *, columns: int, tile: int, labelled: bool = False, rows: int | None = None) -> int:
    """How many pages `contact_sheets` makes of `n` pictures."""
    return max(1, math.ceil(n / _page(n, columns, tile, labelled, rows).per_page()))


def contact_sheets(
    tiles: Tiles,
    n: int,
    *,
    heading: str,
    columns: int = 24,
    tile: int = 128,
    labels: Sequence[str | None] | None = None,
    rows: int | None = None,
) -> Iterator[Image.Image]:
    """Yield the pages as RGB images: `n` pictures whole, `columns` a row, each in a square of `tile` pixels.

    Labels stand under their picture, cut to its width. A page takes `rows` rows, by default what gives the upright page
    of a printed sheet (1 : 1.414); the last page ends with its last row. One page at a time is in memory. Raises
    ValueError where labels are not as many as pictures, or a page would exceed LARGEST_PIXELS.
    """
    if labels is not None and len(labels) != n:
        raise ValueError(f"expected {n} labels, one a picture, got {len(labels)}")
    page = _page(n, columns, tile, labels is not None, rows)
    if page.width * page.height(page.rows) > LARGEST_PIXELS:
        raise ValueError(
            f"a page of {page.width} x {page.height(page.rows)} pixels exceeds {LARGEST_PIXELS}: "
            "choose fewer columns or rows, or smaller tiles"
        )
    pages = sheet_pages(n, columns=columns, tile=tile, labelled=labels is not None, rows=rows)
    pictures = each_tile(tiles, n)
    typeface = typeface_for([heading, *(label for label in labels or () if label)])
    for number in range(pages):
        first = number * page.per_page()
        count = min(page.per_page(), n - first)
        captions = labels[first : first + count] if labels is not None else [None] * count
        sheet = _headed(page, typeface, count, heading=heading, folio=_folio(n, number, pages))
        _fill(sheet, page, typeface, itertools.islice(pictures, count), captions)
        yield sheet


def _page(n: int, columns: int, tile: int, labelled: bool, rows: int | None) -> _Page:
    if columns < 1 or tile < 1 or (rows is not None and rows < 1):
        raise ValueError(
            f"expected at least one column, row and pixel, got columns={columns}, rows={rows}, tile={tile}"
        )
    columns = min(columns, max(n, 1))
    upright = _Page(columns=columns, rows=1, tile=tile, labelled=labelled)
    room = upright.width * _PAGE_ASPECT - upright.top - upright.margin + upright.gap
    return _Page(columns=columns, rows=rows or max(1, int(room // upright.row_height)), tile=tile, labelled=labelled)


def _folio(n: int, number: int, pages: int) -> str:
    pictures = f"{n:,} picture" + ("" if n == 1 else "s")
    return pictures if pages == 1 else f"{pictures},  page {number + 1} of {pages}"


def _headed(page: _Page, typeface: Typeface, count: int, *, heading: str, folio: str) -> Image.Image:
    """An empty page with its heading, and the folio at the right where there is room for both."""
    sheet = Image.new("RGB", (page.width, page.height(max(1, math.ceil(count / page.columns)))), _PAPER)
    draw = ImageDraw.Draw(sheet)
    large = typeface.font(page.heading_size)
    small = typeface.font(max(10, round(page.heading_size * 0.55)))
    baseline = page.margin + page.heading_size
    reserved = small.getlength(folio) + 2 * page.gap
    roomy = page.content > 2 * reserved
    title = typeface.line(heading, large, page.content - (reserved if roomy else 0))
    draw.text((page.margin, baseline), title, font=large, fill=_INK, anchor="ls")
    if roomy:
        draw.text((page.width - page.margin, baseline), folio, font=small, fill=_FAINT, anchor="rs")
    rule = baseline + round(page.heading_size * 0.6)
    draw.line((page.margin, rule, page.width - page.margin, rule), fill=_RULE, width=max(1, page.heading_size // 20))
    return sheet


def _fill(
    sheet: Image.Image, page: _Page, typeface: Typeface, pictures: Iterator[Tile], captions: Sequence[str | None]
) -> None:
    draw = ImageDraw.Draw(sheet)
    font = typeface.font(page.label_size)
    for place, (caption, part) in enumerate(zip(captions, pictures, strict=True)):
        left = page.margin + place % page.columns * (page.tile + page.gap)
        top = page.top + place // page.columns * page.row_height
        picture = as_image(part)
        if max(picture.size) != page.tile:
            picture = ImageOps.contain(picture, (page.tile, page.tile), Image.Resampling.LANCZOS)
        # Pictures stand on the line of their captions, as on a shelf.
        sheet.paste(picture, (left + (page.tile - picture.width) // 2, top + page.tile - picture.height))
        if caption:
            baseline = top + page.tile + round(page.label_size * 1.35)
            draw.text((left, baseline), typeface.line(caption, font, page.tile), font=font, fill=_FAINT, anchor="ls")
