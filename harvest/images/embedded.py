"""All that a file says of its maker, its terms, where it was taken and what generated it, in one reading.

Containers: EXIF 3.0 (CIPA DC-008), IPTC IIM 4.2, XMP, PNG text chunks, Photoshop resources, C2PA manifests.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from PIL import Image

from harvest.errors import Broken
from harvest.images.credentials import read_credentials
from harvest.images.decode import opened
from harvest.images.origin import read_origin
from harvest.images.rights import EmbeddedRights, rights_in
from harvest.images.xmp import packet_of, parse_packet, properties

__all__ = ["EMBEDDED_VERSION", "Embedded", "read_embedded"]

EMBEDDED_VERSION = "1"  # raised when the same bytes are read otherwise

_LONGEST = 1000  # characters kept of one statement
_MAX_PIXELS = 200_000_000
_MAX_GRAPH = 4 * 1024 * 1024  # characters
_LATE_TEXT = (b"tEXt", b"iTXt", b"zTXt", b"eXIf")  # PNG chunks that Pillow sees behind the pixels only after them
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_SOFTWARE, _MAKE, _MODEL, _DESCRIPTION, _USER_COMMENT = 0x0131, 0x010F, 0x0110, 0x010E, 0x9286
# What AUTOMATIC1111's interface and its relatives write: a prompt, then a line of settings.
_SETTINGS = re.compile(r"\bSteps: ?\d+,.{0,400}?\b(?:Sampler|Seed|CFG scale|Model):? ?", re.DOTALL)
_MIDJOURNEY = re.compile(r"\bJob ID: ?[0-9a-f]{8}-[0-9a-f-]{27}")
# Programs that generate pictures, as they call themselves where a program's or a maker's name stands.
_GENERATORS = re.compile(
    r"""\b(?: stable[ -]?diffusion | automatic1111 | comfyui | invoke[ ]?ai | novelai | midjourney | dall[·\-. ]?e\b
          | openai | gpt-image | (?:adobe[ ])?firefly | made[ ]with[ ]google[ ]ai
          | (?:bing[ ])?image[ ]creator | ideogram | leonardo\.ai | fooocus | draw[ ]things | diffusionbee | dreamstudio
          | nightcafe | swarmui | easy[ ]diffusion | playground[ ]ai | craiyon | starryai | flux\.1 | recraft )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_INVOKE = ("invokeai_metadata", "invokeai_graph", "sd-metadata", "dream", "Dream")
