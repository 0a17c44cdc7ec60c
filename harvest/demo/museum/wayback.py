"""web.archive.test: a CDX server and the replay of stored bytes.

The CDX server follows https://github.com/internetarchive/wayback/tree/master/wayback-cdx-server: filters come first,
then collapsing of adjacent rows, then the limit.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_plus, unquote_plus, urlsplit

from harvest.demo.museum.collection import Collection
from harvest.demo.museum.exhibit import OLD_SITE, captured_at
from harvest.demo.museum.web import Answer, Request, as_json, html, not_found, plain, robots_txt, serve_file

__all__ = ["FIELDS", "Wayback"]

FIELDS: Final = ("urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length")


@dataclass(frozen=True, slots=True)
class _Capture:
    urlkey: str
    timestamp: str
    original: str
    mimetype: str
    statuscode: str
    digest: str
    length: str

    @property
    def place(self) -> str:
        """Where the row stands in the index; a resume key is the place of the last row given."""
        return f"{self.urlkey} {self.timestamp}"


class Wayback:
    """Captures of a site that is no more: images, some visited again, among pages, redirects and errors."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._exhibits = {exhibit.path: exhibit for exhibit in collection.exhibits if exhibit.source == "wayback"}
        self._index = sorted(self._captures(), key=lambda capture: capture.place)

    def __call__(self, request: Request) -> Answer:
        """Answer for the index or for one capture."""
        if request.path == "/robots.txt":
            return robots_txt()
        if request.path.rstrip("/") in {"/cdx/search/cdx", "/cdx/search"}:
            return self._cdx(request)
        exhibit = self._exhibits.get(request.target)
        if exhibit is None:
            return not_found()
        digest = self._collection.sha256(exhibit)
        if digest is None:
            return html("<h1>Hrm.</h1><p>The Wayback Machine has not archived that URL.</p>", 404)
        answer = serve_file(request, exhibit, self._collection.body(exhibit), digest)
        stamp = captured_at(exhibit.number)
        head = (*answer.headers, ("x-archive-orig-server", "Apache/1.3.37"), ("x-archive-src", f"warc-{stamp[:6]}"))
        # The real one now and then sends a second, empty Content-Encoding.
        return Answer(
            answer.status, answer.body, (*head, ("Content-Encoding", "")) if exhibit.number % 10 == 3 else head
        )

    def _captures(self) -> Iterator[_Capture]:
        for exhibit in self._exhibits.values():
            length = str(700 + 37 * exhibit.number)
            held = self._collection.sha256(exhibit) is not None
            digest = _digest(self._collection.body(exhibit) if held else exhibit.url.encode())
            key = _urlkey(exhibit.original_url)
            first, again = captured_at(exhibit.number), captured_at(exhibit.number, 1)
            yield _Capture(key, first, exhibit.original_url, exhibit.media_type, "200", digest, length)
            if exhibit.number % 4 == 1:
                yield _Capture(key, again, exhibit.original_url, exhibit.media_type, "200", digest, length)
            elif exhibit.number % 4 == 2:
                yield _Capture(key, again, exhibit.original_url, "warc/revisit", "-", digest, "512")
        for number in range(1, 13):
            url = f"http://{OLD_SITE}/drawer-{number}.html"
            yield _Capture(_urlkey(url), captured_at(number), url, "text/html", "200", _digest(url.encode()), "2048")
            gone = f"http://{OLD_SITE}/plates/withdrawn-{number}.jpg"
            yield _Capture(_urlkey(gone), captured_at(number), gone, "text/html", "404", _digest(b"404"), "310")
            moved = f"http://{OLD_SITE}/pictures/{number}.jpg"
            yield _Capture(_urlkey(moved), captured_at(number), moved, "unk", "301", _digest(b"301"), "290")

    def _cdx(self, request: Request) -> Answer:
        if not request.parameter("url"):
            return plain("The url= param is required", 400)
        fields = [name for name in request.parameter("fl").split(",") if name] or list(FIELDS)
        if not set(fields) <= set(FIELDS):
            return plain(f"Unknown field in fl={request.parameter('fl')}", 400)
        try:
            captures = list(_collapsed(self._matching(request), request.query.get("collapse", [])))
            # A key comes back as it was given or encoded once more; the real server takes both.
            after = unquote_plus(request.parameter("resumeKey")).removesuffix("!")
            captures = [capture for capture in captures if capture.place > after]
        except (re.error, ValueError) as error:
            return plain(f"Bad filter or collapse: {error}", 400)
        limit = int(request.parameter("limit", "150000"))
        shown, left = captures[:limit], captures[limit:]
        rows = [[getattr(capture, name) for name in fields] for capture in shown]
        more = [quote_plus(f"{shown[-1].place}!")] if left and request.parameter("showResumeKey") == "true" else []
        if request.parameter("output") == "json":
            head = [fields] if rows else []
            return as_json([*head, *rows, *([[], more] if more else [])])
        text = "".join(" ".join(row) + "\n" for row in rows) + "".join(f"\n{key}\n" for key in more)
        return plain(text)

    def _matching(self, request: Request) -> Iterator[_Capture]:
        matches = _scope(request.parameter("url"), request.parameter("matchType"))
        start, end = request.parameter("from"), request.parameter("to")
        filters = [_filter(rule) for rule in request.query.get("filter", [])]
        for capture in self._index:
            if not matches.fullmatch(capture.urlkey):
                continue
            if (start and capture.timestamp < start) or (end and capture.timestamp > end.ljust(14, "9")):
                continue
            if all(
                (pattern.fullmatch(getattr(capture, name)) is not None) == wanted for name, pattern, wanted in filters
            ):
                yield capture


def _scope(url: str, match_type: str) -> re.Pattern[str]:
    """The urlkeys that a query asks for; a trailing or leading `*` stands for a match type."""
    if url.startswith("*."):
        url, match_type = url[2:], "domain"
    elif url.endswith("*"):
        url, match_type = url[:-1], "prefix"
    key = _urlkey(url)
    if match_type == "host":
        key = key.partition(")")[0] + ")/"
    if match_type == "domain":
        return re.compile(re.escape(key.partition(")")[0]) + r"(,[^)]*)?\)/.*")
    return re.compile(re.escape(key) + (".*" if match_type in {"prefix", "host"} else ""))


def _filter(rule: str) -> tuple[str, re.Pattern[str], bool]:
    """`[!]field:regex`: field, full-match pattern, and whether a match keeps the row."""
    name, colon, pattern = rule.removeprefix("!").partition(":")
    if not colon or name not in FIELDS:
        raise ValueError(rule)
    return name, re.compile(pattern), not rule.startswith("!")


def _collapsed(captures: Iterable[_Capture], rules: list[str]) -> Iterator[_Capture]:
    """The first of every run of adjacent rows that agree on `field` or on the first N characters of `field:N`."""
    keys = []
    for rule in rules:
        name, _, length = rule.partition(":")
        if name not in FIELDS:
            raise ValueError(rule)
        keys.append((name, int(length) if length else None))
    last: tuple[str, ...] | None = None
    for capture in captures:
        current = tuple(getattr(capture, name)[:length] for name, length in keys)
        if not keys or current != last:
            yield capture
        last = current


def _urlkey(url: str) -> str:
    """SURT form: `http://a.b.test/X` becomes `test,b,a)/x`."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return ",".join(reversed((parts.hostname or "").split("."))) + ")" + (parts.path.lower() or "/")


def _digest(body: bytes) -> str:
    """Base32 SHA-1 of a stored body."""
    return base64.b32encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()
