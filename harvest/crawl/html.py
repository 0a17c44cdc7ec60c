"""Pictures in HTML: which address is the largest copy, and what stands beside it about title, maker and licence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from cssselect import SelectorError
from parsel import Selector
from scrapy.http import Response, TextResponse

from harvest.errors import SourceChanged
from harvest.licences import from_url, normalize

__all__ = [
    "DETAIL",
    "Rights",
    "Selectors",
    "cards",
    "date",
    "first_text",
    "image_url",
    "link_url",
    "next_url",
    "on_detail",
    "page_of",
    "page_rights",
    "parse_srcset",
    "problems",
    "rights",
    "words",
]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif", ".bmp", ".jp2", ".jxl")
# https://html.spec.whatwg.org/multipage/images.html#parsing-a-srcset-attribute
_CANDIDATE = re.compile(r"\s*,*\s*(\S*[^\s,])(?:\s+([\d.]+)([wx])[^,]*)?\s*(?:,|$)")
_LAZY = ("data-srcset", "data-lazy-srcset", "data-src", "data-original", "data-lazy-src", "data-full")
_FURNITURE = "not(ancestor::header or ancestor::nav or ancestor::footer or ancestor::noscript)"
_SCOPE = "ancestor::*[self::figure or self::li or self::article or @itemscope][1]"
_LICENSE = "contains(concat(' ', normalize-space(@rel), ' '), ' license ')"
_ISO = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?")
_TITLE = "[itemprop=name], [itemprop=headline], .title, h1, h2, h3, h4"
_DATE = "[itemprop=datePublished], time[datetime]"
_CREATOR = "[itemprop=creator], [itemprop=author], [rel~=author], .creator, .artist, .author"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selectors:
    """CSS selectors for what a page does not mark up in a common way; each one left out is found automatically.

    `card` encloses one picture and its words; the others but `next` are looked for inside it. `link` leads to the
    picture's own page, `next` to the following listing page. `::text` and `::attr(name)` may end a selector.
    """

    card: str | None = None
    image: str | None = None
    title: str | None = None
    description: str | None = None
    creator: str | None = None
    license: str | None = None
    date: str | None = None
    link: str | None = None
    next: str | None = None


class Rights(NamedTuple):
    """A licence as a page states it: our id for it, the address it links to, and its wording to the letter."""

    id: str | None
    url: str | None
    raw: str | None


DETAIL = Selectors(
    image="main img, article img, figure img",
    title="main h1, article h1, figure figcaption",
)


def parse_srcset(value: str) -> list[tuple[str, float, str]]:
    """The candidates of a srcset: address, size and its unit, `w` for pixels or `x` for density.

    >>> parse_srcset("a.jpg 320w, b,c.jpg 640w"), parse_srcset("d.jpg")
    ([('a.jpg', 320.0, 'w'), ('b,c.jpg', 640.0, 'w')], [('d.jpg', 1.0, 'x')])
    """
    found = []
    for address, size, unit in _CANDIDATE.findall(value):
        try:
            found.append((address, float(size or 1), unit or "x"))
        except ValueError:
            continue
    return found


def page_of(response: Response) -> Selector:
    """The page to select from, relative addresses of it resolved by its base. Raises SourceChanged when it is none."""
    if not isinstance(response, TextResponse):
        kind = (response.headers.get(b"Content-Type") or b"something else").decode("latin-1")
        raise SourceChanged(f"{response.url} is no page but {kind}; name pages in options.start")
    return response.selector


def problems(selectors: Selectors) -> Iterator[tuple[str, str]]:
    """The selectors that are not CSS: their names and what is wrong with them."""
    for field in fields(selectors):
        css = getattr(selectors, field.name)
        try:
            Selector(text="<p>").css(css or "p")
        except SelectorError as error:
            yield field.name, f"got {css!r}: {error}"


def on_detail(selectors: Selectors | None) -> Selectors:
    """Selectors for a picture's own page, the usual places filled in."""
    given = {field.name: value for field in fields(Selectors) if (value := getattr(selectors, field.name, None))}
    return replace(DETAIL, **given)


def cards(page: Selector, css: str | None) -> list[Selector]:
    """What encloses each picture of a page: by selector, else around each image, else each link to an image file."""
    if css:
        return list(page.css(css))
    pictures = page.xpath(f"//img[{_FURNITURE}]")
    if pictures:
        return [_scope(picture) for picture in pictures]
    return [link for link in page.css("a[href]") if _is_image(link.attrib["href"])]


