"""What stands beside a picture: title, maker, date and licence, as words, microdata or RDFa."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from parsel import Selector

from harvest.licences import from_url, normalize
from harvest.pages.addresses import absolute
from harvest.pages.pictures import SCOPE

__all__ = ["Rights", "date", "first_text", "iso", "page_rights", "rights", "terms_of", "words"]

# Links of RDFa (`cc:license`, `dct:license`) and of microdata beside HTML's own rel=license.
_REL = "concat(' ', normalize-space(@rel), ' ')"
_PROPERTY = "concat(' ', normalize-space(@property), ' ', normalize-space(@itemprop), ' ')"
_LICENSE = (
    f"contains({_REL}, ' license ') or contains({_REL}, ':license ')"
    f" or contains({_PROPERTY}, ' license ') or contains({_PROPERTY}, ':license ')"
)
_ISO = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?")
_TITLE = "[itemprop=name], [itemprop=headline], .title, h1, h2, h3, h4"
# The name of a maker is no title.
_OF_A_PERSON = "ancestor::*[@itemprop='creator' or @itemprop='author' or @itemprop='copyrightHolder']"
_DATE = "[itemprop=datePublished], time[datetime]"
_CREATOR = "[itemprop=creator], [itemprop=author], [rel~=author], .creator, .artist, .author"


class Rights(NamedTuple):
    """A licence as a page states it: our id for it, the address it links to, and its wording to the letter."""

    id: str | None
    url: str | None
    raw: str | None


def words(scope: Selector, css: str | None, automatic: str = "") -> str | None:
    """The text that `css` finds, else `automatic` finds, in one line; None when there is none."""
    chosen = css or automatic
    if not chosen:
        return None
    for found in scope.css(chosen):
        if not css and found.xpath(_OF_A_PERSON) and automatic == _TITLE:
            continue
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
        if said := iso(content or found.xpath("string()").get()):
            return said
    return None


def iso(value: object) -> str | None:
    """The value where it is a date as ISO 8601 writes it.

    >>> iso(" 1901-02 "), iso("next week")
    ('1901-02', None)
    """
    said = value.strip() if isinstance(value, str) else ""
    return said if _ISO.fullmatch(said) else None


def rights(scope: Selector, base: str, css: str | None) -> Rights | None:
    """What the words around a picture say about its licence; None when they say nothing."""
    if css and "::" in css:
        said = (scope.css(css).get() or "").strip()
        return terms_of(said, base) if said else None
    found = scope.css(css) if css else scope.xpath(f"self::*[{_LICENSE}] | .//*[{_LICENSE}]")
    return _rights(found[0], base) if found else None


def page_rights(page: Selector, base: str, cards: Iterable[Selector] = ()) -> Rights | None:
    """The licence that a page claims for all that it shows: linked from its head, or outside of every picture.

    `cards` enclose pictures beside those places that always do. Licences that differ are none for all.
    """
    inside = {card.root for card in cards}
    links = page.xpath(f"//link[{_LICENSE}][not({SCOPE})] | //a[{_LICENSE}][not({SCOPE})]")
    found = [_rights(link, base) for link in links if inside.isdisjoint((link.root, *link.root.iterancestors()))]
    return found[0] if len({terms.id or terms.url for terms in found}) == 1 else None


def terms_of(said: str, base: str) -> Rights:
    """A licence as one text: a name, or an address."""
    is_address = "/" in said and " " not in said.strip()
    return Rights(normalize(said), absolute(base, said) if is_address else None, said)


def _rights(element: Selector, base: str) -> Rights:
    href = element.attrib.get("href") or element.attrib.get("resource") or element.attrib.get("content")
    wording = " ".join((element.xpath("string()").get() or "").split()) or None
    if element.root.tag not in {"a", "link"} and href and "/" not in href:
        return terms_of(href, base)
    return Rights(from_url(href) or normalize(wording), absolute(base, href), wording or href)
