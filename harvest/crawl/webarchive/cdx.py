"""Indexes of web archives (CDX) in their three dialects: what to ask, and how to read the rows.

`wayback`      https://github.com/internetarchive/wayback/tree/master/wayback-cdx-server
`pywb`         https://pywb.readthedocs.io/en/latest/manual/cdxserver_api.html
`commoncrawl`  https://index.commoncrawl.org/, a pywb whose index comes in pages
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlencode, urlsplit

from harvest.crawl.webarchive.captures import REVISIT, Capture, Query
from harvest.errors import SourceChanged

__all__ = [
    "DIALECTS",
    "Archive",
    "Step",
    "archive",
    "crawls",
    "dialect_of",
    "lines",
    "read",
    "rows",
    "rows_of",
    "url",
]

DIALECTS = ("wayback", "pywb", "commoncrawl")
_ROW_FIELDS = ("urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length")
_NEEDED = {"timestamp", "original", "statuscode", "mimetype"}
_LINE_FIELDS = ("urlkey", "timestamp", "url", "mime", "status", "digest", "length", "offset", "filename")
_NAMES: Mapping[str, str] = {"url": "original", "mime": "mimetype", "status": "statuscode"}
_PER_PAGE = {"wayback": 1000, "pywb": 20_000, "commoncrawl": 20_000}  # rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An archive: its dialect, its index, where it replays captures or keeps files."""

    dialect: str
    index: str
    replay: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question of a listing: a page of one index, of captures between two times, both inclusive.

    Rows of one index between the same times come sorted by urlkey. The values are such as JSON can say.
    """

    index: str
    since: str | None = None
    until: str | None = None
    resume: str | None = None
    page: int | None = None
    pages: int | None = None


def archive(dialect: str, index: str | None, replay: str | None) -> Archive:
    """What the options say of an archive, filled in from what is usual. Raises ValueError, worded for the user."""
    if dialect == "auto":
        told = dialect_of(index) if index else "wayback"
        if told is None:
            raise ValueError(f"expected one of {', '.join(DIALECTS)}, since {index} does not tell")
        dialect = told
    if dialect == "wayback":
        index, usual = index or "https://web.archive.org/cdx/search/cdx", "https://web.archive.org/web/"
    elif dialect == "commoncrawl":
        index, usual = index or "https://index.commoncrawl.org/", "https://data.commoncrawl.org/"
    elif index:
        usual = re.sub(r"(cdx|index)/?$", "", index)
    else:
        raise ValueError("pywb needs the address of its index: set cdx to http://HOST/COLLECTION/cdx")
    replay = replay or usual
    return Archive(dialect=dialect, index=index, replay=f"{replay.rstrip('/')}/")


def dialect_of(cdx: str) -> str | None:
    """The dialect that an index's address tells, None when it could be any.

    >>> [dialect_of(url) for url in ("https://web.archive.org/cdx/search/cdx", "http://127.0.0.1:8080/old/cdx")]
    ['wayback', 'pywb']
    """
    parts = urlsplit(cdx)
    path = parts.path.rstrip("/")
    if parts.hostname == "index.commoncrawl.org" or path.endswith("-index"):
        return "commoncrawl"
    if path.endswith(("/cdx/search/cdx", "/cdx/search")):
        return "wayback"
    return "pywb" if re.fullmatch(r"/[\w.-]+/(cdx|index)", path) else None


def url(archive: Archive, query: Query, step: Step) -> str:
    """The address that asks one question.

    Common Crawl's pages are counted first. A pywb is never asked for their number: where its index has no pages, it
    answers that with every row, whatever filters and limits were named.
    """
    is_count = archive.dialect == "commoncrawl" and step.page is None
    return _url(
        step.index,
        ("url", query.url),
        ("matchType", query.match),
        ("output", "json"),
        *_wanted(archive.dialect, query),
        ("from", step.since),
        ("to", step.until),
        ("limit", rows_of(archive, query) if archive.dialect != "commoncrawl" else None),
        ("showNumPages", "true" if is_count else None),
        ("page", step.page),
        ("resumeKey", step.resume),
    )


def rows_of(archive: Archive, query: Query) -> int:
    """How many rows an answer has at most."""
    return query.per_page or _PER_PAGE[archive.dialect]


def _wanted(dialect: str, query: Query) -> Iterator[tuple[str, str | None]]:
    kinds = "|".join((*query.mimetypes, REVISIT) if query.revisits else query.mimetypes)
    if dialect == "wayback":
        yield "fl", ",".join(_ROW_FIELDS)
        yield "filter", "statuscode:200|-" if query.revisits else "statuscode:200"
        yield "filter", f"mimetype:{kinds}"
        yield "collapse", query.collapse if query.folds else None
        yield "showResumeKey", "true"
    else:
        yield "fl", ",".join(_LINE_FIELDS)
        yield "filter", None if query.revisits else "=status:200"
        yield "filter", f"~mime:({kinds})$"


def read(dialect: str, text: str) -> tuple[list[Capture], str | None, int | None]:
    """An answer's captures, the key that continues it, and the number of pages where it is that.

    Raises ValueError for what is no JSON, SourceChanged for what is another one.
    """
    try:
        if dialect == "wayback":
            return (*rows(json.loads(text)), None)
        captures, pages = lines(text)
    except RecursionError:
        raise SourceChanged("the index answered with lists inside lists without an end") from None
    return captures, None, pages


def rows(answer: Any) -> tuple[list[Capture], str | None]:
    """The captures of a Wayback index's JSON answer, and the key that continues it. Raises SourceChanged."""
    if not isinstance(answer, list) or not all(isinstance(row, list) for row in answer):
        raise SourceChanged("the index answered without a list of rows; its format is not the known one")
    resume = None
    if len(answer) > 1 and answer[-2] == [] and answer[-1]:
        resume, answer = unquote_plus(str(answer[-1][0])), answer[:-2]
    header, given = (answer[0], answer[1:]) if answer else (list(_ROW_FIELDS), [])
    if not {str(name) for name in header} >= _NEEDED or any(len(row) < len(header) for row in given):
        raise SourceChanged(f"the index's columns are {header}, expected {list(_ROW_FIELDS)}")
    return [_capture(dict(zip(map(str, header), row, strict=False))) for row in given], resume


