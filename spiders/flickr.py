"""Flickr's REST API: albums, users, groups, galleries and searches. https://www.flickr.com/services/api/"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from scrapy import Request
from scrapy.http import Response

from harvest.config.reader import Secret, setting
from harvest.crawl.base import SourceSpider
from harvest.crawl.flickr import EXTRAS, SEARCH_KEYS, photo_item
from harvest.crawl.wire import with_secrets
from harvest.errors import SourceChanged, SourceRefused
from harvest.items import ImageItem

_SEARCH_LISTS = 4000  # photos.search repeats itself after about so many


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """One photoset and whose it is: ids as in flickr.com/photos/<user>/albums/<album>."""

    user: str
    album: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlickrOptions:
    """What to list, at least one of them. Users and groups are ids like 12345678@N00; `search` takes the parameters
    of flickr.photos.search under its own names (text, tags, license: "4,5,9", min_upload_date, ...).
    """

    api_key: Secret
    endpoint: str = setting("https://api.flickr.com/services/rest/", pattern=r"^https?://", expected="an http(s) URL")
    albums: tuple[Album, ...] = ()
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    galleries: tuple[str, ...] = ()
    search: Mapping[str, str] = setting({})
    per_page: int = setting(500, ge=1, le=500)


class FlickrSpider(SourceSpider[FlickrOptions]):
    """Lists photographs page by page and yields one item for each."""

    name = "flickr"
    options_type = FlickrOptions

    def check(self) -> None:
        """Raises ConfigError when there is nothing to list, or a search has a parameter that Flickr does not."""
        if not list(self._queries()):
            raise self.source.options.error("", "expected at least one of albums, users, groups, galleries, search")
        for key in sorted(set(self.options.search) - SEARCH_KEYS):
            known = ", ".join(sorted(SEARCH_KEYS))
            raise self.source.options.error(f"search.{key}", f"unknown key; known here: {known}")

    async def start(self) -> AsyncIterator[Request]:
        """The first page of every list."""
        for query in self._queries():
            yield self._page(query, 1)

    def parse(self, response: Response, *, query: dict[str, str], page: int) -> Iterator[ImageItem | Request]:
        """One page of one list: its photographs, then the next page."""
        answer = self.read_json(response)
        if (
            answer is None
            or "not currently available" in str(answer.get("message"))
            or answer.get("code") in {105, 106}
        ):
            yield self.again(response, "Flickr's API is not available")
            return
        if answer.get("stat") != "ok":
            code, message = answer.get("code"), answer.get("message")
            advice = "set a valid api_key" if code in {98, 99, 100} else f"check {sorted(query.values())} in options"
            raise SourceRefused(f"Flickr says no to {query['method']} (code {code}: {message}); {advice}")
        listing = answer.get("photoset" if "photoset_id" in query else "photos")
        if not isinstance(listing, dict) or not isinstance(listing.get("photo"), list):
            raise SourceChanged(f"{query['method']} answered without a list of photos; its format is not the known one")
        if page == 1 and "search" in query["method"] and int(listing.get("total") or 0) > _SEARCH_LISTS:
            self.logger.warning(
                "%s photos match, Flickr lists only %d: narrow by dates", listing["total"], _SEARCH_LISTS
            )
        owner = str(listing.get("owner") or query.get("user_id") or "")
        items = [photo_item(photo, owner) for photo in listing["photo"] if photo.get("media", "photo") == "photo"]
        yield from filter(None, items)
        if None in items:
            self.logger.warning("%d photos have no address that this key may see", items.count(None))
        if page < int(listing.get("pages") or 1):
            yield self._page(query, page + 1)

    def _queries(self) -> Iterator[dict[str, str]]:
        for album in self.options.albums:
            yield {"method": "flickr.photosets.getPhotos", "photoset_id": album.album, "user_id": album.user}
        yield from ({"method": "flickr.people.getPublicPhotos", "user_id": user} for user in self.options.users)
        yield from ({"method": "flickr.groups.pools.getPhotos", "group_id": group} for group in self.options.groups)
        yield from ({"method": "flickr.galleries.getPhotos", "gallery_id": name} for name in self.options.galleries)
        if self.options.search:
            yield {
                "method": "flickr.photos.search",
                "media": "photos",
                "sort": "date-posted-asc",
                **self.options.search,
            }

    def _page(self, query: dict[str, str], page: int) -> Request:
        paging = {"format": "json", "nojsoncallback": "1", "per_page": self.options.per_page, "page": page}
        url = f"{self.options.endpoint}?{urlencode({**query, **paging, 'extras': EXTRAS})}"
        return with_secrets(Request(url, cb_kwargs={"query": query, "page": page}), api_key=self.options.api_key)
