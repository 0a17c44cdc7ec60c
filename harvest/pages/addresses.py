"""Addresses in pages: absolute ones, candidates of a srcset, and which of them are the same picture."""

from __future__ import annotations

import math
import re
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

__all__ = ["IMAGE_SUFFIXES", "Candidate", "absolute", "extent", "is_image", "keys", "parse_srcset"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif", ".bmp", ".jp2", ".jxl", ".heic")
# https://html.spec.whatwg.org/multipage/images.html#parsing-a-srcset-attribute
_CANDIDATE = re.compile(r"\s*,*\s*(\S*[^\s,])(?:\s+([\d.]+)([wx])[^,]*)?\s*(?:,|$)")
# How content systems name reduced copies: photo-300x200.jpg beside photo.jpg.
_REDUCED = re.compile(r"[-_]\d{2,5}x\d{2,5}(?=\.\w+$)|-scaled(?=\.\w+$)")


class Candidate(NamedTuple):
    """One address of a picture with its size and the size's unit, `w` for pixels or `x` for density."""

    address: str
    size: float
    unit: str


def parse_srcset(value: str) -> list[Candidate]:
    """The candidates of a srcset.

    >>> [tuple(each) for each in parse_srcset("a.jpg 320w, b,c.jpg 640w")]
    [('a.jpg', 320.0, 'w'), ('b,c.jpg', 640.0, 'w')]
    >>> [tuple(each) for each in parse_srcset("d.jpg")]
    [('d.jpg', 1.0, 'x')]
    """
    found = []
    for address, size, unit in _CANDIDATE.findall(value):
        try:
            found.append(Candidate(address, float(size or 1), unit or "x"))
        except ValueError:
            continue
    return found


def absolute(base: str, href: str | None) -> str | None:
    """The http or https address that `href` is on a page at `base`, without its fragment; None when it is none."""
    if not href or not href.strip():
        return None
    try:
        url = urljoin(base, href.strip())
    except ValueError:
        return None
    return url.partition("#")[0] if url.startswith(("http://", "https://")) else None


def is_image(href: str) -> bool:
    """Whether an address ends as an image file does."""
    try:
        return urlsplit(href.strip()).path.lower().endswith(IMAGE_SUFFIXES)
    except ValueError:
        return False


def extent(url: str) -> float:
    """How many pixels a copy has by its name, infinity when its name says nothing of a reduction.

    >>> extent("/p-300x200.jpg"), extent("/p.jpg")
    (60000.0, inf)
    """
    reduced = _REDUCED.search(urlsplit(url).path)
    sides = re.findall(r"\d+", reduced[0]) if reduced else []
    return float(int(sides[0]) * int(sides[1])) if sides else math.inf if reduced is None else 2560.0**2


def keys(url: str) -> tuple[str, str, str]:
    """What tells pictures apart, from the strictest on: host, path and query; host and path; these without a size.

    >>> keys("https://a.example/p-300x200.jpg?v=1")
    ('a.example/p-300x200.jpg?v=1', 'a.example/p-300x200.jpg', 'a.example/p.jpg')
    """
    parts = urlsplit(url)
    place = f"{(parts.hostname or '').removeprefix('www.')}{unquote(parts.path)}"
    return (f"{place}?{parts.query}" if parts.query else place, place, _REDUCED.sub("", place))
