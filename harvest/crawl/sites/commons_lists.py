"""What may be asked of Wikimedia Commons: its lists as a source config names them, and the calls that walk them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from harvest.config.reader import setting
from harvest.crawl.sites.commons import METADATA

__all__ = ["SEARCH_LISTS", "WIDTHS", "CommonsOptions", "category_title", "category_walk", "search_count"]

SEARCH_LISTS = 10_000  # results; later offsets are refused
# Thumbnails are made in these widths alone: https://www.mediawiki.org/wiki/Common_thumbnail_sizes
WIDTHS = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonsOptions:
    """What to list, at least one of them. `depth` is how many levels of subcategories are listed too.

    `search` takes what the site's search box takes (`fin incategory:Fishes filetype:bitmap`), `users` names uploaders.
    Files of other types than `mime` are left. `width` takes the thumbnail of that width instead of the original.
    """

    categories: tuple[str, ...] = ()
    depth: int = setting(0, ge=0)
    search: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    mime: tuple[str, ...] = ("image/jpeg", "image/png", "image/tiff", "image/webp", "image/gif")
    width: int | None = None
    endpoint: str = setting("https://commons.wikimedia.org/w/api.php", pattern=r"^https?://", expected="an http(s) URL")
    per_page: int = setting(50, ge=1, le=500)

    def category_files(self, title: str) -> dict[str, Any]:
        """The files of one category."""
        return self._files("categorymembers", gcmtitle=title, gcmtype="file", gcmlimit=self.per_page)

    def search_files(self, words: str) -> dict[str, Any]:
        """The files that a search finds."""
        return self._files("search", gsrsearch=words, gsrnamespace=6, gsrlimit=self.per_page)

    def user_files(self, user: str) -> dict[str, Any]:
        """What somebody uploaded, the oldest first."""
        return self._files("allimages", gaisort="timestamp", gaiuser=user, gailimit=self.per_page)

    def _files(self, generator: str, **asked: Any) -> dict[str, Any]:
        of_each = {"prop": "imageinfo", "iiprop": "url|size|sha1|mime|timestamp|user|extmetadata"}
        words = {"iiextmetadatafilter": "|".join(METADATA), "iiextmetadatalanguage": "en"}
        return {
            "generator": generator,
            **asked,
            **of_each,
            **words,
            **({"iiurlwidth": self.width} if self.width else {}),
        }

    def url(self, asked: dict[str, Any]) -> str:
        """The address of a call."""
        return f"{self.endpoint}?{urlencode({'action': 'query', 'format': 'json', 'maxlag': 5, **asked})}"


def category_title(name: str) -> str:
    """A category as the API writes it.

    >>> category_title("fish_fins"), category_title("Category:Fish fins")
    ('Category:Fish fins', 'Category:Fish fins')
    """
    bare = name.removeprefix("Category:").replace("_", " ").strip()
    return f"Category:{bare[:1].upper()}{bare[1:]}"


def category_walk(title: str, depth: int) -> dict[str, Any]:
    """How many files a category has, and its subcategories where `depth` levels of them are wanted.

    The depth is part of the call, so that a category met again with more levels to go is not taken for asked.
    """
    counts = {"titles": title, "prop": "categoryinfo", "requestid": f"depth-{depth}"}
    members = {"list": "categorymembers", "cmtitle": title, "cmtype": "subcat", "cmlimit": 500}
    return counts | (members if depth else {})


def search_count(words: str) -> dict[str, Any]:
    """How many files a search finds."""
    return {"list": "search", "srsearch": words, "srnamespace": 6, "srinfo": "totalhits", "srlimit": 1, "srprop": ""}
