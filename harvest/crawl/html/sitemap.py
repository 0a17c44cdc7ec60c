"""Sitemaps with their images: https://www.sitemaps.org/protocol.html and

https://developers.google.com/search/docs/crawling-indexing/sitemaps/image-sitemaps
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException
from scrapy.utils.gz import gunzip

from harvest.errors import SourceChanged
from harvest.items import ImageItem
from harvest.pages.words import terms_of

__all__ = ["Entry", "Nested", "named_in_robots", "read_sitemap"]


@dataclass(frozen=True, slots=True)
class Nested:
    """Another sitemap, that an index lists."""

    url: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One page, and the images that the sitemap says it shows."""

    page: str
    images: tuple[ImageItem, ...]


def read_sitemap(body: bytes, url: str, max_bytes: int) -> Iterator[Nested | Entry]:
    """What a sitemap lists: XML or lines of text, gzipped or not. Raises SourceChanged when it is neither."""
    if body.startswith(b"\x1f\x8b"):
        try:
            body = gunzip(body, max_size=max_bytes)
        except Exception as error:
            raise SourceChanged(f"{url} cannot be unpacked: {error}") from None
    if not body.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        lines = (line.strip() for line in body.decode("utf-8", "replace").splitlines())
        yield from (Entry(line, ()) for line in lines if line.startswith(("http://", "https://")))
        return
    try:
        for _, element in defusedxml.ElementTree.iterparse(io.BytesIO(body.lstrip()), forbid_dtd=False):
            kind = _name(element)
            location = _said(element, "loc")
            if kind == "sitemap" and location:
                yield Nested(urljoin(url, location))
            elif kind == "url" and location:
                page = urljoin(url, location)
                images = [_image(child, page) for child in element if _name(child) == "image"]
                yield Entry(page, tuple(image for image in images if image is not None))
            if kind in {"sitemap", "url"}:
                element.clear()
    except (defusedxml.ElementTree.ParseError, DefusedXmlException) as error:
        raise SourceChanged(f"{url} is no sitemap: {error}") from None


def named_in_robots(text: str, url: str) -> list[str]:
    """The sitemaps that a robots.txt at `url` names.

    >>> named_in_robots("User-agent: *\\nSITEMAP: /map.xml # all", "https://a.example/robots.txt")
    ['https://a.example/map.xml']
    """
    lines = (line.partition(" #")[0].partition(":") for line in text.splitlines())
    named = (value.strip() for key, _, value in lines if key.strip().lower() == "sitemap" and value.strip())
    return list(dict.fromkeys(urljoin(url, value) for value in named))


def _image(element: Any, page: str) -> ImageItem | None:
    location = _said(element, "loc")
    url = urljoin(page, location) if location else ""
    if not url.startswith(("http://", "https://")):
        return None
    said = _said(element, "license")
    rights = terms_of(said, page) if said else None
    place = _said(element, "geo_location")
    return ImageItem(
        source_id=url,
        image_url=url,
        page_url=page,
        title=_said(element, "title"),
        description=_said(element, "caption"),
        license=rights.id if rights else None,
        license_url=rights.url if rights else None,
        license_raw=rights.raw if rights else None,
        raw={"geo_location": place} if place else {},
    )


def _said(element: Any, name: str) -> str | None:
    for child in element:
        if _name(child) == name:
            return " ".join((child.text or "").split()) or None
    return None


def _name(element: Any) -> str:
    """An element's name without its namespace, which sites write in several ways."""
    return str(element.tag).rpartition("}")[2]