_XMP_POSITION = re.compile(r"(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?\s*([NSEW])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Statements found in a file, to the letter but for runs of spaces; at most 1,000 characters each.

    `license` and `license_url` are what stands where terms belong; `latitude` and `longitude` are degrees in WGS 84;
    `generator` is the program that says it made the picture, and `generator_where` the field that says so.
    """

    copyright: str | None = None
    creator: str | None = None
    license: str | None = None
    license_url: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    country: str | None = None
    generator: str | None = None
    generator_where: str | None = None
    digital_source_type: str | None = None


def read_embedded(body: bytes) -> Embedded:
    """What an image file's bytes say. Bytes that are no image, and statements that cannot be read, say nothing."""
    rights, position, kind = EmbeddedRights(), None, ""
    country = made_by = source_type = None
    with suppress(Broken), opened(body, max_pixels=_MAX_PIXELS) as image:
        kind = image.format or ""
        if kind == "PNG" and any(mark in body[body.rfind(b"IDAT") :] for mark in _LATE_TEXT):
            image.load()
        # One broken statement must not hide the others.
        said = _xmp(image)
        with suppress(Exception):
            rights = rights_in(image)
        with suppress(Exception):
            position = _position(image, said)
        with suppress(Exception):
            made_by = _generator(image, said, rights)
        with suppress(Exception):
            source_type = read_origin(image).digital_source_type
        country = rights.country or said.get("CountryName") or said.get("CountryCode")
    if not kind:
        return Embedded()
    signed = read_credentials(body, kind)
    if made_by is None and signed.generator and "trained" in (signed.digital_source_type or "").lower():
        made_by = (signed.generator, "c2pa")
    generator, where = made_by or (None, None)
    return Embedded(
        copyright=_line(rights.copyright),
        creator=_line(rights.creator),
        license=_line(rights.license),
        license_url=_line(rights.license_url),
        latitude=position[0] if position else None,
        longitude=position[1] if position else None,
        country=_line(country),
        generator=_line(generator),
        generator_where=where,
        digital_source_type=_line(source_type or signed.digital_source_type),
    )


def _line(text: str | None) -> str | None:
    return " ".join(text.replace("\0", " ").split())[:_LONGEST] or None if text else None


def _xmp(image: Image.Image) -> dict[str, str]:
    """By name, the first value of every property in the packet."""
    packet = packet_of(image.info)
    root = parse_packet(packet) if packet else None
    said: dict[str, str] = {}
    for name, value in properties(root) if root is not None else ():
        if value.strip():
            said.setdefault(name, value.strip())
    return said


def _position(image: Image.Image, said: Mapping[str, str]) -> tuple[float, float] | None:
    """Degrees north and east; None without a position, also where a camera without a fix wrote zeros."""
    gps: Mapping[int, Any] = {}
    with suppress(Exception):
        gps = image.getexif().get_ifd(_GPS_IFD)
    found = (_degrees(gps.get(2), gps.get(1)), _degrees(gps.get(4), gps.get(3)))
    if None in found:
        found = (_xmp_degrees(said.get("GPSLatitude")), _xmp_degrees(said.get("GPSLongitude")))
    north, east = found
    if north is None or east is None or abs(north) > 90 or abs(east) > 180 or (north == 0 and east == 0):
        return None
    return north, east


def _degrees(value: Any, hemisphere: Any) -> float | None:
    """EXIF: degrees, minutes and seconds as rationals, and a letter."""
    if not isinstance(value, tuple) or not value:
        return None
    try:
        parts = [float(part) for part in value[:3]]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    total = math.fsum(part / 60**power for power, part in enumerate(parts))
    letter = hemisphere.decode("latin-1") if isinstance(hemisphere, bytes) else str(hemisphere or "")
    return (-total if letter[:1].upper() in {"S", "W"} else total) if math.isfinite(total) else None


def _xmp_degrees(text: str | None) -> float | None:
    """XMP: "48,51.507N" or "48,51,30N"; also plain degrees with a sign, as some writers have it."""
    if not text or len(text) > 40:
        return None
    if match := _XMP_POSITION.fullmatch(text.strip()):
        total = math.fsum(float(part) / 60**power for power, part in enumerate(match.groups()[:3]) if part)
        return -total if match[4] in {"S", "W"} else total
    try:
        plain = float(text)
    except ValueError:
        return None
    return plain if math.isfinite(plain) else None


def _generator(image: Image.Image, said: Mapping[str, str], rights: EmbeddedRights) -> tuple[str, str] | None:
    """(program, field) of the first statement that a generator made the picture."""
    for find in (_from_png, _from_exif):
        if found := next(find(image), None):
            return found
    named = [("xmp:CreatorTool", said.get("CreatorTool")), ("xmp:Software", said.get("Software"))]
    named += [("iptc:Credit", rights.credit), ("xmp:description", said.get("description"))]
    named += [("comment", _decoded(image.info.get("comment")))]
    for where, text in named:
        if program := _program(text, is_prose=where in {"comment", "xmp:description"}):
            return program, where
    return None


def _from_png(image: Image.Image) -> Iterator[tuple[str, str]]:
    text = {key: value for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}
    for key in _INVOKE:
        if key in text:
            yield "InvokeAI", f"png:{key}"
    for key in ("prompt", "workflow"):
        if _is_graph(text.get(key)):
            yield "ComfyUI", f"png:{key}"
    for key in ("parameters", "Description", "Comment"):
        if program := _program(text.get(key), is_prose=True):
            yield program, f"png:{key}"
    for key in ("Software", "Source"):
        if program := _program(text.get(key), is_prose=False):
            yield program, f"png:{key}"


def _from_exif(image: Image.Image) -> Iterator[tuple[str, str]]:
    exif = image.getexif()
    for tag, name in ((_MAKE, "Make"), (_MODEL, "Model")):
        # ComfyUI hides its graph where a camera has its name: WebP has no text chunks.
        label, _, graph = str(exif.get(tag) or "").partition(":")
        if label in {"workflow", "prompt"} and _is_graph(graph):
            yield "ComfyUI", f"exif:{name}"
    for tag, name, is_prose in ((_SOFTWARE, "Software", False), (_DESCRIPTION, "ImageDescription", True)):
        if program := _program(_decoded(exif.get(tag)), is_prose=is_prose):
            yield program, f"exif:{name}"
    comment = exif.get_ifd(_EXIF_IFD).get(_USER_COMMENT)
    if program := _program(_decoded(comment), is_prose=True):
        yield program, "exif:UserComment"


def _program(text: str | None, *, is_prose: bool) -> str | None:
    """The generator that `text` tells of; prose has to hold settings, for people also write about generators."""
    if not text:
        return None
    text = text[:100_000]
    if not is_prose:
        return " ".join(text.split())[:100] if _GENERATORS.search(text) else None
    if _SETTINGS.search(text):
        model = re.search(r"\bModel: ?([^,\n]{1,80})", text)
        return "Stable Diffusion" + (f" ({model[1].strip()})" if model else "")
    return "Midjourney" if _MIDJOURNEY.search(text) else None


def _is_graph(text: str | None) -> bool:
    """Whether this is a ComfyUI graph: JSON with nodes that have classes, or a workflow's list of nodes."""
    if not text or len(text) > _MAX_GRAPH:
        return False
    try:
        graph = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(graph, dict):
        return False
    nodes = [node for node in graph.values() if isinstance(node, dict)]
    return isinstance(graph.get("nodes"), list) or any("class_type" in node for node in nodes)


def _decoded(value: Any) -> str | None:
    """EXIF text with its eight bytes that name a character code, or plain bytes, as text."""
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        return None
    code, rest = value[:8], value[8:]
    if code == b"UNICODE\0":
        is_big = rest[:1] == b"\0" or rest.startswith(b"\xfe\xff")
        return rest.decode("utf-16-be" if is_big else "utf-16-le", "replace")
    return (rest if code == b"ASCII\0\0\0" else value).decode("utf-8", "replace")
