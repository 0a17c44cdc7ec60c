"""Pages of pixels as a PDF, one after another: what is in memory is a page's JPEG.

The objects are those of ISO 32000-1 (7.7: catalogue, pages, page; 8.9: images), written by Pillow's own PDF writer.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from PIL.PdfParser import IndirectReference, PdfDict, PdfName, PdfParser

from layout.bands import Bands
from layout.encode import as_jpeg, check_size

__all__ = ["write_pdf"]

_POINTS = 72.0  # an inch


def write_pdf(path: Path, pages: Iterable[Bands], *, dpi: float, quality: int = 90, title: str = "") -> None:
    """Write a page for each of `pages`, as large as its pixels are at `dpi`; JPEGs of `quality`.

    There are no dates in it, so that the same pages are the same bytes. Raises ValueError where a page exceeds JPEG.
    """
    with path.open("w+b") as file, PdfParser(f=file, filename=path.name, mode="w+b") as pdf:
        if title:
            pdf.info["Title"] = title
        pdf.start_writing()
        pdf.write_header()
        tree = pdf.next_object_id(0)
        kids = [_page(pdf, tree, page, dpi, quality) for page in pages]
        root = pdf.write_obj(None, Type=PdfName("Catalog"), Pages=tree)
        pdf.write_obj(tree, Type=PdfName("Pages"), Count=len(kids), Kids=kids)
        pdf.write_xref_and_trailer(root)


def _page(pdf: PdfParser, tree: IndirectReference, page: Bands, dpi: float, quality: int) -> IndirectReference:
    check_size(page.width, page.height, "jpeg")
    buffer = io.BytesIO()
    as_jpeg(buffer, page, quality=quality)
    image = pdf.write_obj(
        None,
        stream=buffer.getbuffer(),
        Type=PdfName("XObject"),
        Subtype=PdfName("Image"),
        Width=page.width,
        Height=page.height,
        BitsPerComponent=8,
        ColorSpace=PdfName("DeviceRGB"),
        Filter=PdfName("DCTDecode"),
    )
    width, height = page.width * _POINTS / dpi, page.height * _POINTS / dpi
    drawn = pdf.write_obj(None, stream=b"q %f 0 0 %f 0 0 cm /image Do Q\n" % (width, height))
    return pdf.write_obj(
        None,
        Type=PdfName("Page"),
        Parent=tree,
        Resources=PdfDict({"XObject": PdfDict({"image": image})}),
        MediaBox=[0, 0, width, height],
        Contents=drawn,
    )
