"""The licence that a page states for one of its pictures, wherever it states it."""

from __future__ import annotations

from parsel import Selector

from harvest.pages.addresses import keys
from harvest.pages.jsonld import Statements
from harvest.pages.pictures import cards, image_urls
from harvest.pages.words import Rights, page_rights, rights

__all__ = ["PictureTerms"]


class PictureTerms:
    """What a page says of its pictures' terms, read once. `base` is what its relative addresses are resolved by."""

    def __init__(self, page: Selector, base: str) -> None:
        self._beside: dict[str, Rights] = {}
        for card in cards(page, None):
            own = rights(card, base, None)
            if own is not None:
                self._beside |= {keys(url)[2]: own for url in image_urls(card, base, None)}
        self._stated, self._of_all = Statements(page, base), page_rights(page, base)

    def of(self, image_url: str) -> Rights | None:
        """What stands beside the picture, else its JSON-LD, else what the page claims for all; None where it is silent.

        A picture is found by its address, also by that of a reduced copy.
        """
        beside = self._beside.get(keys(image_url)[2])
        if beside is not None:
            return beside
        stated = self._stated.of([image_url])
        return (stated.rights if stated else None) or self._of_all
