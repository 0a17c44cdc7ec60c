"""api.flickr.test and live.flickr.test: answers in the shapes of Flickr's REST API, and the files behind them.

Shapes: https://www.flickr.com/services/api/ (each method's page), and answers seen in public clients' fixtures; like
the real one, it mixes numbers and numbers in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final

from harvest.demo.museum.collection import Collection
from harvest.demo.museum.exhibit import CDN, Exhibit, photo_id, photo_secret
from harvest.demo.museum.web import Answer, Request, as_json, html, not_found, plain, robots_txt, serve_file

__all__ = ["ALBUM", "FLICKR_KEY", "GALLERY_ID", "GROUP", "SEARCH_TAG", "FlickrApi", "FlickrCdn", "nsid"]

#: The one key that this API knows.
FLICKR_KEY: Final = "0123456789abcdef0123456789abcdef"
ALBUM: Final = "72157719000000001"
GROUP: Final = "31415926@N20"
GALLERY_ID: Final = "66911286-72157719000000002"
SEARCH_TAG: Final = "typology"
#: The call that meets the hourly limit, and is asked to come again.
LIMITED_CALL: Final = 3
#: Sizes that Flickr makes of every photograph, by suffix of the parameter: longest side in pixels.
_MADE_SIZES: Final = {"t": 100, "m": 240, "n": 320}
_FIRST_UPLOAD: Final = datetime(2015, 1, 7, 12, tzinfo=UTC)


def nsid(rank: int) -> str:
    """The id of an account, by its place among the creators in alphabetical order."""
    return f"{60_000_001 + rank}@N0{rank % 10}"


class _Fail(Exception):
    """An answer with `stat: fail`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.answer = as_json({"stat": "fail", "code": code, "message": message})


