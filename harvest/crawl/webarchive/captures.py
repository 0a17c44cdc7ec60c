"""Captures of web archives: which of a URL's are taken, and what is known of their bytes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from harvest.config.reader import setting

__all__ = ["HTML", "REVISIT", "Capture", "Query", "Selection", "sha1_of"]

HTML = ("text/html", "application/xhtml\\+xml")
REVISIT = "warc/revisit"
_MOMENT: Any = {"pattern": r"^\d{1,14}$", "expected": "1 to 14 digits of YYYYMMDDhhmmss"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Captures of `url`: that address, or by `match` all under it, its host or its domain, from `since` to `until`.

    `mimetypes` are full-match regular expressions. Of a URL's `captures`, the newest, the oldest or every one is taken,
    where `collapse` keeps one of adjacent ones with the same `digest` or `urlkey`. `per_page` bounds an answer's rows.
    """

    url: str
    match: str = setting("prefix", choices=("exact", "prefix", "host", "domain"))
    since: str | None = setting(None, **_MOMENT)
    until: str | None = setting(None, **_MOMENT)
    mimetypes: tuple[str, ...] = ("image/.*",)
    captures: str = setting("every", choices=("every", "newest", "oldest"))
    collapse: str = setting("digest", choices=("digest", "urlkey", "none"))
    per_page: int | None = setting(None, ge=1, le=150_000)

    @property
    def folds(self) -> bool:
        """Whether captures may be left out that are as the one before them."""
        return self.captures == "every" and self.collapse != "none"

    @property
    def revisits(self) -> bool:
        """Whether captures that repeat an earlier one count: the newest may be one, and so may every single one."""
        return self.captures != "oldest" and not self.folds


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One row of an index, under one set of names. `filename` and `offset` say where the record lies, if they do."""

    urlkey: str
    timestamp: str
    original: str
    mimetype: str
    status: str
    digest: str | None = None
    length: str | None = None
    filename: str | None = None
    offset: str | None = None


class Selection:
    """Picks captures from rows that come sorted by urlkey and time, holding one URL's at a time.

    Of adjacent ones with the same digest (`collapse` is `digest`) or the same URL (`urlkey`) the first is taken. A
    revisit stands for the earlier capture of the URL with its digest: it has that one's type, and its record's place.
    `held` is what `open` said at the end of the page before. `taken` remembers URLs over all parts of a listing, so
    that each is taken once, unless every capture is.
    """

    def __init__(self, query: Query, taken: set[int], held: Mapping[str, Any] | None = None) -> None:
        self._query, self._taken = query, taken
        self._kinds = re.compile("|".join(f"(?:{kind})" for kind in query.mimetypes))
        held = held or {"urlkey": None, "last": None, "originals": {}}
        self._urlkey: str | None = held["urlkey"]
        self._last = Capture(**held["last"]) if held["last"] else None
        self._originals = {digest: Capture(**capture) for digest, capture in held["originals"].items()}
        self.unresolved = 0

    @property
    def open(self) -> dict[str, Any]:
        """What is held of a URL whose captures may go on on the next page, in values that JSON can say."""
        originals = {digest: asdict(capture) for digest, capture in self._originals.items()}
        return {"urlkey": self._urlkey, "last": asdict(self._last) if self._last else None, "originals": originals}

    def of(self, captures: Iterable[Capture]) -> Iterator[Capture]:
        """The ones to take, as soon as they are certain."""
        for capture in captures:
            if capture.urlkey != self._urlkey:
                yield from self._url_ends()
                self._urlkey = capture.urlkey
            resolved = self._resolved(capture)
            if resolved is None or not self._kinds.fullmatch(resolved.mimetype):
                continue
            before, self._last = self._last, resolved
            if self._is_certain(before, resolved):
                yield resolved

    def end(self) -> Iterator[Capture]:
        """What the end of a part makes certain."""
        yield from self._url_ends()
        self._urlkey = None

    def _url_ends(self) -> Iterator[Capture]:
        if self._query.captures == "newest" and self._last is not None and self._is_first():
            yield self._last
        self._last, self._originals = None, {}

    def _is_certain(self, before: Capture | None, capture: Capture) -> bool:
        if self._query.captures == "every":
            return not self._is_repeated(before, capture)
        return self._query.captures == "oldest" and before is None and self._is_first()

    def _is_first(self) -> bool:
        key = hash(self._urlkey)
        is_first = key not in self._taken
        self._taken.add(key)
        return is_first

    def _is_repeated(self, before: Capture | None, capture: Capture) -> bool:
        if before is None or not self._query.folds:
            return False
        return self._query.collapse == "urlkey" or (capture.digest is not None and before.digest == capture.digest)

    def _resolved(self, capture: Capture) -> Capture | None:
        if capture.mimetype != REVISIT:
            if self._query.revisits and capture.status == "200" and capture.digest:
                self._originals.setdefault(capture.digest, capture)
            return capture if capture.status == "200" else None
        original = self._originals.get(capture.digest or "")
        if original is None:
            self.unresolved += 1
            return None
        return replace(original, timestamp=capture.timestamp, original=capture.original)


def sha1_of(digest: str | None) -> str | None:
    """Hex SHA-1 of an index's base32 digest, None when it is something else.

    >>> sha1_of("3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ")
    'da39a3ee5e6b4b0d3255bfef95601890afd80709'
    """
    text = (digest or "").removeprefix("sha1:")
    if re.fullmatch(r"[0-9a-f]{40}", text):
        return text
    try:
        return base64.b32decode(text.upper()).hex() if len(text) == 32 else None
    except binascii.Error:
        return None
