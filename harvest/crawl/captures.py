"""Captures of web archives: which of a URL's are taken, and what is known of their bytes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

__all__ = ["HTML", "REVISIT", "Capture", "Selection", "sha1_of"]

HTML = ("text/html", "application/xhtml\\+xml")
REVISIT = "warc/revisit"


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

    `which` is `every`, `oldest` or `newest` capture of a URL. Of adjacent ones with the same digest (`collapse` is
    `digest`) or the same URL (`urlkey`) the first is taken. A revisit stands for the earlier capture of the URL with
    its digest: it has that one's type, and its record's place. When a listing comes in several parts, `next_part` says
    that one ended: URLs of it are not taken again, unless every capture is.
    """

    def __init__(self, which: str, collapse: str, mimetypes: Sequence[str]) -> None:
        self._which, self._collapse = which, collapse
        self._kinds = re.compile("|".join(f"(?:{kind})" for kind in mimetypes))
        self._urlkey: str | None = None
        self._last: Capture | None = None
        self._originals: dict[str, Capture] = {}
        self._taken: set[int] = set()
        self.unresolved = 0

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

    def next_part(self) -> Iterator[Capture]:
        """What the end of a part makes certain."""
        yield from self._url_ends()
        self._urlkey = None

    def _url_ends(self) -> Iterator[Capture]:
        if self._which == "newest" and self._last is not None and self._is_first():
            yield self._last
        self._last, self._originals = None, {}

    def _is_certain(self, before: Capture | None, capture: Capture) -> bool:
        if self._which == "every":
            return not self._is_repeated(before, capture)
        return self._which == "oldest" and before is None and self._is_first()

    def _is_first(self) -> bool:
        key = hash(self._urlkey)
        is_first = key not in self._taken
        self._taken.add(key)
        return is_first

    def _is_repeated(self, before: Capture | None, capture: Capture) -> bool:
        if before is None or self._collapse == "none":
            return False
        return self._collapse == "urlkey" or (capture.digest is not None and before.digest == capture.digest)

    def _resolved(self, capture: Capture) -> Capture | None:
        if capture.mimetype != REVISIT:
            if capture.status == "200" and capture.digest:
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
