"""What a picture's file says about its maker and terms: XMP, then IPTC, then EXIF, then PNG text.

https://www.iptc.org/std/photometadata/specification/IPTC-PhotoMetadata and, for `cc:license`,
https://wiki.creativecommons.org/wiki/XMP
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import IO, Any

from PIL import Image, ImageFile, IptcImagePlugin

from harvest.images.decode import formats_of
from harvest.images.xmp import RDF, packet_of, parse_packet

__all__ = ["EmbeddedRights", "read_rights", "rights_in", "rights_of_xmp"]

_HEAD = 64  # bytes that tell a format
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
# The last part of a property's name says enough, since writers bind these to old and new namespaces.
_XMP = {
    "creator": ("creator",),
    "license": ("license", "UsageTerms"),
    "license_url": ("license", "WebStatement"),
    "copyright": ("rights",),
    "title": ("title", "Headline"),
    "description": ("description",),
    "credit": ("Credit",),
    "country": ("CountryName", "Country", "CountryCode"),
}
_IPTC = {
    "creator": (2, 80),
    "copyright": (2, 116),
    "credit": (2, 110),
    "title": (2, 5),
    "description": (2, 120),
    "country": (2, 101),
}
_EXIF = {"creator": 0x013B, "copyright": 0x8298, "description": 0x010E}
_EXIF_IFD, _TAKEN, _TAKEN_OFFSET = 0x8769, 0x9003, 0x9011
_TERMS_ADDRESS = 0x040B  # https://www.adobe.com/devnet-apps/photoshop/fileformatashtml/ : image resource 1035
_TEXT = {"creator": "Author", "copyright": "Copyright", "title": "Title", "description": "Description"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedRights:
    """Statements in a file's metadata, to the letter. `license` is a name, an address or terms of use in words;
    `license_url` an address alone; `taken_at` ISO 8601, with a zone where the camera noted one; `country` the name or
    code of what is shown.
    """

    creator: str | None = None
    license: str | None = None
    license_url: str | None = None
    copyright: str | None = None
    credit: str | None = None
    title: str | None = None
    description: str | None = None
    taken_at: str | None = None
    country: str | None = None


def read_rights(file: IO[bytes]) -> EmbeddedRights:
    """What an image file says, from its head alone; a file that is no image, or cannot be read, says nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            formats = formats_of(file.read(_HEAD))
            if "JXL" in formats:  # its plugin decodes what it opens
                return EmbeddedRights()
            file.seek(0)
            with Image.open(file, formats=formats) as image:
                return rights_in(image)
        except Exception:  # metadata are hostile input, and pixels are good whatever they say
            return EmbeddedRights()


def rights_of_xmp(packet: bytes | str) -> dict[str, str]:
    """The fields of EmbeddedRights that an XMP packet fills; XML that does not parse, or declares entities, none."""
    root = parse_packet(packet)
    if root is None:
        return {}
    said: dict[str, str] = {}
    for description in root.iter(f"{RDF}Description"):
        for name, value in description.attrib.items():
            said.setdefault(name.rpartition("}")[2], value.strip())
        for element in description:
            said.setdefault(str(element.tag).rpartition("}")[2], _value(element))
    found = {name: next((said[key] for key in keys if said.get(key)), "") for name, keys in _XMP.items()}
    if not found["license_url"].startswith(("http://", "https://")):
        found["license_url"] = ""
    return {name: value for name, value in found.items() if value}


def rights_in(image: Image.Image) -> EmbeddedRights:
    """What an opened image says. Hostile metadata may make it raise anything."""
    said: dict[str, str] = {}
    packet = packet_of(image.info)
    sources = (
        rights_of_xmp(packet) if packet else {},
        _iptc(image),
        _exif(image),
        _photoshop(image),
        {name: str(image.info[key]) for name, key in _TEXT.items() if isinstance(image.info.get(key), str)},
    )
    for source in sources:
        for name, value in source.items():
            said.setdefault(name, " ".join(value.split()))
    known = {field.name for field in fields(EmbeddedRights)}
    return EmbeddedRights(**{name: value for name, value in said.items() if value and name in known})


def _value(element: Any) -> str:
    """A property's text, its rdf:resource, the entries of its list, or of its languages the default one."""
    if resource := element.attrib.get(f"{RDF}resource"):
        return str(resource).strip()
    entries = element.findall(f".//{RDF}li")
    if not entries:
        return (element.text or "").strip()
    chosen = [entry for entry in entries if entry.attrib.get(_LANGUAGE) == "x-default"]
    if not chosen and entries[0].attrib.get(_LANGUAGE):
        chosen = entries[:1]
    return ", ".join((entry.text or "").strip() for entry in chosen or entries if (entry.text or "").strip())


def _iptc(image: Image.Image) -> dict[str, str]:
    records: Mapping[tuple[int, int], Any] = {}
    if isinstance(image, ImageFile.ImageFile):
        records = IptcImagePlugin.getiptcinfo(image) or {}
    found = {}
    for name, key in _IPTC.items():
        value = records.get(key)
        values = value if isinstance(value, list) else [value] if value else []
        if values:
            found[name] = ", ".join(_text(each) for each in values)
    return found


def _exif(image: Image.Image) -> dict[str, str]:
    exif = image.getexif()
    found = {name: str(exif[tag]).strip("\0 ") for name, tag in _EXIF.items() if isinstance(exif.get(tag), str)}
    camera = exif.get_ifd(_EXIF_IFD)
    taken, offset = str(camera.get(_TAKEN, "")), str(camera.get(_TAKEN_OFFSET, ""))
    day, _, clock = taken.strip("\0 ").partition(" ")
    if len(day) == 10 and len(clock) == 8 and not day.startswith("0000"):
        zone = offset.strip("\0 ")
        found["taken_at"] = f"{day.replace(':', '-')}T{clock}" + (zone if len(zone) == 6 else "")
    return found


def _photoshop(image: Image.Image) -> dict[str, str]:
    """The address of the terms that Photoshop keeps beside IPTC's records."""
    resources = image.info.get("photoshop")
    address = resources.get(_TERMS_ADDRESS) if isinstance(resources, dict) else None
    if isinstance(address, bytes) and address.startswith((b"http://", b"https://")):
        return {"license_url": _text(address).strip("\0 ")}
    return {}


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
