"""Pages of pixels as a PDF, one after another: what is in memory is some rows of a page.

The objects are those of ISO 32000-1 (7.7: catalogue, pages, page; 8.9: images), written by Pillow's own PDF writer;
pixels go to the file as they are encoded, and their length before them when it is known.
"""

from __future__ import annotations

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
    image = _image(pdf, page, quality)
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


def _image(pdf: PdfParser, page: Bands, quality: int) -> IndirectReference:
    file = pdf.f
    assert file is not None
    begin = file.tell()
    image = pdf.next_object_id(begin)

    def head(length: int) -> bytes:
        return (
            b"%d 0 obj\n<< /Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent 8 "
            b"/ColorSpace /DeviceRGB /Filter /DCTDecode /Length %10d >>\nstream\n"
            % (image.object_id, page.width, page.height, length)
        )

    file.write(head(0))
    first = file.tell()
    as_jpeg(file, page, quality=quality)
    end = file.tell()
    file.seek(begin)
    file.write(head(end - first))
    file.seek(end)
    file.write(b"\nendstream\nendobj\n")
    return image
