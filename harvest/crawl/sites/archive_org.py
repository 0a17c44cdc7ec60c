"""The Internet Archive: what may be asked, and one file of an item as an image.

https://archive.org/developers/md-read.html, https://archive.org/developers/metadata-schema/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from harvest.config.reader import setting
from harvest.crawl.sites.apis import Trouble
from harvest.crawl.sites.parsing import iso_moment, iso_said, plain
from harvest.crawl.sites.shapes import Record
from harvest.items import ImageItem
from harvest.licences import normalize

__all__ = ["ANSWER_FIELDS", "FILE_FIELDS", "SOURCE", "ArchiveOptions", "closed", "image_item", "images", "trouble"]

SOURCE = "archive.org"
# https://archive.org/help/derivatives.php; thumbnails and tiles have formats of their own.
_FORMATS = ("JPEG", "PNG", "GIF", "Animated GIF", "TIFF", "JPEG 2000", "WebP", "BMP")
_HTTP: Any = {"pattern": r"^https?://.*/$", "expected": "an http(s) URL that ends with /"}
_ITEM: Any = {"pattern": r"^[A-Za-z0-9][\w.-]*$", "expected": "an identifier, as in archive.org/details/<identifier>"}
ANSWER_FIELDS = frozenset(
    (
        *("created", "d1", "d2", "dir", "server", "workable_servers", "files", "files_count", "item_last_updated"),
        *("item_size", "metadata", "uniq", "reviews", "is_dark", "nodownload", "is_collection", "servers_unavailable"),
        *("alternate_locations", "simplelists", "solo", "updated"),
    )
)
FILE_FIELDS = frozenset(
    (
        *(
            "name",
            "source",
            "format",
            "size",
            "md5",
            "sha1",
            "crc32",
            "mtime",
            "original",
            "title",
            "creator",
            "private",
        ),
        *("rotation", "width", "height", "length", "btih", "summation", "viruscheck", "filecount", "old_version"),
    )
)
_KEPT = ("format", "source", "size", "md5", "mtime", "width", "height", "original")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveOptions:
    """What to list, at least one of them: `search` takes queries as archive.org's advanced search does, `collections`
    and `items` identifiers as in archive.org/details/<identifier>.

    Of a collection, the items of one `mediatype` are listed. `formats` are those of files, in the words of the files'
    list; `derivatives` takes what the Archive made of an item, too.
    """

    search: tuple[str, ...] = ()
    collections: tuple[str, ...] = setting((), **_ITEM)
    items: tuple[str, ...] = setting((), **_ITEM)
    mediatype: str = "image"
    formats: tuple[str, ...] = _FORMATS
    derivatives: bool = False
    endpoint: str = setting("https://archive.org/", **_HTTP)
    per_page: int = setting(1000, ge=100, le=10_000)

    def queries(self) -> Iterator[str]:
        """Each search, in the words of the index."""
        yield from self.search
        for collection in self.collections:
            yield f"collection:{collection} AND mediatype:{self.mediatype}"

    def metadata_url(self, identifier: str) -> str:
        """Where an item's files are listed."""
        return f"{self.endpoint}metadata/{quote(identifier, safe='')}"


def trouble(answer: Any) -> Trouble | None:
    """What is wrong with an answer as a whole, None when it is one. Raises SourceChanged."""
    if answer is None:
        return Trouble(kind="again", said="archive.org did not answer with JSON")
    said = Record.of(answer, SOURCE)
    if "error" in said.fields:
        return Trouble(kind="list", said=f"archive.org says no: {plain(str(said.fields['error']))}")
    return None


def closed(item: Record) -> str | None:
    """Why an item has no files for the public, None when it has."""
    if not item.fields:
        return "there is no such item"
    if item.fields.get("is_dark"):
        return "the item is dark: the Archive shows it no longer"
    if item.fields.get("nodownload"):
        return "the item is not for download"
    if "metadata" not in item.fields:
        return "the item has no metadata"
    restricted = item.record("metadata").texts("access-restricted-item")
    return "the item is for lending only" if "true" in restricted else None


def images(item: Record, options: ArchiveOptions) -> tuple[Record, ...]:
    """The files of an item that are wanted: in one of the formats, public, and original unless derivatives are too."""
    formats = {name.casefold() for name in options.formats}
    return tuple(
        file
        for file in item.records("files", optional=True)
        if (file.text("format") or "").casefold() in formats
        and (options.derivatives or file.text("source") == "original")
        and file.text("private") != "true"
    )


def image_item(identifier: str, item: Record, file: Record, options: ArchiveOptions) -> ImageItem:
    """One file. Its address names the item, not the server that has it today."""
    about = item.record("metadata")
    name = file.needed("name")
    link = next(iter(about.texts("licenseurl")), None)
    rights = plain(" ".join(about.texts("rights")))
    subjects = [part.strip() for text in about.texts("subject") for part in text.split(";")]
    return ImageItem(
        source_id=f"{identifier}/{name}",
        image_url=f"{options.endpoint}download/{quote(identifier, safe='')}/{quote(name)}",
        page_url=f"{options.endpoint}details/{quote(identifier, safe='')}",
        title=file.text("title") or next(iter(about.texts("title")), None),
        description=plain("\n".join(about.texts("description"))),
        tags=tuple(dict.fromkeys(subject for subject in subjects if subject)),
        creator="; ".join(about.texts("creator")) or file.text("creator"),
        license=normalize(link) if link else normalize(rights),
        license_url=link,
        license_raw=link or rights,
        published_at=iso_moment(next(iter(about.texts("publicdate")), None)),
        taken_at=iso_said(re.sub(r"T00:00:00Z$", "", next(iter(about.texts("date")), ""))),
        sha1=file.text("sha1"),
        raw={key: value for key in _KEPT if (value := file.text(key))}
        | ({"rights": rights} if rights and link else {}),
    )
