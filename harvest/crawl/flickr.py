"""Flickr's vocabulary: what may be asked of a search, what to ask of each photo, and one photo record as an item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harvest.crawl.parsing import iso_taken, iso_unix, text
from harvest.items import ImageItem
from harvest.licences import from_flickr, licence

__all__ = ["EXTRAS", "SEARCH_KEYS", "photo_item"]

# From the largest down. An address is taken as the API gives it: sizes over 1024 px have secrets of their own.
_SIZES = ("o", "6k", "5k", "4k", "3k", "k", "h", "l", "c", "z", "m", "n", "s", "t", "q", "sq")
EXTRAS = ",".join(
    (
        *("description", "license", "date_upload", "date_taken", "owner_name", "last_update", "tags", "media"),
        *("path_alias", "o_dims"),
        *(f"url_{size}" for size in _SIZES),
    )
)
# https://www.flickr.com/services/api/flickr.photos.search.html
SEARCH_KEYS = frozenset(
    (
        *("text", "tags", "tag_mode", "license", "user_id", "group_id", "machine_tags", "bbox", "is_commons", "sort"),
        *("min_upload_date", "max_upload_date", "min_taken_date", "max_taken_date"),
        *("content_types", "safe_search", "in_gallery"),
    )
)
_KEEP = ("datetaken", "datetakenunknown", "datetakengranularity", "dateupload", "lastupdate", "o_width", "o_height")


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
