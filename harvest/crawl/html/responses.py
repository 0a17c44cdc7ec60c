"""Scrapy's answers as pages."""

from __future__ import annotations

from parsel import Selector
from scrapy.http import Response, TextResponse

from harvest.errors import SourceChanged
from harvest.items import Signal
from harvest.pages.refusals import HEADERS, page_signals

__all__ = ["page_of", "signals_of"]


def page_of(response: Response) -> Selector:
    """The page to select from, relative addresses of it resolved by its base. Raises SourceChanged when it is none."""
    if not isinstance(response, TextResponse):
        kind = (response.headers.get(b"Content-Type") or b"something else").decode("latin-1")
        raise SourceChanged(f"{response.url} is no page but {kind}; name pages in options.start")
    return response.selector


def signals_of(response: Response) -> tuple[Signal, ...]:
    """Refusals that a page makes for what it shows, in its headers and its meta elements."""
    pairs = [(name, value.decode("latin-1")) for name in HEADERS for value in response.headers.getlist(name)]
    page = response.selector if isinstance(response, TextResponse) else None
    return page_signals(response.url, pairs, page)
