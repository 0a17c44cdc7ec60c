"""Flickr's answers: what to ask of each photo, one photo record as an item, what errors mean and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harvest.crawl.sites.apis import Trouble
from harvest.crawl.sites.parsing import iso_taken, iso_unix
from harvest.crawl.sites.shapes import Record
from harvest.items import ImageItem
from harvest.licences import from_flickr, licence

__all__ = ["EXTRAS", "FIELDS", "SEARCH", "Listing", "listing", "nsids", "photo_item", "trouble"]

SEARCH = "flickr.photos.search"

# From the largest down. An address is taken as the API gives it: sizes over 1024 px have secrets of their own.
_SIZES = ("o", "6k", "5k", "4k", "3k", "k", "h", "l", "c", "z", "m", "n", "s", "t", "q", "sq")
EXTRAS = ",".join(
    (
        *("description", "license", "date_upload", "date_taken", "owner_name", "last_update", "tags", "media"),
        *("path_alias", "o_dims"),
        *(f"url_{size}" for size in _SIZES),
    )
)
_KEEP = ("datetaken", "datetakenunknown", "datetakengranularity", "dateupload", "lastupdate", "o_width", "o_height")
# What a photo of any list may say, read or knowingly left.
FIELDS = frozenset(
    (
        *("id", "owner", "ownername", "title", "description", "tags", "license", "media", "media_status", *_KEEP),
        *("secret", "server", "farm", "pathalias", "ispublic", "isfriend", "isfamily", "isprimary", "is_primary"),
        *("has_comment", "comment", "date_faved", "dateadded", "realname", "username", "views", "iconserver"),
        *("iconfarm", "originalsecret", "originalformat", "safety_level", "rotation", "can_download", "upgrade_sizes"),
        *(f"{what}_{size}" for what in ("url", "width", "height") for size in _SIZES),
    )
)
# https://www.flickr.com/services/api/ , "Error codes" of each method's page.
_ADVICE = {
    "flickr.photosets.getPhotos": {1: "albums names an album that is not there", 2: "albums names an unknown user"},
    "flickr.people.getPublicPhotos": {1: "users names an unknown user"},
    "flickr.favorites.getPublicList": {1: "favourites names an unknown user"},
    "flickr.groups.pools.getPhotos": {
        1: "groups names a group that is not there",
        2: "its pool is closed to this key",
        3: "it names an unknown user",
        4: "its pool is for members only",
    },
    "flickr.galleries.getPhotos": {1: "galleries names a gallery that is not there"},
    SEARCH: {
        3: "search needs a text, tags, a user or another filter",
        18: "the parameters of search contradict each other",
        20: "it lists no further than it did",
    },
}
_KEY = {98, 99, 100}
_DOWN = {105, 106}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page of a list; `owner` is whose set it is, `total` how many photos and videos the whole list has."""

    photos: tuple[Record, ...]
    owner: str
    pages: int
    total: int


def trouble(answer: Any, method: str) -> Trouble | None:
    """What is wrong with an answer as a whole, None when it is one. Raises SourceChanged."""
    if answer is None:
        return Trouble(kind="again", said="Flickr did not answer with JSON")
    said = Record.of(answer, "Flickr")
    if said.text("stat") == "ok":
        return None
    code, message = said.whole("code", -1), said.text("message")
    if "not currently available" in str(message) or code in _DOWN or (code == 10 and method == SEARCH):
        return Trouble(kind="again", said="Flickr's API is not available")
    words = f"Flickr says no to {method} (code {code}: {message})"
    if code in _KEY:
        return Trouble(kind="refused", said=f"{words}; set a valid api_key")
    return Trouble(kind="list", said=f"{words}; {_ADVICE.get(method, {}).get(code, 'check the options')}")


def listing(answer: Any, query: Mapping[str, str]) -> Listing:
    """The page that an answer holds. Raises SourceChanged when its format is not the known one."""
    page = Record.of(answer, "Flickr").record("photoset" if "photoset_id" in query else "photos")
    return Listing(
        photos=tuple(page.records("photo")),
        owner=page.text("owner") or query.get("user_id", ""),
        pages=page.whole("pages", 1),
        total=page.whole("total"),
    )


def nsids(answer: Any) -> tuple[str, ...]:
    """The accounts of The Commons. https://www.flickr.com/services/api/flickr.commons.getInstitutions.html"""
    institutions = Record.of(answer, "Flickr").record("institutions")
    return tuple(each.needed("nsid") for each in institutions.records("institution"))


def photo_item(photo: Record, owner: str) -> ImageItem | None:
    """One entry of an answer; `owner` is whose set it stands in. None when Flickr gives no address for any size."""
    url = next((url for size in _SIZES if (url := photo.text(f"url_{size}"))), None)
    who, number, id_ = photo.text("owner") or owner, photo.text("license"), photo.needed("id")
    known = licence(from_flickr(number or "") or "")
    if url is None:
        return None
    return ImageItem(
        source_id=id_,
        image_url=url,
        page_url=f"https://www.flickr.com/photos/{who}/{id_}/",
        title=photo.text("title"),
        description=photo.text("description"),
        tags=tuple((photo.text("tags") or "").split()),
        creator=photo.text("ownername"),
        creator_url=f"https://www.flickr.com/people/{who}/",
        license=known.id if known else None,
        license_url=known.uri if known else None,
        license_raw=number,
        published_at=iso_unix(photo.text("dateupload")),
        taken_at=iso_taken({name: photo.text(name) for name in _KEEP if photo.text(name)}),
        raw={key: photo.fields[key] for key in _KEEP if key in photo.fields},
    )
