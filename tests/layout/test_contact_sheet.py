from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageChops

from layout.bands import whole
from layout.lettering import typeface_for
from layout.sheet import SheetStyle, page_size, sheet_pages
from layout.sheet import contact_sheets as contact_sheets_in_rows


def contact_sheets(*what, **how):
    """The pages, each in one piece."""
    return map(whole, contact_sheets_in_rows(*what, **how))


def squares(n, side=32):
    """Pictures of n different colours."""
    return [Image.new("RGB", (side, side), (5 * index % 250, 40, 200)) for index in range(n)]


def test_pages_are_as_many_as_announced_and_show_every_picture():
    style = SheetStyle(columns=4, cell=(32, 32), rows=6)
    pages = list(contact_sheets(squares(50), 50, style, heading="Fifty"))
    assert len(pages) == sheet_pages(50, style, heading="Fifty") == 3
    seen = {colour for page in pages for count, colour in page.getcolors(1 << 16) if count >= 32 * 32}
    assert seen >= {(5 * index % 250, 40, 200) for index in range(50)}


def test_a_full_page_stands_upright_like_paper_and_the_last_one_ends_with_its_row():
    first, *_, last = contact_sheets(squares(500), 500, SheetStyle(columns=10, cell=(32, 32)), heading="Five hundred")
    assert 1.2 < first.height / first.width < 2**0.5
    assert last.width == first.width
    assert last.height < first.height


def test_wide_pictures_stay_whole():
    wide = Image.new("RGB", (64, 16), "red")
    wide.paste("blue", (0, 0, 4, 16))
    wide.paste("lime", (60, 0, 64, 16))
    (page,) = contact_sheets([wide], 1, SheetStyle(cell=(64, 64)), heading="One")
    colours = {colour for _, colour in page.getcolors(1 << 16)}
    assert colours >= {(255, 0, 0), (0, 0, 255), (0, 255, 0)}


def test_labels_are_drawn_within_the_width_of_their_picture():
    plain, labelled = (
        next(iter(contact_sheets(squares(2), 2, SheetStyle(columns=2, cell=(96, 96)), heading="Two", labels=labels)))
        for labels in (["", None], ["A title that is far too long for a picture of ninety-six pixels", None])
    )
    left, top, right, bottom = ImageChops.difference(plain, labelled).getbbox()
    assert right - left <= 96
    assert right - left > 48
    assert bottom - top < 24


def test_an_empty_set_still_has_a_page_with_its_heading():
    (page,) = contact_sheets([], 0, SheetStyle(columns=6, cell=(64, 64)), heading="Nothing yet")
    assert page.convert("L").getextrema()[0] < 100


def test_a_picture_or_a_label_too_few_is_an_error():
    with pytest.raises(ValueError, match="expected 3 labels, one a picture, got 1"):
        list(contact_sheets(squares(3), 3, SheetStyle(), heading="Three", labels=["one"]))
    with pytest.raises(ValueError, match="zip"):
        list(contact_sheets(squares(2), 3, SheetStyle(), heading="Three"))


@pytest.mark.parametrize(("n", "style"), [(0, {}), (7, {"columns": 3}), (500, {"columns": 10, "margin": 0, "gap": 9})])
def test_the_size_of_a_page_is_known_before_it_is_drawn(n, style):
    style = SheetStyle(cell=(32, 32), **style)
    first = next(contact_sheets(squares(n), n, style, heading="Some", labels=["a\nb"] * n))
    assert first.size == page_size(n, style, heading="Some", lines=2 if n else 0)


def test_long_lines_are_cut_to_measure():
    typeface = typeface_for(["abc"])
    font = typeface.font(20)
    line = typeface.line("several  words\nthat do not fit", font, 120)
    assert line.startswith("several w")
    assert line.endswith("...")
    assert font.getlength(line) <= 120
    assert typeface.line("fits", font, 120) == "fits"


def test_letters_a_typeface_lacks_lose_their_accent_or_are_marked():
    typeface = typeface_for(["plain"])
    lacking = type(typeface)(file=None, missing=frozenset("\u00e9\u9f8d"))
    assert lacking.line("caf\u00e9 \u9f8d", typeface.font(20), np.inf) == "cafe ?"


def test_a_typeface_has_the_letters_it_was_chosen_for_where_the_machine_has_any():
    texts = ["Jean-Honor\u00e9 Fragonard", "\u0416\u0438\u0432\u043e\u043f\u0438\u0441\u044c"]
    alone = [len(typeface_for([text]).missing) for text in texts]
    together = typeface_for(texts)
    assert len(together.missing) >= max(alone)
    assert not together.missing & set("Fragonard")


def placed(page, colour):
    """The box of all pixels of a colour."""
    return Image.fromarray((np.asarray(page) == colour).all(axis=2)).getbbox()


def test_a_sheet_without_margins_gaps_and_heading_is_the_grid_alone():
    style = SheetStyle(columns=3, rows=2, cell=(40, 30), gap=0, margin=0)
    (page,) = contact_sheets([Image.new("RGB", (80, 60), colour) for colour in ("red", "lime", "blue") * 2], 6, style)
    assert page.size == (120, 60)
    assert placed(page, (255, 0, 0)) == (0, 0, 40, 60)
    assert placed(page, (0, 0, 255)) == (80, 0, 120, 60)


def test_a_border_lies_around_the_picture_and_within_its_cell():
    style = SheetStyle(columns=1, cell=(40, 40), gap=0, margin=5, border=4, border_colour="#0000ff")
    (page,) = contact_sheets([Image.new("RGB", (100, 50), "red")], 1, style)
    left, top, right, bottom = placed(page, (0, 0, 255))
    assert (left, right) == (5, 45)
    assert placed(page, (255, 0, 0)) == (left + 4, top + 4, right - 4, bottom - 4)


def test_letters_are_light_on_dark_paper():
    (page,) = contact_sheets(squares(4), 4, SheetStyle(columns=4, background="#101010"), heading="Night")
    assert page.getpixel((0, 0)) == (16, 16, 16)
    assert page.crop((0, 0, page.width // 2, 70)).convert("L").getextrema()[1] > 200


def test_a_label_of_two_lines_has_room_for_both():
    style = SheetStyle(columns=1, cell=(96, 96))
    one, two = (
        next(contact_sheets(squares(1), 1, style, labels=[label])) for label in ("A title", "A title\nand its maker")
    )
    assert two.height > one.height + 8
