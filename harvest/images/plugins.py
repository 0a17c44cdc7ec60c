"""Formats that Pillow reads by packages of their own, which are looked for when such a file comes: HEIC and JPEG XL."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from harvest.errors import Broken

__all__ = ["Plugin", "plugin_for"]

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_JXL_CODESTREAM, _JXL_CONTAINER = b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n"
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A format, the package that reads it, and how that is made known to Pillow."""

    format: str
    called: str
    package: str
    module: str
    starts: Callable[[bytes], bool]
    size: Callable[[bytes], tuple[int, int] | None] = lambda body: None  # noqa: ARG005

    def register(self) -> None:
        """Make Pillow know the format. Raises Broken, kind `no_decoder`, without the package."""
        if not _registered(self.module):
            raise Broken(
                "no_decoder", f"{self.called} is read by {self.package}: pip install 'herbarium-harvester[formats]'"
            )


def plugin_for(head: bytes) -> Plugin | None:
    """The plugin of the format as which bytes begin; None for what Pillow reads by itself, or nobody does."""
    return next((plugin for plugin in _PLUGINS if plugin.starts(head)), None)


@lru_cache
def _registered(module: str) -> bool:
    try:
        plugin = importlib.import_module(module)
    except ImportError:
        return False
    if hasattr(plugin, "register_heif_opener"):
        plugin.register_heif_opener(thumbnails=False)
    return True


def _is_heif(head: bytes) -> bool:
    """By the major brand and, where that is a general one, those that the file is compatible with (ISO 23008-12)."""
    if head[4:8] != b"ftyp":
        return False
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(len(head), int.from_bytes(head[:4], "big")), 4))}
    return bool(brands & _HEIF_BRANDS) and not brands & {b"avif", b"avis"}


def _jxl_size(body: bytes) -> tuple[int, int] | None:
    """Width and height as a JPEG XL codestream begins with them (ISO/IEC 18181-1, SizeHeader); None if they are not
    found. The plugin decodes what it opens, so that bombs have to be known before.
    """
    start = 0 if body.startswith(_JXL_CODESTREAM) else _codestream(body)
    if start is None:
        return None
    bits = _Bits(body[start + 2 : start + 18])
    is_small = bits.take(1)
    height = (bits.take(5) + 1) * 8 if is_small else bits.one_of(9, 13, 18, 30) + 1
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio]
        return height * across // down, height
    return (bits.take(5) + 1) * 8 if is_small else bits.one_of(9, 13, 18, 30) + 1, height


def _codestream(body: bytes) -> int | None:
    """Where the codestream begins in a container of boxes (ISO/IEC 18181-2): in `jxlc`, or in the first `jxlp`."""
    at = 0
    while at + 8 <= len(body):
        length, kind, head = int.from_bytes(body[at : at + 4], "big"), body[at + 4 : at + 8], 8
        if length == 1:
            length, head = int.from_bytes(body[at + 8 : at + 16], "big"), 16
        if kind in {b"jxlc", b"jxlp"}:
            return at + head + (4 if kind == b"jxlp" else 0)
        if length < head:
            return None
        at += length
    return None


class _Bits:
    """Bits of bytes, the lowest of each byte first."""

    def __init__(self, body: bytes) -> None:
        self._rest = int.from_bytes(body, "little")

    def take(self, count: int) -> int:
        """The next `count` bits as a number."""
        found = self._rest & ((1 << count) - 1)
        self._rest >>= count
        return found

    def one_of(self, *widths: int) -> int:
        """A number whose width is chosen by the two bits before it."""
        return self.take(widths[self.take(2)])


_PLUGINS = (
    Plugin(format="HEIF", called="HEIC", package="pillow-heif", module="pillow_heif", starts=_is_heif),
    Plugin(
        format="JXL",
        called="JPEG XL",
        package="pillow-jxl-plugin",
        module="pillow_jxl",
        starts=lambda head: head.startswith((_JXL_CODESTREAM, _JXL_CONTAINER)),
        size=_jxl_size,
    ),
)
