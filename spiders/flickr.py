"""Flickr's REST API: albums, users, groups, galleries and searches. https://www.flickr.com/services/api/"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from scrapy import Request
from scrapy.http import Response

from harvest.config.reader import Secret, setting
from harvest.crawl.base import SourceSpider
from harvest.crawl.parsing import iso_taken, iso_unix, text
from harvest.crawl.wire import with_secrets
from harvest.errors import SourceChanged, SourceRefused
from harvest.items import ImageItem
from harvest.licences import from_flickr, licence

# From the largest down. An address is taken as the API gives it: sizes over 1024 px have secrets of their own.
_SIZES = ("o", "6k", "5k", "4k", "3k", "k", "h", "l", "c", "z", "m", "n", "s", "t", "q", "sq")
_EXTRAS = ["description", "license", "date_upload", "date_taken", "owner_name", "last_update", "tags", "media"]
_EXTRAS += ["path_alias", "o_dims", *(f"url_{size}" for size in _SIZES)]
_SEARCH = "text tags tag_mode license user_id group_id min_upload_date max_upload_date min_taken_date max_taken_date"
_SEARCH_KEYS = frozenset(f"{_SEARCH} machine_tags bbox is_commons sort content_types safe_search in_gallery".split())
_SEARCH_LISTS = 4000  # photos.search repeats itself after about so many
_KEEP = ("datetaken", "datetakenunknown", "datetakengranularity", "dateupload", "lastupdate", "o_width", "o_height")


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
        for key in sorted(set(self.options.search) - _SEARCH_KEYS):
            known = ", ".join(sorted(_SEARCH_KEYS))
            raise self.source.options.error(f"search.{key}", f"unknown key; known here: {known}")

    async def start(self) -> AsyncIterator[Request]:
        """The first page of every list."""
        for query in self._queries():
            yield self._page(query, 1)

    def parse(self, response: Response, *, query: dict[str, str], page: int) -> Iterator[ImageItem | Request]:
        """One page of one list: its photographs, then the next page."""
        answer = self.read_json(response)
        if answer is None or "not currently available" in str(answer.get("message")) or answer.get("code") in {105, 106}:
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
            self.logger.warning("%s photos match, Flickr lists only %d: narrow by dates", listing["total"], _SEARCH_LISTS)
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
            yield {"method": "flickr.photos.search", "media": "photos", "sort": "date-posted-asc", **self.options.search}

    def _page(self, query: dict[str, str], page: int) -> Request:
        paging = {"format": "json", "nojsoncallback": "1", "per_page": self.options.per_page, "page": page}
        url = f"{self.options.endpoint}?{urlencode({**query, **paging, 'extras': ','.join(_EXTRAS)})}"
        return with_secrets(Request(url, cb_kwargs={"query": query, "page": page}), api_key=self.options.api_key)


def photo_item(photo: Mapping[str, Any], owner: str) -> ImageItem | None:
    """One entry of an answer; `owner` is whose set it stands in. None when Flickr gives no address for any size."""
    url = next((photo[f"url_{size}"] for size in _SIZES if photo.get(f"url_{size}")), None)
    who, number = photo.get("owner") or owner, str(photo.get("license", ""))
    known = licence(from_flickr(number) or "")
    if url is None:
        return None
    return ImageItem(
        source_id=str(photo["id"]),
        image_url=url,
        page_url=f"https://www.flickr.com/photos/{who}/{photo['id']}/",
        title=text(photo.get("title")),
        description=text(photo.get("description")),
        tags=tuple(str(photo.get("tags") or "").split()),
        creator=text(photo.get("ownername")),
        creator_url=f"https://www.flickr.com/people/{who}/",
        license=known.id if known else None,
        license_url=known.uri if known else None,
        license_raw=number or None,
        published_at=iso_unix(photo.get("dateupload")),
        taken_at=iso_taken(photo),
        raw={key: photo[key] for key in _KEEP if key in photo},
    )