def image_url(scope: Selector, base: str, css: str | None) -> str | None:
    """Absolute address of the largest copy of the picture in `scope`: a linked file, else the best candidate."""
    if css and "::" in css:
        return _absolute(base, scope.css(css).get())
    element = next(iter(scope.css(css)), None) if css else scope
    if element is None:
        return None
    linked = element if element.root.tag == "a" else next(iter(element.xpath(".//a[.//img] | ancestor::a[1]")), None)
    if linked is not None and _is_image(linked.attrib.get("href", "")):
        return _absolute(base, linked.attrib["href"])
    image = element if element.root.tag == "img" else next(iter(element.css("img")), None)
    if image is None:
        return _absolute(base, element.attrib.get("href") or element.attrib.get("content"))
    candidates = _candidates(image)
    # libxml2 knows no void <source> and nests what follows it.
    for source in image.xpath("ancestor::picture[1]//source[@srcset or @data-srcset]"):
        candidates += parse_srcset(source.attrib.get("srcset") or source.attrib["data-srcset"])
    candidates = [candidate for candidate in candidates if not candidate[0].startswith("data:")]
    if not candidates:
        return None
    # Pixels are sure, densities are relative; among equals the first stays, which is what <img> itself offers.
    best = max(candidates, key=lambda candidate: (candidate[2] == "w", candidate[1]))
    return _absolute(base, best[0])


def link_url(scope: Selector, base: str, css: str | None) -> str | None:
    """Absolute address of the picture's own page, None when it has none or the link leads to an image file."""
    if css:
        found = scope.css(css)
        href = found.get() if "::" in css else found.attrib.get("href")
    else:
        own = scope.attrib.get("href") if scope.root.tag == "a" else None
        href = own or scope.xpath(".//a[.//img]/@href | ancestor::a[1]/@href | .//a[@itemprop='url']/@href").get()
    if not href or _is_image(href):
        return None
    return _absolute(base, href)


def next_url(page: Selector, base: str, css: str | None) -> str | None:
    """Absolute address of the following listing page, None on the last."""
    if css:
        found = page.css(css)
        href = found.get() if "::" in css else found.attrib.get("href")
    else:
        href = page.css("a[rel~=next]::attr(href), link[rel~=next]::attr(href)").get()
    return _absolute(base, href)


def words(scope: Selector, css: str | None, automatic: str = "") -> str | None:
    """The text that `css` finds, else `automatic` finds, in one line; None when there is none."""
    chosen = css or automatic
    if not chosen:
        return None
    for found in scope.css(chosen):
        content = found.get() if css and "::" in css else found.attrib.get("content") or found.xpath("string()").get()
        if line := " ".join((content or "").split()):
            return line
    return None


def first_text(scope: Selector, css: str | None, kind: str) -> str | None:
    """A picture's `title` or `creator`; a title falls back on the caption and on the image's alternative text."""
    if kind == "creator":
        return words(scope, css, _CREATOR)
    if css:
        return words(scope, css)
    alternative = scope.attrib.get("alt") if scope.root.tag == "img" else scope.css("img::attr(alt)").get()
    return (
        words(scope, None, _TITLE) or words(scope, None, "figcaption") or " ".join((alternative or "").split()) or None
    )


def date(scope: Selector, css: str | None) -> str | None:
    """When the picture was published, ISO 8601 as precise as the page says; None when it says it otherwise."""
    for found in scope.css(css or _DATE):
        content = found.get() if css and "::" in css else found.attrib.get("datetime") or found.attrib.get("content")
        said = (content or found.xpath("string()").get() or "").strip()
        if _ISO.fullmatch(said):
            return said
    return None


def rights(scope: Selector, base: str, css: str | None) -> Rights | None:
    """What the words around a picture say about its licence; None when they say nothing."""
    if css and "::" in css:
        said = (scope.css(css).get() or "").strip()
        return Rights(normalize(said), _absolute(base, said) if "/" in said else None, said) if said else None
    found = scope.css(css) if css else scope.xpath(f"self::a[{_LICENSE}] | .//a[{_LICENSE}]")
    return _rights(found[0], base) if found else None


def page_rights(page: Selector, base: str) -> Rights | None:
    """The licence that a page claims for all that it shows: linked from its head, or outside of every picture."""
    found = page.xpath(f"//link[{_LICENSE}] | //a[{_LICENSE}][not({_SCOPE})]")
    return _rights(found[0], base) if found else None


def _rights(link: Selector, base: str) -> Rights:
    href = link.attrib.get("href")
    wording = " ".join((link.xpath("string()").get() or "").split()) or None
    return Rights(from_url(href) or normalize(wording), _absolute(base, href), wording or href)


def _scope(picture: Selector) -> Selector:
    around = picture.xpath(_SCOPE)
    return around[0] if around and len(around[0].css("img")) == 1 else picture


def _candidates(image: Selector) -> list[tuple[str, float, str]]:
    found = parse_srcset(image.attrib.get("srcset", ""))
    for name in _LAZY:
        found += parse_srcset(image.attrib[name]) if name in image.attrib else []
    source = image.attrib.get("src", "").strip()
    return found + ([(source, 0.0 if found else 1.0, "x")] if source else [])


def _is_image(href: str) -> bool:
    return urlsplit(href.strip()).path.lower().endswith(IMAGE_SUFFIXES)


def _absolute(base: str, href: str | None) -> str | None:
    if not href or not href.strip():
        return None
    url = urljoin(base, href.strip())
    return url.partition("#")[0] if url.startswith(("http://", "https://")) else None
