"""What an image says about itself in XMP: how it was made, and whether machines may learn from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException
from PIL import Image

__all__ = ["Origin", "parse_xmp", "read_origin"]

_RESOURCE = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource"
_SOURCE_TYPE, _DATA_MINING = "DigitalSourceType", "DataMining"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Statements found in XMP, each the last part of its vocabulary term.

    `digital_source_type` is IPTC's (https://cv.iptc.org/newscodes/digitalsourcetype/), e.g. trainedAlgorithmicMedia;
    `data_mining` is PLUS's (https://ns.useplus.org/LDF/ldf-XMPSpecification#DataMining), e.g. DMI-PROHIBITED.
    """

    digital_source_type: str | None = None
    data_mining: str | None = None


def read_origin(image: Image.Image) -> Origin:
    """The Origin an opened image carries in its XMP packet (JPEG, PNG, WebP, TIFF, GIF, AVIF); empty when it has none.

    PNG may hold the packet behind the pixels: call it after the image was loaded.
    """
    info = image.info
    packet = info.get("xmp") or info.get("XML:com.adobe.xmp") or info.get("Raw profile type xmp")
    return parse_xmp(packet) if packet else Origin()


def parse_xmp(packet: bytes | str | tuple[bytes, ...]) -> Origin:
    """The Origin in an XMP packet. XML that does not parse, or that declares entities, says nothing."""
    raw = packet[0] if isinstance(packet, tuple) else packet
    raw = raw.encode() if isinstance(raw, str) else raw
    plain = raw.replace(b"\0", b"")  # UTF-16 and UTF-32 packets too
    if b"DigitalSourceType" not in plain and b"DataMining" not in plain:
        return Origin()
    try:
        wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
        root = defusedxml.ElementTree.fromstring(raw.decode("utf-16") if wide else raw.strip(b"\0 \r\n\t"))
    except (defusedxml.ElementTree.ParseError, DefusedXmlException, ValueError, LookupError):
        return Origin()
    found: dict[str, str] = {}
    for element in root.iter():
        _note(found, str(element.tag), _text(element))
        for name, value in element.attrib.items():
            _note(found, name, value)
    return Origin(digital_source_type=found.get(_SOURCE_TYPE), data_mining=found.get(_DATA_MINING))


def _text(element: Any) -> str:
    """The value of a property element: its text, its rdf:resource, or the first entry of a list in it."""
    for node in element.iter():
        value: str = node.attrib.get(_RESOURCE) or (node.text or "")
        if value.strip():
            return value
    return ""


def _note(found: dict[str, str], name: str, value: str) -> None:
    # The prefix decides nothing: writers bind these properties to old and new namespaces, and a refusal is a refusal.
    local = name.rsplit("}", 1)[-1]
    term = value.strip().rstrip("/").rsplit("/", 1)[-1]
    if local in (_SOURCE_TYPE, _DATA_MINING) and term:
        found.setdefault(local, term)
