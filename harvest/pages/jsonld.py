"""What a page says of its pictures in JSON-LD: https://schema.org/ImageObject

and https://developers.google.com/search/docs/appearance/structured-data/image-license-metadata
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from parsel import Selector

from harvest.pages.addresses import absolute, is_image, keys
from harvest.pages.words import Rights, iso, terms_of

__all__ = ["Stated", "Statements"]

_IMAGES = frozenset({"ImageObject", "ImageObjectSnapshot", "Photograph", "Barcode"})
# What is said of these holds for the picture of them; what is said of an article or a page does not.
_WORKS = frozenset(
    ("VisualArtwork", "Painting", "Drawing", "Photograph", "Sculpture", "Poster", "CoverArt", "Map", "CreativeWork")
)
_PICTURES = ("image", "photo", "associatedMedia", "primaryImageOfPage", "encoding", "workExample", "mainEntity")
# Pictures of people, firms and programs around the picture.
_AROUND = frozenset(
    ("logo", "publisher", "provider", "author", "creator", "copyrightHolder", "isPartOf", "potentialAction", "sponsor")
)
_RAW = ("acquireLicensePage", "creditText", "copyrightNotice", "copyrightYear")
_DEEPEST = 40
_COMMENT = re.compile(r"^\s*(?:<!--|//\s*<!\[CDATA\[)|(?:-->|//\s*\]\]>)\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """One picture as JSON-LD states it; `aliases` are addresses of smaller copies of it, and of itself otherwise."""

    url: str
    aliases: tuple[str, ...] = ()
    title: str | None = None
    description: str | None = None
    creator: str | None = None
    creator_url: str | None = None
    rights: Rights | None = None
    published_at: str | None = None
    raw: Mapping[str, str] = field(default_factory=dict)


class Statements:
    """All pictures that a page's JSON-LD states, found by any of their addresses."""

    def __init__(self, page: Selector, base: str) -> None:
        self._base = base
        roots = list(_roots(page))
        self._nodes = {node["@id"]: node for root in roots for node in _all(root) if "@id" in node and len(node) > 1}
        found = [stated for root in roots for stated in self._walk(root, {}, 0)]
        self.all: list[Stated] = list({stated.url: stated for stated in sorted(found, key=_weight)}.values())
        self._index: list[dict[str, list[Stated]]] = [{}, {}, {}]
        for stated in self.all:
            for url in dict.fromkeys((stated.url, *stated.aliases)):
                for level, key in enumerate(keys(url)):
                    self._index[level].setdefault(key, []).append(stated)

    def of(self, urls: list[str]) -> Stated | None:
        """What is stated of a picture with these addresses; None too where it could be one of several."""
        for level in range(3):
            for url in urls:
                found = list({stated.url: stated for stated in self._index[level].get(keys(url)[level], [])}.values())
                if len(found) == 1:
                    return found[0]
        return None

    def _walk(self, value: Any, work: Mapping[str, Any], depth: int) -> Iterator[Stated]:
        if depth > _DEEPEST:
            return
        if isinstance(value, list):
            for each in value:
                yield from self._walk(each, work, depth + 1)
            return
        if not isinstance(value, dict):
            return
        kinds = _kinds(value)
        if kinds & _IMAGES or ("contentUrl" in value and not kinds & {"VideoObject", "AudioObject"}):
            yield from self._image(value, work)
        own = value if kinds & _WORKS else {}
        for name, inner in value.items():
            if name in _PICTURES:
                yield from self._pictures(inner, own, depth)
            elif name not in _AROUND:
                yield from self._walk(inner, {}, depth + 1)

    def _pictures(self, value: Any, work: Mapping[str, Any], depth: int) -> Iterator[Stated]:
        for each in value if isinstance(value, list) else [value]:
            node = self._resolved(each)
            if isinstance(node, str):
                yield from self._image({"contentUrl": node}, work)
            elif isinstance(node, dict) and not _kinds(node) and "contentUrl" not in node and "url" in node:
                yield from self._image(node, work)
            else:
                yield from self._walk(node, work, depth + 1)

    def _image(self, node: Mapping[str, Any], work: Mapping[str, Any]) -> Iterator[Stated]:
        addresses = [url for name in ("contentUrl", "url", "@id") for url in self._urls(node.get(name))]
        files = [url for url in addresses if is_image(url)]
        url = next(iter(self._urls(node.get("contentUrl"))), None) or next(iter(files), None)
        if url is None and "ImageObject" in _kinds(node):
            url = next(iter(addresses), None)
        if url is None:
            return
        said = {**{name: value for name, value in work.items() if name in _INHERITED}, **node}
        maker = self._resolved(said.get("creator", said.get("author")))
        raw = {name: text for name in _RAW if (text := _text(self._resolved(said.get(name))))}
        holder = self._names(said.get("copyrightHolder"))
        yield Stated(
            url=url,
            aliases=tuple({*files, *self._urls(node.get("thumbnailUrl"))} - {url}),
            title=_text(said.get("name")) or _text(said.get("headline")),
            description=_text(said.get("description")) or _text(said.get("caption")),
            creator=self._names(maker),
            creator_url=next(iter(self._urls(maker)), None) if isinstance(maker, dict) else None,
            rights=self._rights(said.get("license", said.get("usageInfo"))),
            published_at=iso(said.get("datePublished")) or iso(said.get("uploadDate")),
            raw={**raw, **({"copyrightHolder": holder} if holder else {})},
        )

    def _rights(self, value: Any) -> Rights | None:
        node = self._resolved(value[0] if isinstance(value, list) and value else value)
        if isinstance(node, dict):
            name, url = _text(node.get("name")), next(iter(self._urls(node)), None)
            return terms_of(url, self._base)._replace(raw=name or url) if url else self._rights(name)
        return terms_of(node.strip(), self._base) if isinstance(node, str) and node.strip() else None

    def _names(self, value: Any) -> str | None:
        nodes = [self._resolved(each) for each in (value if isinstance(value, list) else [value])]
        names = [_text(node.get("name")) if isinstance(node, dict) else _text(node) for node in nodes]
        return ", ".join(name for name in names if name) or None

    def _urls(self, value: Any) -> list[str]:
        """The addresses that a value is, or that a node has."""
        if isinstance(value, list):
            return [url for each in value for url in self._urls(each)]
        if isinstance(value, dict):
            return [url for name in ("url", "contentUrl", "@id", "sameAs") for url in self._urls(value.get(name))]
        url = absolute(self._base, value) if isinstance(value, str) else None
        return [url] if url else []

    def _resolved(self, value: Any) -> Any:
        """The node that a mere reference means."""
        if isinstance(value, dict) and set(value) == {"@id"}:
            return self._nodes.get(value["@id"], value)
        return value


_INHERITED = ("name", "creator", "author", "license", "datePublished", *_RAW, "copyrightHolder")


def _weight(stated: Stated) -> int:
    """How much is said: of two statements about one picture the fuller one stays."""
    return sum(bool(value) for value in (stated.title, stated.creator, stated.rights, stated.published_at, stated.raw))


def _roots(page: Selector) -> Iterator[Any]:
    for script in page.xpath("//script[contains(@type, 'ld+json')]/text()").getall():
        try:
            yield json.loads(_COMMENT.sub("", script), strict=False)
        except (ValueError, RecursionError):
            continue  # other programs read it no better


def _all(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and depth < _DEEPEST:
        yield value
        for inner in value.values():
            yield from _all(inner, depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        for inner in value:
            yield from _all(inner, depth + 1)


def _kinds(node: Mapping[str, Any]) -> set[str]:
    kinds = node.get("@type", [])
    return {str(kind).rpartition("/")[2].rpartition(":")[2] for kind in (kinds if isinstance(kinds, list) else [kinds])}


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("@value") or value.get("name") or value.get("@id")
    return " ".join(str(value).split()) or None if isinstance(value, str | int | float) else None
