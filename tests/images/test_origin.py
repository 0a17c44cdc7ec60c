from __future__ import annotations

import io

import pytest
from PIL import Image, PngImagePlugin

from harvest.images.fingerprint import fingerprint
from harvest.images.origin import Origin, parse_xmp

PREFIX = "http://cv.iptc.org/newscodes/digitalsourcetype/"
MADE = "trainedAlgorithmicMedia"
DENIED = "DMI-PROHIBITED-AIMLTRAINING"


def packet(inner: str = "", attributes: str = "") -> bytes:
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" {attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


ELEMENTS = packet(
    f"<Iptc4xmpExt:DigitalSourceType>{PREFIX}{MADE}</Iptc4xmpExt:DigitalSourceType>"
    f"<plus:DataMining>http://ns.useplus.org/ldf/vocab/{DENIED}</plus:DataMining>"
)
ATTRIBUTES = packet(attributes=f'Iptc4xmpExt:DigitalSourceType="{PREFIX}{MADE}" plus:DataMining="{DENIED}"')
RESOURCE = packet(
    f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{PREFIX}{MADE}"/>'
    f"<plus:DataMining><rdf:Bag><rdf:li>{DENIED}</rdf:li></rdf:Bag></plus:DataMining>"
)


@pytest.mark.parametrize("xmp", [ELEMENTS, ATTRIBUTES, RESOURCE, ELEMENTS.decode().encode("utf-16")], ids=range(4))
def test_both_statements_are_read_however_they_are_written(xmp):
    assert parse_xmp(xmp) == Origin(digital_source_type=MADE, data_mining=DENIED)


@pytest.mark.parametrize(
    "xmp",
    [
        packet(),
        b"DigitalSourceType but no XML",
        ELEMENTS[:-60],
        b'<!DOCTYPE x [<!ENTITY a "DigitalSourceType">]><x DataMining="1">&a;</x>',
    ],
)
def test_what_cannot_be_read_says_nothing(xmp):
    assert parse_xmp(xmp) == Origin()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF", "PNG", "AVIF"])
def test_every_container_brings_its_packet(kind):
    buffer = io.BytesIO()
    options: dict[str, object] = {"xmp": ELEMENTS}
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", ELEMENTS.decode(), zip=True)
        options = {"pnginfo": info}
    if kind == "TIFF":
        options = {"tiffinfo": {700: ELEMENTS}}
    Image.new("RGB", (40, 30), "teal").save(buffer, kind, **options)

    found = fingerprint(buffer.getvalue(), max_pixels=10_000)

    assert (found.digital_source_type, found.data_mining) == (MADE, DENIED)


def test_a_png_packet_behind_the_pixels_is_found():
    buffer = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", ELEMENTS.decode())
    Image.new("RGB", (40, 30), "teal").save(buffer, "PNG", pnginfo=info)
    body = buffer.getvalue()
    start = body.index(b"iTXt") - 4
    end = start + 12 + int.from_bytes(body[start : start + 4], "big")
    tail = body.rindex(b"IEND") - 4
    moved = body[:start] + body[end:tail] + body[start:end] + body[tail:]

    assert fingerprint(moved, max_pixels=10_000).digital_source_type == MADE
