"""The licence that a page states for one of its pictures, wherever it states it."""

from __future__ import annotations

from parsel import Selector

from harvest.pages.addresses import keys
from harvest.pages.jsonld import Statements
from harvest.pages.pictures import cards, image_urls
from harvest.pages.words import Rights, page_rights, rights

__all__ = ["terms_of_picture"]


def terms_of_picture(page: Selector, base: str, image_url: str) -> Rights | None:
    """What stands beside the picture, else its JSON-LD, else what the page claims for all; None when it is silent.

    `base` is what relative addresses of the page are resolved by. A picture is found by its address, also by that of
    a reduced copy.
    """
    wanted = keys(image_url)[2]
    for card in cards(page, None):
        shown = image_urls(card, base, None)
        if any(keys(url)[2] == wanted for url in shown) and (own := rights(card, base, None)):
            return own
    stated = Statements(page, base).of([image_url])
    return (stated.rights if stated else None) or page_rights(page, base)
