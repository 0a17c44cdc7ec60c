"""Indexes of web archives (CDX) in their three dialects: what to ask, and how to read the rows.

`wayback`      https://github.com/internetarchive/wayback/tree/master/wayback-cdx-server
`pywb`         https://pywb.readthedocs.io/en/latest/manual/cdxserver_api.html
`commoncrawl`  https://index.commoncrawl.org/, a pywb whose index comes in pages
"""

from __future__ import annotations

import json
import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus, urlencode, urlsplit

from harvest.crawl.captures import REVISIT, Capture
from harvest.errors import SourceChanged

__all__ = [
    "DIALECTS",
    "Part",
    "Query",
    "crawls",
    "dialect_of",
    "halves",
    "lines",
    "lines_url",
    "rows",
    "rows_url",
]

DIALECTS = ("wayback", "pywb", "commoncrawl")
_ROW_FIELDS = ("urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length")
_NEEDED = {"timestamp", "original", "statuscode", "mimetype"}
_LINE_FIELDS = ("urlkey", "timestamp", "url", "mime", "status", "digest", "length", "offset", "filename")
_BEFORE_THE_WEB = datetime(1990, 1, 1, tzinfo=UTC)
_STAMP = "%Y%m%d%H%M%S"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked of an index. `mimetypes` are full-match regular expressions, `per_page` how many rows an answer has
    at most. With `revisits`, captures are listed too that found the bytes of an earlier one.
    """

    url: str
    match: str
    mimetypes: tuple[str, ...]
    collapse: str
    per_page: int
    revisits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a listing that is sorted by urlkey: one index, between two times of capture, both inclusive."""

    endpoint: str
    since: str | None = None
    until: str | None = None


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


def rows_url(query: Query, part: Part, resume: str | None) -> str:
    """The address of one page of an index of the Wayback Machine's kind."""
    kinds, status = query.mimetypes, "200"
    if query.revisits:
        kinds, status = (*kinds, REVISIT), "200|-"
    return _url(
        part.endpoint,
        ("url", query.url),
        ("matchType", query.match),
        ("output", "json"),
        ("fl", ",".join(_ROW_FIELDS)),
        ("filter", f"statuscode:{status}"),
        ("filter", f"mimetype:{'|'.join(kinds)}"),
        ("from", part.since),
        ("to", part.until),
        ("collapse", None if query.collapse == "none" or query.revisits else query.collapse),
        ("limit", query.per_page),
        ("showResumeKey", "true"),
        ("resumeKey", resume),
    )


def lines_url(query: Query, part: Part, page: int | None) -> str:
    """The address of one page of an index of pywb's kind; without a page, of their number.

    An index that has no pages answers that with all of its rows, up to the limit.
    """
    kinds = (*query.mimetypes, REVISIT) if query.revisits else query.mimetypes
    return _url(
        part.endpoint,
        ("url", query.url),
        ("matchType", query.match),
        ("output", "json"),
        ("fl", ",".join(_LINE_FIELDS)),
        ("filter", None if query.revisits else "=status:200"),
        ("filter", f"~mime:({'|'.join(kinds)})$"),
        ("from", part.since),
        ("to", part.until),
        ("limit", query.per_page if page is None else None),
        ("showNumPages", "true" if page is None else None),
        ("page", page),
    )


def rows(answer: Any) -> tuple[list[Capture], str | None]:
    """The captures of a Wayback index's JSON answer, and the key that continues it. Raises SourceChanged."""
    if not isinstance(answer, list) or not all(isinstance(row, list) for row in answer):
        raise SourceChanged("the index answered without a list of rows; its format is not the known one")
    resume = None
    if len(answer) > 1 and answer[-2] == []:
        resume, answer = unquote_plus(str(answer[-1][0])), answer[:-2]
    header, given = (answer[0], answer[1:]) if answer else (list(_ROW_FIELDS), [])
    if not set(header) >= _NEEDED:
        raise SourceChanged(f"the index's columns are {header}, expected {list(_ROW_FIELDS)}")
    return [_capture(dict(zip(header, row, strict=False))) for row in given], resume


