"""Openverse's search: what may be asked, how far its results reach, one record as an item.

https://api.openverse.org/v1/#tag/images
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harvest.config.reader import Secret, setting
from harvest.crawl.sites.apis import Trouble
from harvest.crawl.sites.shapes import Record
from harvest.items import ImageItem
from harvest.licences import normalize

__all__ = ["FIELDS", "OpenverseOptions", "Results", "image_item", "more", "name_of", "results", "trouble"]

_ANONYMOUS = 240  # results of a search that are shown to whoever has no token, 20 a page
_AUTHORIZED = 10_000
_PAGE = 20
_LICENSES = ("by", "by-nc", "by-nc-nd", "by-nc-sa", "by-nd", "by-sa", "cc0", "pdm", "sampling+", "nc-sampling+")
FIELDS = frozenset(
    (
        *("id", "title", "indexed_on", "foreign_landing_url", "url", "creator", "creator_url", "license", "mature"),
        *("license_version", "license_url", "provider", "source", "category", "filesize", "filetype", "tags", "width"),
        *("attribution", "fields_matched", "height", "thumbnail", "detail_url", "related_url"),
        "unstable__sensitivity",
    )
)
_KEPT = (
    "provider",
    "source",
    "category",
    "filesize",
    "filetype",
    "width",
    "height",
    "attribution",
    "indexed_on",
    "mature",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenverseOptions:
    """What to search for: each of `q` with all the filters, or the filters alone.

    Without a `token` a search shows 240 results, 20 a page, and a day has 200 calls: narrow searches are asked for
    better than wide ones. `mature` takes what Openverse marks as sensitive too.
    """

    q: tuple[str, ...] = ()
    license: tuple[str, ...] = setting((), choices=_LICENSES)
    license_type: tuple[str, ...] = setting((), choices=("all", "all-cc", "commercial", "modification"))
    source: tuple[str, ...] = ()
    excluded_source: tuple[str, ...] = ()
    creator: str | None = None
    tags: str | None = None
    title: str | None = None
    category: tuple[str, ...] = setting((), choices=("photograph", "illustration", "digitized_artwork"))
    extension: tuple[str, ...] = ()
    aspect_ratio: tuple[str, ...] = setting((), choices=("tall", "wide", "square"))
    size: tuple[str, ...] = setting((), choices=("small", "medium", "large"))
    mature: bool = False
    token: Secret | None = None
    endpoint: str = setting("https://api.openverse.org/v1/images/", pattern=r"^https?://", expected="an http(s) URL")
    page_size: int = setting(_PAGE, ge=1, le=500)

    @property
    def reach(self) -> int:
        """How many results of a search are shown at the most."""
        return _ANONYMOUS if self.token is None else _AUTHORIZED

    def queries(self) -> Iterator[dict[str, str]]:
        """The parameters of each search."""
        lists = (
            "license",
            "license_type",
            "source",
            "excluded_source",
            "category",
            "extension",
            "aspect_ratio",
            "size",
        )
        filters = {name: ",".join(values) for name in lists if (values := getattr(self, name))}
        words = {name: value for name in ("creator", "tags", "title") if (value := getattr(self, name))}
        sensitive = {"mature": "true"} if self.mature else {}
        for q in self.q:
            yield {"q": q, **words, **filters, **sensitive}
        if not self.q and (words or self.source):
            yield {**words, **filters, **sensitive}

    def faults(self) -> Iterator[tuple[str, str]]:
        """The options that cannot be, and why."""
        if not list(self.queries()):
            yield "", "expected at least one of q, creator, tags, title, source"
        if self.q and (self.creator or self.tags or self.title):
            yield (
                "q",
                "expected either q or creator, tags and title: Openverse leaves the latter aside beside the former",
            )
        if self.token is None and self.page_size > _PAGE:
            yield "page_size", f"expected a whole number <= {_PAGE} without a token, got {self.page_size}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """One page of a search."""

    count: int
    pages: int
    records: tuple[Record, ...]


def name_of(query: Mapping[str, str]) -> str:
    """A search as reports name it.

    >>> name_of({"q": "fin", "license": "by,cc0"})
    'search q=fin license=by,cc0'
    """
    return " ".join(["search", *(f"{key}={value}" for key, value in query.items())])


def trouble(answer: Any) -> Trouble | None:
    """What is wrong with an answer as a whole, None when it is one. Raises SourceChanged."""
    if answer is None:
        return Trouble(kind="again", said="Openverse did not answer with JSON")
    said = Record.of(answer, "Openverse")
    if "detail" in said.fields and "results" not in said.fields:
        return Trouble(kind="list", said=f"Openverse says no: {said.fields['detail']}")
    return None


def results(answer: Any) -> Results:
    """The page that an answer holds. Raises SourceChanged when its format is not the known one."""
    said = Record.of(answer, "Openverse")
    return Results(
        count=said.whole("result_count"), pages=said.whole("page_count", 1), records=tuple(said.records("results"))
    )


def more(count: int, options: OpenverseOptions) -> str | None:
    """What to say of a search that finds more than is shown, None when all is shown.

    Openverse does not say how many results it holds back, so that a count at the limit means any number.
    """
    if count < options.reach:
        return None
    said = f"{count} results or more, only the first {options.reach} are shown"
    return f"{said}: search in narrower words, by source or by licence" + ("" if options.token else ", or with a token")


def image_item(record: Record) -> ImageItem:
    """One result. Its terms are those of the version that Openverse states, its page is the provider's."""
    kind, version = record.text("license"), record.text("license_version")
    url = record.text("license_url")
    raw = " ".join(part for part in (kind, version) if part) or None
    return ImageItem(
        source_id=record.needed("id"),
        image_url=record.needed("url"),
        page_url=record.text("foreign_landing_url"),
        title=record.text("title"),
        tags=tuple(
            name
            for tag in record.records("tags", optional=True)
            if tag.fields.get("accuracy") is None
            and (name := tag.text("name"))  # a machine's guesses say how sure it was
        ),
        creator=record.text("creator"),
        creator_url=record.text("creator_url"),
        license=normalize(url) or normalize(f"CC {raw}" if raw else None) or normalize(raw),
        license_url=url,
        license_raw=raw,
        raw={key: record.fields[key] for key in _KEPT if record.fields.get(key) not in (None, False)},
    )
