"""Files that are not what they seem, and statements that travel inside a file."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Final

__all__ = ["BOMB_SIDE", "HARMS", "WITHOUT_PIXELS", "XMP"]

#: Side in pixels of the pictures that the bombs declare: 900 million pixels in about 110 kB.
BOMB_SIDE: Final = 30_000


def _truncated(body: bytes, seed: int) -> bytes:
    """The first 30 to 79 % of a file, as a broken transfer leaves it."""
    return body[: len(body) * (30 + seed % 50) // 100]


def _corrupt(body: bytes, seed: int) -> bytes:
    """A file whose head is sound and whose tables or checksums are not, so that no decoder gets through it.

    In a JPEG the Huffman tables are overwritten, in a PNG or WebP the beginning of the compressed data.
    """
    noise = bytes((seed * 31 + step * 97 + (step * step) % 251) % 256 for step in range(256))
    if body.startswith(b"\xff\xd8"):
        tables = body.index(b"\xff\xc4")
        return body[: tables + 4] + noise + body[tables + 4 + len(noise) :]
    start = body.index(b"IDAT") + 4 if body.startswith(b"\x89PNG") else 24
    return body[:start] + noise + body[start + len(noise) :]


def _bomb(seed: int) -> bytes:
    """A sound 1-bit PNG of BOMB_SIDE squared pixels, all of them white."""
    row = b"\x00" + b"\xff" * (BOMB_SIDE // 8)
    packer = zlib.compressobj(9)
    strip = row * 250
    data = b"".join([packer.compress(strip) for _ in range(BOMB_SIDE // 250)]) + packer.flush()
    header = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"tEXt", b"Comment\x00plate %d" % seed), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def _page(seed: int) -> bytes:
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><title>Not found</title></head><body><h1>This plate has moved</h1>"
        f"<p>Plate {seed} is being photographed anew. Please ask at the reading room.</p></body></html>\n"
    ).encode()


#: Harms done to a sound file: bytes and a seed in, bytes out.
HARMS: Final[dict[str, Callable[[bytes, int], bytes]]] = {"truncated": _truncated, "corrupt": _corrupt}
#: Harms that need no drawing: a seed in, bytes out.
WITHOUT_PIXELS: Final[dict[str | None, Callable[[int], bytes]]] = {"bomb": _bomb, "html_as_jpg": _page}


def _packet(namespace: str, uri: str, name: str, term: str) -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:{namespace}="{uri}"><{namespace}:{name}>{term}</{namespace}:{name}>'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


#: XMP packets, as IPTC Photo Metadata 2023.1 (Digital Source Type, Data Mining) writes them.
XMP: Final = {
    "synthetic": _packet(
        "Iptc4xmpExt",
        "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
        "DigitalSourceType",
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
    ),
    "data_mining": _packet(
        "plus",
        "http://ns.useplus.org/ldf/xmp/1.0/",
        "DataMining",
        "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING",
    ),
}