def lines(text: str) -> tuple[list[Capture], int | None]:
    """The captures of pywb's answer, one JSON object a line, or the number of pages. Raises SourceChanged."""
    found: list[Capture] = []
    for line in text.splitlines():
        try:
            row = json.loads(line) if line.strip() else None
        except ValueError:
            raise SourceChanged("the index answered with lines that are not JSON; is `dialect` right?") from None
        if isinstance(row, int):
            return [], row
        if row is None or (isinstance(row, dict) and "message" in row and "timestamp" not in row):
            continue  # "No Captures found for ..."
        if isinstance(row, dict) and "pages" in row and "timestamp" not in row:
            return [], int(row["pages"])
        if not isinstance(row, dict) or not {"timestamp", "url"} <= row.keys():
            raise SourceChanged("the index answered with rows of an unknown kind; is `dialect` right?")
        names = {"url": "original", "mime": "mimetype", "status": "statuscode"}
        found.append(_capture({names.get(name, name): value for name, value in row.items()}))
    return found, None


def crawls(answer: Any, since: str | None, until: str | None) -> list[tuple[str, str]]:
    """Common Crawl's crawls between two times, the oldest first: id and address of the index. Raises SourceChanged.

    https://index.commoncrawl.org/collinfo.json
    """
    if not isinstance(answer, list) or not all(
        isinstance(one, dict) and {"id", "cdx-api"} <= one.keys() for one in answer
    ):
        raise SourceChanged("the list of crawls has an unknown format; name them in options.crawls")
    found = []
    for one in answer:
        first, last = _digits(one.get("from")), _digits(one.get("to"))
        if since and last and last < since.ljust(14, "0"):
            continue
        if until and first and first > until.ljust(14, "9"):
            continue
        found.append((first or one["id"], one["id"], one["cdx-api"]))
    return [(id_, address) for _, id_, address in sorted(found)]


def halves(part: Part) -> tuple[Part, Part] | None:
    """The earlier and the later half of a part, None when it is one second.

    >>> halves(Part(endpoint="", since="2001", until="2002"))[0].until
    '20011231235959'
    """
    first = _moment(part.since, "19900101000000", _BEFORE_THE_WEB)
    last = _moment(part.until, "99991231235959", datetime.now(UTC).replace(microsecond=0))
    if first >= last:
        return None
    middle = first + timedelta(seconds=(last - first) // timedelta(seconds=2))
    return (
        replace(part, since=f"{first:{_STAMP}}", until=f"{middle:{_STAMP}}"),
        replace(part, since=f"{middle + timedelta(seconds=1):{_STAMP}}", until=f"{last:{_STAMP}}"),
    )


def _capture(row: Mapping[str, Any]) -> Capture:
    said = {
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


def _moment(stamp: str | None, rest: str, open_end: datetime) -> datetime:
    """A time of capture made whole by the end of `rest`; `open_end` where there is none."""
    if stamp is None:
        return open_end
    whole = stamp + rest[len(stamp) :]
    year, month, day = int(whole[:4]), min(max(int(whole[4:6]), 1), 12), max(int(whole[6:8]), 1)
    clock = f"{year:04}{month:02}{min(day, monthrange(year, month)[1]):02}{whole[8:]}"
    return datetime.strptime(clock, _STAMP).replace(tzinfo=UTC)


def _url(endpoint: str, *parameters: tuple[str, Any]) -> str:
    joint = "&" if "?" in endpoint else "?"
    return f"{endpoint}{joint}{urlencode([(name, value) for name, value in parameters if value is not None])}"


def _digits(moment: Any) -> str | None:
    digits = re.sub(r"\D", "", str(moment or ""))[:14]
    return digits or None
