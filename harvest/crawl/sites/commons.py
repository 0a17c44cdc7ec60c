"""Wikimedia Commons' answers: errors, batches that come in pieces, and one file's page as an item.

https://www.mediawiki.org/wiki/API:Query, https://www.mediawiki.org/wiki/API:Imageinfo,
https://www.mediawiki.org/wiki/Extension:CommonsMetadata
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harvest.crawl.sites.apis import Trouble
from harvest.crawl.sites.parsing import first_link, iso_moment, iso_said, plain
from harvest.crawl.sites.shapes import Record
from harvest.items import ImageItem
from harvest.licences import normalize

__all__ = ["FILE_FIELDS", "INFO_FIELDS", "METADATA", "SOURCE", "Batch", "batch", "file_item", "trouble"]

SOURCE = "Commons"
FILE_FIELDS = frozenset(
    {"pageid", "ns", "title", "imagerepository", "imageinfo", "index", "missing", "invalid", "known", "badfile"}
)
INFO_FIELDS = frozenset(
    (
        *("url", "descriptionurl", "descriptionshorturl", "size", "width", "height", "sha1", "mime", "timestamp"),
        *("user", "userhidden", "anon", "extmetadata", "filemissing", "filehidden", "pagecount", "duration"),
        *("thumburl", "thumbwidth", "thumbheight", "thumbmime", "responsiveUrls"),
    )
)
_KEPT = ("Credit", "Attribution", "AttributionRequired", "UsageTerms", "Restrictions", "Copyrighted", "Permission")
METADATA = (
    *("LicenseShortName", "LicenseUrl", "License", "Artist", "ObjectName", "ImageDescription", "DateTimeOriginal"),
    *("Categories", *_KEPT),
)
# https://www.mediawiki.org/wiki/API:Errors_and_warnings
_PASSING = {"maxlag", "ratelimited", "readonly", "cirrussearch-backend-error", "cirrussearch-too-busy-error"}
_FINAL = {"blocked", "autoblocked", "globalblocking-ipblocked", "permissiondenied", "readapidenied"}
_DATED = re.compile(r"""datetime=["']([^"']+)["']""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What an answer adds up to: pages that are complete, those that wait for more, and the keys that bring more."""

    files: tuple[Record, ...]
    held: Mapping[str, Any]
    following: Mapping[str, str]
    warnings: tuple[str, ...]


def trouble(answer: Any) -> Trouble | None:
    """What is wrong with an answer as a whole, None when it is one. Raises SourceChanged."""
    if answer is None:
        return Trouble(kind="again", said="Commons did not answer with JSON")
    said = Record.of(answer, SOURCE)
    if "error" not in said.fields:
        return None
    error = said.record("error")
    code, words = error.text("code") or "?", f"Commons says no ({error.text('code')}: {error.text('info')})"
    if code in _PASSING or code.startswith("internal_api_error"):
        return Trouble(kind="again", said=words)
    return Trouble(kind="refused" if code in _FINAL else "list", said=words)


def batch(answer: Any, held: Mapping[str, Any]) -> Batch:
    """Merge an answer into the pages that are `held` by id: their properties may come in several answers.

    Raises SourceChanged.
    """
    said = Record.of(answer, SOURCE)
    pages = {id_: dict(page) for id_, page in held.items()}
    query = said.record("query") if "query" in said.fields else Record({}, SOURCE, "query")
    for page in query.records("pages", optional=True):
        id_ = page.text("pageid") or page.needed("title")
        pages[id_] = _merged(pages.get(id_, {}), page.fields)
    following = said.record("continue").fields if "continue" in said.fields else {}
    is_whole = "batchcomplete" in said.fields or not following
    warnings = said.record("warnings") if "warnings" in said.fields else Record({}, SOURCE)
    return Batch(
        files=tuple(Record(page, SOURCE, f"query.pages.{id_}") for id_, page in pages.items()) if is_whole else (),
        held={} if is_whole else pages,
        following={key: str(value) for key, value in following.items()},
        warnings=tuple(str(words) for words in warnings.fields.values()),
    )


def file_item(page: Record, info: Record, *, is_thumb: bool) -> ImageItem:
    """One file's page; `is_thumb` takes the smaller copy that was asked for. Raises SourceChanged."""
    said = {name: value for name, value in _metadata(info).items() if value}
    url = (info.text("thumburl") if is_thumb else None) or info.needed("url")
    link, short = said.get("LicenseUrl"), said.get("LicenseShortName")
    about = info.text("descriptionurl")
    title = page.needed("title")
    raw: dict[str, Any] = {"file": title, "mime": info.text("mime"), "uploader": info.text("user")}
    raw |= {name: info.whole(name) for name in ("size", "width", "height") if name in info.fields}
    raw |= {name: plain(said.get(name)) for name in _KEPT} | {"DateTimeOriginal": said.get("DateTimeOriginal")}
    return ImageItem(
        source_id=page.text("pageid") or title,
        image_url=url,
        page_url=about,
        title=plain(said.get("ObjectName")) or re.sub(r"^File:|\.\w+$", "", title),
        description=plain(said.get("ImageDescription")),
        tags=tuple(tag.strip() for tag in said.get("Categories", "").split("|") if tag.strip()),
        creator=plain(said.get("Artist")),
        creator_url=first_link(said.get("Artist"), about or ""),
        license=normalize(link) or normalize(short) or normalize(said.get("License")),
        license_url=link,
        license_raw=short or said.get("License"),
        published_at=iso_moment(info.text("timestamp")),
        taken_at=_taken(said.get("DateTimeOriginal")),
        sha1=info.text("sha1") if url == info.text("url") else None,
        raw={name: value for name, value in raw.items() if value is not None},
    )


def _merged(page: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The page with more of its properties; a list goes on where an earlier answer left off."""
    for name, value in more.items():
        before = page.get(name)
        page[name] = [*before, *value] if isinstance(before, list) and isinstance(value, list) else value
    return page


def _metadata(info: Record) -> dict[str, str | None]:
    if not info.fields.get("extmetadata"):  # an empty one is written as a list
        return {}
    return {entry.path.rpartition(".")[2]: entry.text("value") for entry in info.records("extmetadata")}


def _taken(html: str | None) -> str | None:
    """A date's machine-readable form where it has one, else its words where they are a date."""
    dated = _DATED.search(html or "")
    return iso_said(dated[1] if dated else plain(html))