class FlickrApi:
    """Lists the photographs in five ways that hardly overlap: an album, an account, a group, a gallery, a search."""

    def __init__(self, collection: Collection) -> None:
        self._photos = [exhibit for exhibit in collection.exhibits if exhibit.source == "flickr"]
        creators = sorted({exhibit.card.creator or "" for exhibit in self._photos})
        self._rank = {name: rank for rank, name in enumerate(creators)}
        self._calls = 0
        self._lock = Lock()
        self._methods: dict[str, Callable[[Request], tuple[list[Exhibit], dict[str, Any]]]] = {
            "flickr.photosets.getPhotos": self._album,
            "flickr.people.getPublicPhotos": self._account,
            "flickr.groups.pools.getPhotos": self._group,
            "flickr.galleries.getPhotos": self._gallery,
            "flickr.photos.search": self._search,
        }

    def __call__(self, request: Request) -> Answer:
        """Answer one call."""
        if request.path == "/robots.txt":
            return robots_txt()
        if request.path.rstrip("/") != "/services/rest":
            return not_found()
        with self._lock:
            self._calls += 1
            if self._calls == LIMITED_CALL:
                return plain("Rate limit exceeded", 429, ("Retry-After", "1"))
        try:
            return self._listing(request)
        except _Fail as failure:
            return failure.answer

    def _listing(self, request: Request) -> Answer:
        if request.parameter("format") != "json" or request.parameter("nojsoncallback") != "1":
            raise _Fail(111, f'Format "{request.parameter("format", "xml")}" not found')
        if request.parameter("api_key") != FLICKR_KEY:
            raise _Fail(100, "Invalid API Key (Key has invalid format)")
        method = request.parameter("method")
        if method not in self._methods:
            raise _Fail(112, f'Method "{method}" not found')
        photos, head = self._methods[method](request)
        root = "photoset" if "photosets" in method else "photos"
        default = 500 if root == "photoset" else 100
        per_page = min(max(_whole(request, "per_page", default), 1), 500)
        page = max(_whole(request, "page", 1), 1)
        pages = -(-len(photos) // per_page)
        shown = photos[(page - 1) * per_page : page * per_page]
        extras = set(request.parameter("extras").split(","))
        listing = {
            **head,
            "page": page,
            "pages": pages,
            "perpage": str(per_page) if root == "photoset" else per_page,
            "total": str(len(photos)) if "search" in method else len(photos),
            "photo": [self._entry(exhibit, extras, in_set=root == "photoset") for exhibit in shown],
        }
        return as_json({root: listing, "stat": "ok"})

    def _album(self, request: Request) -> tuple[list[Exhibit], dict[str, Any]]:
        if request.parameter("photoset_id") != ALBUM:
            raise _Fail(1, "Photoset not found")
        if request.parameter("user_id") != nsid(0):
            raise _Fail(2, "User not found")
        photos = [photo for photo in self._photos if self._owner(photo) == nsid(0)]
        owner = photos[0].card.creator if photos else ""
        return photos, {"id": ALBUM, "primary": "", "owner": nsid(0), "ownername": owner, "title": "Plates, drawer one"}

    def _account(self, request: Request) -> tuple[list[Exhibit], dict[str, Any]]:
        user = request.parameter("user_id")
        if user not in map(nsid, self._rank.values()):
            raise _Fail(1, "User not found")
        return [photo for photo in self._photos if self._owner(photo) == user], {}

    def _group(self, request: Request) -> tuple[list[Exhibit], dict[str, Any]]:
        if request.parameter("group_id") != GROUP:
            raise _Fail(1, "Group not found")
        return [photo for photo in self._photos if self._lot(photo) == "group"], {}

    def _gallery(self, request: Request) -> tuple[list[Exhibit], dict[str, Any]]:
        if request.parameter("gallery_id") != GALLERY_ID:
            raise _Fail(1, "Invalid gallery ID")
        return [photo for photo in self._photos if self._lot(photo) == "gallery"], {}

    def _search(self, request: Request) -> tuple[list[Exhibit], dict[str, Any]]:
        asked = {name: request.parameter(name) for name in ("text", "tags", "license", "user_id", "group_id")}
        earliest, latest = _moment(request, "min_upload_date"), _moment(request, "max_upload_date")
        if not any(asked.values()) and earliest is None and latest is None:
            raise _Fail(3, "Parameterless searches have been disabled. Please use flickr.photos.getRecent instead.")
        photos = [photo for photo in self._photos if self._matches(photo, asked)]
        since = [photo for photo in photos if earliest is None or _uploaded(photo) >= earliest]
        return [photo for photo in since if latest is None or _uploaded(photo) <= latest], {}

    def _matches(self, photo: Exhibit, asked: dict[str, str]) -> bool:
        words = f"{photo.card.title} {photo.card.caption}".lower()
        tags = {tag.strip().lower() for tag in asked["tags"].split(",") if tag.strip()}
        return (
            all(word in words for word in asked["text"].lower().split())
            and (not tags or bool(tags & set(self._tags(photo))))
            and (not asked["license"] or photo.card.terms.flickr in asked["license"].split(","))
            and asked["user_id"] in {"", self._owner(photo)}
            and (not asked["group_id"] or (asked["group_id"] == GROUP and self._lot(photo) == "group"))
        )

    def _owner(self, photo: Exhibit) -> str:
        return nsid(self._rank[photo.card.creator or ""])

    def _lot(self, photo: Exhibit) -> str:
        """Which list leads to a photograph: the album and the second account have all of their owners'."""
        rank = self._rank[photo.card.creator or ""]
        if rank < 2:
            return ("album", "account")[rank]
        return ("group", "search", "group", "gallery", "search")[photo.number % 5]

    def _tags(self, photo: Exhibit) -> list[str]:
        own = [re.sub(r"[^a-z0-9]", "", tag.lower()) for tag in photo.card.tags]
        return [*own, SEARCH_TAG] if self._lot(photo) == "search" else own

    def _entry(self, photo: Exhibit, extras: set[str], *, in_set: bool) -> dict[str, Any]:
        identifier, secret = photo_id(photo.number), photo_secret(photo.number)
        entry: dict[str, Any] = {"id": identifier, "secret": secret, "server": "65535", "farm": 66}
        entry |= {"title": photo.card.title, "ispublic": 1, "isfriend": 0, "isfamily": 0}
        if in_set:
            entry["isprimary"] = "0"
        else:
            entry["owner"] = self._owner(photo)
        uploaded = _uploaded(photo)
        told: dict[str, dict[str, Any]] = {
            "license": {"license": photo.card.terms.flickr},
            "owner_name": {"ownername": photo.card.creator},
            "path_alias": {"pathalias": None if photo.number % 3 else "plates-and-prints"},
            "date_upload": {"dateupload": str(int(uploaded.timestamp()))},
            "last_update": {"lastupdate": str(int(uploaded.timestamp()) + 86_400)},
            "date_taken": {
                "datetaken": f"{photo.card.year}-01-01 00:00:00",
                "datetakengranularity": 6,
                "datetakenunknown": "0",
            },
            "description": {"description": {"_content": photo.card.caption}},
            "tags": {"tags": " ".join(self._tags(photo))},
            "media": {"media": "photo", "media_status": "ready"},
            "views": {"views": str(17 * photo.number % 900)},
        }
        for name, fields in told.items():
            if name in extras:
                entry |= fields
        return entry | self._sizes(photo, extras)

    def _sizes(self, photo: Exhibit, extras: set[str]) -> dict[str, Any]:
        width, height = photo.picture.size
        stem = f"http://{CDN}/65535/{photo_id(photo.number)}_{photo_secret(photo.number)}"
        addresses = {"l" if photo.without_original else "o": (photo.url, width, height)}
        for size, side in _MADE_SIZES.items():
            if side < max(width, height):
                scale = side / max(width, height)
                addresses[size] = (f"{stem}_{size}.jpg", round(width * scale), round(height * scale))
        fields: dict[str, Any] = {}
        for size, (url, across, down) in addresses.items():
            if f"url_{size}" in extras:
                # Real answers give the original's sides in quotes, and those of the other sizes without.
                sides = (str(across), str(down)) if size == "o" else (across, down)
                fields |= {f"url_{size}": url, f"width_{size}": sides[0], f"height_{size}": sides[1]}
        if "o_dims" in extras and not photo.without_original:
            fields |= {"o_width": str(width), "o_height": str(height)}
        return fields


class FlickrCdn:
    """The files."""

    def __init__(self, collection: Collection, thumbnails: Callable[[Exhibit, int], bytes]) -> None:
        self._collection, self._thumbnails = collection, thumbnails
        photos: Sequence[Exhibit] = [each for each in collection.exhibits if each.source == "flickr"]
        self._by_path = {photo.path: photo for photo in photos}
        self._by_name = {f"{photo_id(photo.number)}_{photo_secret(photo.number)}": photo for photo in photos}

    def __call__(self, request: Request) -> Answer:
        """Answer for one file."""
        if request.path == "/robots.txt":
            return robots_txt()
        photo = self._by_path.get(request.path)
        if photo is not None:
            digest = self._collection.sha256(photo)
            return not_found() if digest is None else serve_file(request, photo, self._collection.body(photo), digest)
        made = re.fullmatch(r"/65535/(\d+_[0-9a-f]{10})_([tmn])\.jpg", request.path)
        if made is None or made[1] not in self._by_name:
            return html("<h1>Photo unavailable</h1>", 404)
        body = self._thumbnails(self._by_name[made[1]], _MADE_SIZES[made[2]])
        return Answer(200, body, (("Content-Type", "image/jpeg"),))


def _uploaded(photo: Exhibit) -> datetime:
    return _FIRST_UPLOAD + timedelta(hours=29 * photo.number)


def _whole(request: Request, name: str, default: int) -> int:
    value = request.parameter(name)
    return int(value) if value.isdecimal() else default


def _moment(request: Request, name: str) -> datetime | None:
    """A Unix time, or a date as MySQL writes one."""
    value = request.parameter(name)
    if not value:
        return None
    if value.isdecimal():
        return datetime.fromtimestamp(int(value), UTC)
    try:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    except ValueError:
        raise _Fail(18, "Illogical arguments") from None
