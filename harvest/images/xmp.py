"""XMP packets as XML: found in an opened image, parsed as the hostile input that they are.

https://developer.adobe.com/xmp/docs/XMPSpecifications/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

__all__ = ["RDF", "packet_of", "parse_packet", "properties"]

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_RESOURCE = f"{RDF}resource"
_LONGEST = 8 * 1024 * 1024  # bytes; what is longer carries pictures, not statements


def packet_of(info: Mapping[Any, Any]) -> bytes | None:
    """The packet among what Pillow notes of an image (JPEG, PNG, WebP, TIFF, GIF, AVIF), None without one."""
    found = info.get("xmp") or info.get("XML:com.adobe.xmp") or info.get("Raw profile type xmp")
    found = found[0] if isinstance(found, tuple) else found
    return found.encode() if isinstance(found, str) else found or None


def parse_packet(packet: bytes | str) -> Any:
    """The root element of a packet; None where it is no XML, declares entities, or is longer than 8 MiB."""
    raw = packet.encode() if isinstance(packet, str) else packet
    if len(raw) > _LONGEST:
        return None
    is_wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return defusedxml.ElementTree.fromstring(raw.decode("utf-16") if is_wide else raw.strip(b"\0 \r\n\t"))
    except (defusedxml.ElementTree.ParseError, DefusedXmlException, ValueError, LookupError):
        return None


def properties(root: Any) -> Iterator[tuple[str, str]]:
    """(name without its namespace, value) of every property anywhere in a packet, elements and attributes alike.

    The prefix decides nothing: writers bind one property to old and new namespaces.
    """
    for element in root.iter():
        yield str(element.tag).rsplit("}", 1)[-1], _text(element)
        for name, value in element.attrib.items():
            yield name.rsplit("}", 1)[-1], value


def _text(element: Any) -> str:
    """The value of a property element: its text, its rdf:resource, or the first entry of a list in it."""
    for node in element.iter():
        value: str = node.attrib.get(_RESOURCE) or (node.text or "")
        if value.strip():
            return value
    return ""
