"""What may be asked of Flickr: its lists as a source config names them, and a long search in parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import time
from typing import Any

from harvest.config.reader import Secret, setting
from harvest.crawl.sites.flickr import SEARCH
from harvest.crawl.sites.windows import Window, moment, split

__all__ = ["Album", "FlickrOptions", "faults", "name_of", "parameters", "parts_of", "reach", "search_query"]

_LISTS_AT_MOST = 4000  # photos.search repeats itself after about so many
_WINDOW = 3000  # results that a part of a search should have at most: large answers silently miss some
_OPENED = 1_072_915_200  # 2004-01-01, the year in which Flickr opened
_LICENCES = tuple(str(number) for number in range(17))  # flickr.photos.licenses.getInfo
_DATES = frozenset({"min_upload_date", "max_upload_date"})
# https://www.flickr.com/services/api/flickr.photos.search.html
_SEARCH_KEYS = frozenset(
    (
        *("text", "tags", "tag_mode", "license", "user_id", "group_id", "machine_tags", "bbox", "is_commons", "sort"),
        *("min_upload_date", "max_upload_date", "min_taken_date", "max_taken_date"),
        *("content_types", "safe_search", "in_gallery"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """One photoset and whose it is: ids as in flickr.com/photos/<user>/albums/<album>."""

    user: str
    album: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlickrOptions:
    """What to list, at least one of them. Users and groups are ids like 12345678@N00; `search` takes the parameters
    of flickr.photos.search under its own names (text, tags, license: "4,5,9", min_upload_date, ...).

    `favourites` are users too, and mean what they marked publicly. `commons` means all photos of all institutions of
    The Commons; single ones go into `users`, and `search: {is_commons: 1, text: ...}` searches in all.
    """

    api_key: Secret
    endpoint: str = setting("https://api.flickr.com/services/rest/", pattern=r"^https?://", expected="an http(s) URL")
    albums: tuple[Album, ...] = ()
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    galleries: tuple[str, ...] = ()
    favourites: tuple[str, ...] = ()
    commons: bool = False
    search: Mapping[str, str] = setting({})
    per_page: int = setting(500, ge=1, le=500)

    def queries(self) -> Iterator[dict[str, str]]:
        """The first call of every list that is known by name."""
        for album in self.albums:
            yield {"method": "flickr.photosets.getPhotos", "photoset_id": album.album, "user_id": album.user}
        for method, key, ids in (
            ("flickr.people.getPublicPhotos", "user_id", self.users),
            ("flickr.groups.pools.getPhotos", "group_id", self.groups),
            ("flickr.galleries.getPhotos", "gallery_id", self.galleries),
            ("flickr.favorites.getPublicList", "user_id", self.favourites),
        ):
            yield from ({"method": method, key: id_} for id_ in ids)
        if self.search:
            yield search_query(self.search)


def name_of(query: Mapping[str, str]) -> str:
    """A list as reports name it.

    >>> name_of({"method": "flickr.photos.search", "media": "photos", "text": "fin"})
    'flickr.photos.search text=fin'
    """
    given = [f"{key}={value}" for key, value in query.items() if key not in {"method", "media", "sort"}]
    return " ".join([query["method"], *given])


def reach(pages: int, per_page: int, method: str) -> int:
    """How many pages of a list are worth asking for."""
    return min(pages, max(1, _LISTS_AT_MOST // per_page)) if method == SEARCH else pages


def search_query(search: Mapping[str, str]) -> dict[str, str]:
    """The first call of a search, its upload dates as unix times. A date alone as the latest is meant inclusively."""
    query = {"method": SEARCH, "media": "photos", "sort": "date-posted-asc", **search}
    for key in _DATES & search.keys():
        query[key] = str(moment(search[key], is_end=key == "max_upload_date"))
    return query


def faults(search: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The parameters of a search that cannot be, and why."""
    for key in sorted(search.keys() - _SEARCH_KEYS):
        yield key, f"unknown key; known here: {', '.join(sorted(_SEARCH_KEYS))}"
    for key in sorted(_DATES & search.keys()):
        if moment(search[key]) is None:
            yield key, f"expected a unix time or a date like 2020-01-31, got {search[key]!r}"
    since, until = (
        moment(search.get(key, ""), is_end=key == "max_upload_date") for key in sorted(_DATES, reverse=True)
    )
    if since is not None and until is not None and since > until:
        yield "max_upload_date", f"expected a time after min_upload_date, got {search['max_upload_date']!r}"


def parts_of(query: Mapping[str, str], total: int, window: Mapping[str, Any] | None) -> tuple[Window, ...]:
    """The parts in which a search with `total` results is asked for, `window` being the part it is; none if it fits.

    A search without bounds spans all the years of Flickr, up to now.
    """
    if query["method"] != SEARCH:
        return ()
    asked = query.get("license", "")
    licences = tuple(number.strip() for number in asked.split(",") if number.strip()) or _LICENCES
    return split(Window(**window) if window else _bounds(query, int(time())), total, licences, most=_WINDOW)


def parameters(window: Mapping[str, Any]) -> dict[str, str]:
    """A part of a search as parameters of the call."""
    dates = {"min_upload_date": str(window["since"]), "max_upload_date": str(window["until"])}
    return dates | ({"license": str(window["license"])} if window["license"] else {})


def _bounds(query: Mapping[str, str], now: int) -> Window:
    return Window(
        since=int(query.get("min_upload_date", _OPENED)), until=int(query.get("max_upload_date", now)), license=None
    )
