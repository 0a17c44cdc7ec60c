"""What an image says about itself in XMP: how it was made, and whether machines may learn from it."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from harvest.images.xmp import packet_of, parse_packet, properties

__all__ = ["Origin", "parse_xmp", "read_origin"]

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
    """The Origin an opened image carries in its XMP packet; empty when it has none.

    PNG may hold the packet behind the pixels: call it after the image was loaded.
    """
    packet = packet_of(image.info)
    return parse_xmp(packet) if packet else Origin()


def parse_xmp(packet: bytes | str) -> Origin:
    """The Origin in an XMP packet. XML that does not parse, or that declares entities, says nothing."""
    raw = packet.encode() if isinstance(packet, str) else packet
    plain = raw.replace(b"\0", b"")  # UTF-16 and UTF-32 packets too
    if b"DigitalSourceType" not in plain and b"DataMining" not in plain:
        return Origin()
    root = parse_packet(raw)
    found: dict[str, str] = {}
    for name, value in properties(root) if root is not None else ():
        term = value.strip().rstrip("/").rsplit("/", 1)[-1]
        if name in {_SOURCE_TYPE, _DATA_MINING} and term:
            found.setdefault(name, term)
    return Origin(digital_source_type=found.get(_SOURCE_TYPE), data_mining=found.get(_DATA_MINING))
