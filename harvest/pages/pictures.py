"""Pictures in HTML: what encloses each, which address is the largest copy, where its own page and the next one are."""

from __future__ import annotations

import re

from parsel import Selector

from harvest.pages.addresses import Candidate, absolute, is_image, parse_srcset

__all__ = ["SCOPE", "cards", "image_url", "image_urls", "link_url", "next_url"]

# Where scripts find the address that they put into src when a picture comes into view, or is enlarged.
_LAZY = (
    *("data-srcset", "data-lazy-srcset", "data-src", "data-original", "data-lazy-src", "data-lazy", "data-full"),
    *("data-full-src", "data-full-url", "data-orig-file", "data-large_image", "data-zoom-image", "data-hi-res-src"),
)
_FURNITURE = (
    "not(ancestor::header or ancestor::nav or ancestor::footer or ancestor::noscript or @width='1' or @height='1')"
)
SCOPE = "ancestor::*[self::figure or self::li or self::article or @itemscope][1]"
_BACKGROUND = re.compile(r"background(?:-image)?\s*:[^;]*url\(\s*['\"]?([^'\")]+)", re.IGNORECASE)
_ICON = 64  # pixels: what is said to be smaller is no picture while there is another


def cards(page: Selector, css: str | None) -> list[Selector]:
    """What encloses each picture of a page: by selector, else around each image, else each link to an image file."""
    if css:
        return list(page.css(css))
    pictures = page.xpath(f"//img[{_FURNITURE}]")
    if pictures:
        return [_scope(picture) for picture in pictures]
    return [link for link in page.css("a[href]") if is_image(link.attrib["href"])]


def image_url(scope: Selector, base: str, css: str | None) -> str | None:
    """Absolute address of the largest copy of the picture in `scope`: a linked file, else the best candidate."""
    return next(iter(image_urls(scope, base, css)), None)


def image_urls(scope: Selector, base: str, css: str | None) -> list[str]:
    """All absolute addresses of the picture in `scope`, the largest copy's first."""
    if css and "::" in css:
        said = scope.css(css).get() or ""
        found = [each.address for each in _by_size(parse_srcset(said))] if "srcset" in css else [said]
        return _absolutes(base, found)
    elements = scope.css(css) if css else [scope]
    if not elements:
        return []
    if elements[0].root.tag == "img":
        # One picture is meant: the first that is none of a page's small signs.
        elements = [next((each for each in elements if not _is_icon(each, _candidates(each))), elements[0])]
    first = elements[0]
    linked = _linked_files(first)
    images = [first] if first.root.tag == "img" else list(first.css("img"))
    stated = scope.xpath(
        ".//*[contains(@itemprop, 'contentUrl')]/@*[name()='content' or name()='href' or name()='src']"
    )
    found = [*linked, *stated.getall()[:1], *(each.address for each in _largest(images))]
    if not found and not images:
        styles = first.xpath("self::*[@style]/@style | .//*[@style]/@style").getall()
        backgrounds = [match[1] for style in styles if (match := _BACKGROUND.search(style))]
        found = [first.attrib.get("href") or first.attrib.get("content") or "", *backgrounds]
    return _absolutes(base, found)


def link_url(scope: Selector, base: str, css: str | None) -> str | None:
    """Absolute address of the picture's own page, None when it has none or the link leads to an image file."""
    if css:
        found = scope.css(css)
        href = found.get() if "::" in css else found.attrib.get("href")
    else:
        own = scope.attrib.get("href") if scope.root.tag == "a" else None
        href = own or scope.xpath(".//a[.//img]/@href | ancestor::a[1]/@href | .//a[@itemprop='url']/@href").get()
    if not href or is_image(href):
        return None
    return absolute(base, href)


def next_url(page: Selector, base: str, css: str | None) -> str | None:
    """Absolute address of the following listing page, None on the last."""
    if css:
        found = page.css(css)
        href = found.get() if "::" in css else found.attrib.get("href")
    else:
        href = page.css("a[rel~=next]::attr(href), link[rel~=next]::attr(href)").get()
    return absolute(base, href)


def _linked_files(element: Selector) -> list[str]:
    """Image files that a link around or within leads to: a thumbnail's full copy."""
    links = [element] if element.root.tag == "a" else element.xpath(".//a[.//img] | ancestor::a[1]")
    return [href for link in links if is_image(href := link.attrib.get("href", ""))][:1]


def _largest(images: list[Selector]) -> list[Candidate]:
    """The candidates of the largest of several images, the best first; among equals the first image stays."""
    best: list[Candidate] = []
    most = -1.0
    for is_small in (False, True):  # icons count only where there is nothing else
        for image in images:
            candidates = _by_size(_candidates(image))
            if not candidates or is_small != _is_icon(image, candidates):
                continue
            width = candidates[0].size if candidates[0].unit == "w" else _pixels(image, "width")
            if width > most:
                best, most = candidates, width
        if best:
            return best
    return best


def _by_size(candidates: list[Candidate]) -> list[Candidate]:
    """Pixels are sure, densities are relative; among equals the first stays, which is what <img> itself offers."""
    real = [candidate for candidate in candidates if not candidate.address.startswith("data:")]
    return sorted(real, key=lambda candidate: (candidate.unit != "w", -candidate.size))


def _candidates(image: Selector) -> list[Candidate]:
    found = parse_srcset(image.attrib.get("srcset", ""))
    for name in _LAZY:
        found += parse_srcset(image.attrib[name]) if name in image.attrib else []
    # libxml2 knows no void <source> and nests what follows it.
    for source in image.xpath("ancestor::picture[1]//source"):
        for name in ("srcset", "data-srcset", "data-lazy-srcset"):
            found += parse_srcset(source.attrib.get(name, ""))
    for plain in _without_script(image):
        found += parse_srcset(plain.attrib.get("srcset", "")) or [Candidate(plain.attrib.get("src", ""), 1.0, "x")]
    own = image.attrib.get("src", "").strip()
    found = [each for each in found if each.address]
    return found + ([Candidate(own, 0.0 if found else 1.0, "x")] if own else [])


def _without_script(image: Selector) -> list[Selector]:
    """The images that a <noscript> beside a lazy image has for readers without scripts."""
    beside = "following-sibling::*[1][self::noscript] | preceding-sibling::*[1][self::noscript]"
    found: list[Selector] = []
    for plain in image.xpath(f"{beside} | parent::picture/following-sibling::*[1][self::noscript]"):
        inside = plain.css("img") or Selector(text=plain.xpath("string()").get() or " ").css("img")
        found += inside
    return found


def _is_icon(image: Selector, candidates: list[Candidate]) -> bool:
    sides = [side for name in ("width", "height") if (side := _pixels(image, name))]
    is_drawn = bool(candidates) and candidates[0].address.partition("?")[0].lower().endswith(".svg")
    return is_drawn or any(side < _ICON for side in sides)


def _pixels(image: Selector, name: str) -> float:
    said = image.attrib.get(name, "").strip().removesuffix("px")
    return float(said) if said.isdecimal() else 0.0


def _scope(picture: Selector) -> Selector:
    around = picture.xpath(SCOPE)
    return around[0] if around and len(around[0].xpath(".//img[not(ancestor::noscript)]")) == 1 else picture


def _absolutes(base: str, found: list[str]) -> list[str]:
    return list(dict.fromkeys(url for each in found if (url := absolute(base, each))))
