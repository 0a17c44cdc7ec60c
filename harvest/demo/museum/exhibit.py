"""One image in the museum, with everything that its host needs to answer for it; and the addresses of the hosts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from harvest.demo.museum.cards import Card
from harvest.demo.museum.pictures import Picture
from harvest.demo.museum.planted import KINDS, Fate, Planted

__all__ = [
    "API",
    "ARCHIVE",
    "CDN",
    "GALLERY",
    "OLD_SITE",
    "SOURCES",
    "STUDIO",
    "TRUTH",
    "Exhibit",
    "captured_at",
    "photo_id",
    "photo_secret",
    "taken_on_server",
]

API: Final = "api.flickr.test"
CDN: Final = "live.flickr.test"
ARCHIVE: Final = "web.archive.test"
GALLERY: Final = "gallery.museum.test"
STUDIO: Final = "studio.museum.test"
TRUTH: Final = "truth.museum.test"
#: The site that is no more: the archive holds captures of it.
OLD_SITE: Final = "herbarium.museum.test"
#: Source configs of the demo, by name.
SOURCES: Final = ("flickr", "wayback", "gallery", "studio")
_HOSTS: Final = {"flickr": CDN, "wayback": ARCHIVE, "gallery": GALLERY, "studio": STUDIO}
_TYPES: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_EXTENSIONS: Final = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


def photo_id(number: int) -> str:
    """A Flickr photo id."""
    return str(53_100_000_000 + 7_919 * number)


def photo_secret(number: int) -> str:
    """The ten hex digits that a Flickr photo's addresses carry."""
    return hashlib.sha256(b"photo %d" % number).hexdigest()[:10]


def captured_at(number: int, again: int = 0) -> str:
    """The 14 digits of an archive's capture; `again` counts later visits to the same address."""
    moment = datetime(2004, 3, 1, 6, tzinfo=UTC) + timedelta(hours=31 * number, minutes=number % 60, days=400 * again)
    return f"{moment:%Y%m%d%H%M%S}"


def taken_on_server(exhibit: Exhibit) -> datetime:
    """When its file was put on the server."""
    return datetime(2014, 5, 1, 9, tzinfo=UTC) + timedelta(hours=53 * exhibit.number, seconds=exhibit.number * 7 % 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """An image under an address of its own; `number` is its place among those of its `source`.

    `way` says by which of several means a refusal is stated. `of` is the exhibit that this one copies.
    """

    source: str
    number: int
    kind: str
    slug: str
    card: Card
    picture: Picture
    way: str = ""
    of: Exhibit | None = None

    @property
    def host(self) -> str:
        """Where the file is served."""
        return _HOSTS[self.source]

    @property
    def media_type(self) -> str:
        """What the server says the file is, whether it is or not."""
        return _TYPES[self.picture.form]

    @property
    def file_name(self) -> str:
        """The last part of its address, except on Flickr."""
        return f"{self.slug}.{_EXTENSIONS[self.picture.form]}"

    @property
    def original_url(self) -> str:
        """The address that the archive visited."""
        return f"http://{OLD_SITE}/plates/{self.file_name}"

    @property
    def path(self) -> str:
        """Where on its host the file is."""
        if self.source == "flickr":
            size, end = ("b", "jpg") if self.without_original else ("o", _EXTENSIONS[self.picture.form])
            return f"/65535/{photo_id(self.number)}_{photo_secret(self.number)}_{size}.{end}"
        if self.source == "wayback":
            return f"/web/{captured_at(self.number)}id_/{self.original_url}"
        folder = {"robots": "private", "well-known": "reserved", "tdm-header": "media/held"}.get(self.way, "media")
        return f"/{folder}/{self.file_name}"

    @property
    def url(self) -> str:
        """The address of the file."""
        return f"http://{self.host}{self.path}"

    @property
    def without_original(self) -> bool:
        """Whether Flickr keeps the original to itself and shows a size of its own making, as it does for some."""
        return self.source == "flickr" and self.picture.form == "JPEG" and self.number % 9 == 4

    @property
    def fate(self) -> Fate:
        """What ought to become of it; who is told by a page or a file of rules need not fetch to know."""
        early = self.way in {"well-known", "meta-robots"}
        return Fate.NOT_FETCHED if early else KINDS[self.kind]

    def planted(self, sha256: str | None) -> Planted:
        """What the truth file says of it."""
        told = self.source != "wayback"
        return Planted(
            url=self.url,
            host=self.host,
            source=self.source,
            kind=self.kind,
            fate=self.fate,
            of=self.of.url if self.of else None,
            license=self.card.terms.license,
            creator=self.card.creator,
            title=self.card.title if told else None,
            sha256=sha256,
        )