def lines(text: str) -> tuple[list[Capture], int | None]:
    """The captures of pywb's answer, one JSON object a line, or the number of pages.

    Raises ValueError where it is no JSON, and SourceChanged.
    """
    found: list[Capture] = []
    for line in text.splitlines():
        row = json.loads(line) if line.strip() else None
        if isinstance(row, int):
            return [], row
        if row is None or (isinstance(row, dict) and "message" in row and "timestamp" not in row):
            continue  # "No Captures found for ..."
        if isinstance(row, dict) and str(row.get("pages")).isdecimal() and "timestamp" not in row:
            return [], int(row["pages"])
        if not isinstance(row, dict) or not {"timestamp", "url"} <= row.keys():
            raise SourceChanged("the index answered with rows of an unknown kind; is `dialect` right?")
        found.append(_capture({_NAMES.get(str(name), str(name)): value for name, value in row.items()}))
    return found, None


def crawls(answer: Any, query: Query) -> list[str]:
    """The indexes of Common Crawl's crawls between the query's times, the oldest first. Raises SourceChanged.

    https://index.commoncrawl.org/collinfo.json
    """
    if not isinstance(answer, list) or not all(
        isinstance(one, dict) and {"id", "cdx-api"} <= one.keys() for one in answer
    ):
        raise SourceChanged("the list of crawls has an unknown format; name them in options.crawls")
    found = []
    for one in answer:
        first, last = _digits(one.get("from")), _digits(one.get("to"))
        if query.since and last and last < query.since.ljust(14, "0"):
            continue
        if query.until and first and first > query.until.ljust(14, "9"):
            continue
        found.append((first or str(one["id"]), str(one["cdx-api"])))
    return [address for _, address in sorted(found)]


def _capture(row: Mapping[str, Any]) -> Capture:
    said: dict[str, Any] = {
        name: None if row.get(name) in (None, "", "-") else str(row[name])
        for name in ("digest", "length", "filename", "offset")
    }
    return Capture(
        urlkey=str(row.get("urlkey") or row["original"]),
        timestamp=str(row["timestamp"]),
        original=str(row["original"]),
        mimetype=str(row.get("mimetype") or "unk"),
        status=str(row.get("statuscode") or "-"),
        **said,
    )


def _url(endpoint: str, *parameters: tuple[str, Any]) -> str:
    joint = "&" if "?" in endpoint else "?"
    return f"{endpoint}{joint}{urlencode([(name, value) for name, value in parameters if value is not None])}"


def _digits(moment: Any) -> str | None:
    digits = re.sub(r"\D", "", str(moment or ""))[:14]
    return digits or None
