"""CSS selectors that a config gives for what a page does not mark up in a common way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from cssselect import SelectorError
from parsel import Selector

__all__ = ["DETAIL", "Selectors", "on_detail", "problems"]


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


DETAIL = Selectors(
    image="main img, article img, figure img",
    title="main h1, article h1, figure figcaption",
)


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
