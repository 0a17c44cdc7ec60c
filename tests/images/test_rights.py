"""What files say of their maker and terms, in the places where cameras and programs write it."""

from __future__ import annotations

import io

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from harvest.images.png import as_png
from harvest.images.rights import EmbeddedRights, read_rights

XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'xmpRights:WebStatement="https://example.org/terms" photoshop:Credit="The Museum">'
    "<dc:creator><rdf:Seq><rdf:li>Ada Moss</rdf:li><rdf:li>Bo</rdf:li></rdf:Seq></dc:creator>"
    '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">(c) Ada</rdf:li><rdf:li xml:lang="de">(c) A.</rdf:li></rdf:Alt>'
    "</dc:rights>"
    '<xmpRights:UsageTerms><rdf:Alt><rdf:li xml:lang="en">CC BY 4.0</rdf:li></rdf:Alt></xmpRights:UsageTerms>'
    '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Fern</rdf:li></rdf:Alt></dc:title>'
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def saved(kind: str, **saving: object) -> io.BytesIO:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "green").save(buffer, kind, **saving)
    buffer.seek(0)
    return buffer


def test_xmp() -> None:
    expected = EmbeddedRights(
        creator="Ada Moss, Bo",
        license="CC BY 4.0",
        license_url="https://example.org/terms",
        copyright="(c) Ada",
        credit="The Museum",
        title="Fern",
    )
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", XMP)

    assert read_rights(saved("JPEG", xmp=XMP.encode())) == expected
    assert read_rights(saved("WEBP", xmp=XMP.encode())) == expected
    assert read_rights(saved("PNG", pnginfo=text)) == expected


def test_exif_with_the_camera_s_clock() -> None:
    exif = Image.Exif()
    exif[0x013B], exif[0x8298], exif[0x010E] = "Ada", "(c) Ada", "A fern"
    exif.get_ifd(0x8769).update({0x9003: "2020:05:01 12:30:00", 0x9011: "+02:00"})

    assert read_rights(saved("JPEG", exif=exif)) == EmbeddedRights(
        creator="Ada", copyright="(c) Ada", description="A fern", taken_at="2020-05-01T12:30:00+02:00"
    )


def test_iptc_goes_before_exif() -> None:
    exif = Image.Exif()
    exif[0x013B] = "The camera's owner"
    records = b"".join(
        b"\x1c\x02" + bytes([number]) + len(value).to_bytes(2, "big") + value
        for number, value in ((80, b"Ada"), (80, "Zoë".encode()), (116, b"(c) both"))
    )
    resource = b"8BIM\x04\x04\x00\x00" + len(records).to_bytes(4, "big") + records + b"\0" * (len(records) % 2)
    payload = b"Photoshop 3.0\x00" + resource
    jpeg = saved("JPEG", exif=exif).getvalue()
    segment = b"\xff\xed" + (len(payload) + 2).to_bytes(2, "big") + payload

    said = read_rights(io.BytesIO(jpeg[:2] + segment + jpeg[2:]))

    assert (said.creator, said.copyright) == ("Ada, Zoë", "(c) both")


def test_png_text_and_silence() -> None:
    text = PngInfo()
    text.add_text("Author", "Ada")
    text.add_text("Copyright", "CC0")

    assert read_rights(saved("PNG", pnginfo=text)) == EmbeddedRights(creator="Ada", copyright="CC0")
    assert read_rights(saved("PNG")) == EmbeddedRights()
    assert read_rights(io.BytesIO(b"no image")) == EmbeddedRights()
    assert read_rights(saved("JPEG", xmp=b"<!DOCTYPE x [<!ENTITY y 'z'>]><x>&y;</x>")) == EmbeddedRights()


def test_pixels_become_the_same_bytes_each_time() -> None:
    picture = Image.effect_noise((32, 24), 50).convert("RGB")
    picture.info["comment"] = "nobody's business"

    assert as_png(picture) == as_png(picture.copy())
    assert Image.open(io.BytesIO(as_png(picture))).info == {}
    assert Image.open(io.BytesIO(as_png(picture.convert("CMYK")))).mode == "RGB"
